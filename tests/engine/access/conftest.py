"""Databases of each kind."""

from tests.databases import database, url
from tests.postgres import postgres

__all__ = ["database", "postgres", "url"]
