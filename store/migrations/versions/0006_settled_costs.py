"""What scheduled workflows have cost, once they are over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
_TABLE = "longpole_scheduled_workflows"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("actual_cost", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column(_TABLE, "actual_cost")
