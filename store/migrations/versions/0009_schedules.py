"""Schedules of workflows, and the times at which they were due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
_SCHEDULES = "longpole_schedules"
_OCCURRENCES = "longpole_schedule_occurrences"
_UNAPPLIED = sa.text("applied_edition <> edition")


def upgrade() -> None:
    op.create_table(
        _SCHEDULES,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("edition", sa.BigInteger(), nullable=False),
        sa.Column("applied_edition", sa.BigInteger(), nullable=False),
        sa.Column("missed_seen", sa.BigInteger(), nullable=False),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["workflow_templates.id"], name=op.f("fk_longpole_schedules_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_schedules")),
    )
    op.create_index(op.f("ix_longpole_schedules_owner_created_at"), _SCHEDULES, ["owner", "created_at"])
    op.create_index(op.f("ix_longpole_schedules_checked_at"), _SCHEDULES, ["checked_at"])
    op.create_index(
        "ix_longpole_schedules_unapplied",
        _SCHEDULES,
        ["id"],
        sqlite_where=_UNAPPLIED,
        postgresql_where=_UNAPPLIED,
    )
    op.create_table(
        _OCCURRENCES,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=True),
        sa.Column("launcher_id", sa.Text(), nullable=False),
        sa.Column("launcher_run", sa.Text(), nullable=False),
        sa.Column("launched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            [f"{_SCHEDULES}.id"],
            name=op.f("fk_longpole_schedule_occurrences_schedule_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_schedule_occurrences")),
    )
    op.create_index(op.f("ix_longpole_schedule_occurrences_schedule_id_due_at"), _OCCURRENCES, ["schedule_id", "due_at"])
    op.create_index("ix_longpole_schedule_occurrences_state", _OCCURRENCES, ["schedule_id", "state"])


def downgrade() -> None:
    op.drop_table(_OCCURRENCES)
    op.drop_table(_SCHEDULES)
