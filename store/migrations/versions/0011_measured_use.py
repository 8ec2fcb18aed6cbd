"""What workers saw attempts use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
_TABLE = "workflow_step_executions"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("measured", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column(_TABLE, "measured")
