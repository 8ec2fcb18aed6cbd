"""Runs that were begun with the outputs of another, and definitions that were changed while a run went on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("workflow_instances", sa.Column("forked_from", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_workflow_instances_forked_from"), "workflow_instances", ["forked_from"])
    op.add_column("workflow_step_executions", sa.Column("context_data", sa.JSON(), nullable=True))
    op.create_table(
        "workflow_run_definitions",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["workflow_instances.id"],
            name=op.f("fk_workflow_run_definitions_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_workflow_run_definitions")),
    )


def downgrade() -> None:
    op.drop_table("workflow_run_definitions")
    op.drop_column("workflow_step_executions", "context_data")
    op.drop_index(op.f("ix_workflow_instances_forked_from"), "workflow_instances")
    op.drop_column("workflow_instances", "forked_from")
