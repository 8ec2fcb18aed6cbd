"""Pools, scheduled workflows and reservations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "longpole_pools",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_longpole_pools")),
    )
    book = op.create_table(
        "longpole_reservation_book",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_reservation_book")),
    )
    op.bulk_insert(book, [{"id": 1, "edition": 0}])
    op.create_table(
        "longpole_scheduled_workflows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("cost_optimization", sa.Boolean(), nullable=False),
        sa.Column("may_preempt", sa.Boolean(), nullable=False),
        sa.Column("preemptible", sa.Boolean(), nullable=False),
        sa.Column("step_count", sa.Integer(), nullable=False),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announced_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("critical_seconds", sa.Float(), nullable=False),
        sa.Column("estimated_cost", sa.Float(), nullable=False),
        sa.Column("cost_savings", sa.Float(), nullable=False),
        sa.Column("efficiency", sa.Float(), nullable=False),
        sa.Column("conflicts_resolved", sa.Integer(), nullable=False),
        sa.Column("times_moved", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["workflow_instances.id"],
            name=op.f("fk_longpole_scheduled_workflows_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_scheduled_workflows")),
    )
    scheduled = "longpole_scheduled_workflows"
    op.create_index("uq_longpole_scheduled_workflows_run", scheduled, ["instance_id"], unique=True)
    op.create_index(op.f("ix_longpole_scheduled_workflows_owner_created_at"), scheduled, ["owner", "created_at"])
    op.create_index(op.f("ix_longpole_scheduled_workflows_created_at"), scheduled, ["created_at"])
    op.create_table(
        "longpole_reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_id"],
            ["longpole_scheduled_workflows.id"],
            name=op.f("fk_longpole_reservations_workflow_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_reservations")),
    )
    op.create_index(op.f("ix_longpole_reservations_workflow_id"), "longpole_reservations", ["workflow_id"])
    op.create_index(op.f("ix_longpole_reservations_ends_at"), "longpole_reservations", ["ends_at"])


def downgrade() -> None:
    op.drop_table("longpole_reservations")
    op.drop_table("longpole_scheduled_workflows")
    op.drop_table("longpole_reservation_book")
    op.drop_table("longpole_pools")
