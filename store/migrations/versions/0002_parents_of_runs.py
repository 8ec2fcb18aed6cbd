"""Runs that are a step of another run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_CHILDREN = sa.text("parent_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("workflow_instances", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("workflow_instances", sa.Column("parent_step", sa.Text(), nullable=True))
    op.create_index(
        "ix_workflow_instances_children",
        "workflow_instances",
        ["parent_id", "created_at"],
        sqlite_where=_CHILDREN,
        postgresql_where=_CHILDREN,
    )
