"""Alembic's scripts; `store.migrate` runs them. Revisions are numbered in order: 0001, 0002, ..."""
