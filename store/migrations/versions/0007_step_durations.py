"""How long steps have taken, and what they were planned with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
_TABLE = "longpole_step_durations"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("agent_type", sa.Text(), nullable=False),
        sa.Column("size_class", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("p50", sa.Float(), nullable=False),
        sa.Column("p90", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_id"],
            ["longpole_scheduled_workflows.id"],
            name=op.f("fk_longpole_step_durations_workflow_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_step_durations")),
    )
    op.create_index(op.f("ix_longpole_step_durations_workflow_id"), _TABLE, ["workflow_id"])
    op.create_index("ix_longpole_step_durations_step", _TABLE, ["owner", "definition", "ended_at"])
    op.create_index("ix_longpole_step_durations_agent", _TABLE, ["owner", "agent_type", "size_class", "ended_at"])


def downgrade() -> None:
    op.drop_table(_TABLE)
