"""Workflows that are drafts or deleted, how executions were begun, and what workflows can be made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for name in ("activated_at", "deleted_at"):
        op.add_column("workflow_templates", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "longpole_execution_origins",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("estimated_completion", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["workflow_instances.id"],
            name=op.f("fk_longpole_execution_origins_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_longpole_execution_origins")),
        sa.UniqueConstraint("template_id", "name", name=op.f("uq_longpole_execution_origins_template_id_name")),
    )
    op.create_table(
        "longpole_blueprints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_blueprints")),
    )
    op.create_index(op.f("ix_longpole_blueprints_owner_created_at"), "longpole_blueprints", ["owner", "created_at"])


def downgrade() -> None:
    op.drop_table("longpole_blueprints")
    op.drop_table("longpole_execution_origins")
    for name in ("deleted_at", "activated_at"):
        op.drop_column("workflow_templates", name)
