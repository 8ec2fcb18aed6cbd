"""Webhooks, what they are told, and each attempt at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
_WAITING = sa.text("state = 'pending'")


def upgrade() -> None:
    op.create_table(
        "longpole_webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("instance_id", sa.Uuid(), nullable=True),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("former_secret", sa.Text(), nullable=False),
        sa.Column("former_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("awake_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["workflow_templates.id"],
            name=op.f("fk_longpole_webhooks_template_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_webhooks")),
    )
    op.create_index("ix_longpole_webhooks_owner", "longpole_webhooks", ["owner", "template_id", "instance_id"])
    op.create_index(op.f("ix_longpole_webhooks_template_id"), "longpole_webhooks", ["template_id"])
    op.create_index(op.f("ix_longpole_webhooks_instance_id"), "longpole_webhooks", ["instance_id"])
    op.create_table(
        "longpole_webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["longpole_webhooks.id"],
            name=op.f("fk_longpole_webhook_deliveries_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["workflow_instances.id"],
            name=op.f("fk_longpole_webhook_deliveries_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_webhook_deliveries")),
        sa.UniqueConstraint("webhook_id", "instance_id", "sequence", name="uq_longpole_webhook_deliveries_event"),
    )
    for name, columns in {"due": ["webhook_id", "due_at"], "waiting": ["webhook_id", "instance_id", "sequence"]}.items():
        op.create_index(
            f"ix_longpole_webhook_deliveries_{name}",
            "longpole_webhook_deliveries",
            columns,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        )
    op.create_index(
        "ix_longpole_webhook_deliveries_log", "longpole_webhook_deliveries", ["webhook_id", "created_at"]
    )
    for column in ("instance_id", "created_at"):
        op.create_index(op.f(f"ix_longpole_webhook_deliveries_{column}"), "longpole_webhook_deliveries", [column])
    op.create_table(
        "longpole_webhook_attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latency_seconds", sa.Float(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["longpole_webhook_deliveries.id"],
            name=op.f("fk_longpole_webhook_attempts_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longpole_webhook_attempts")),
    )
    op.create_index(
        op.f("ix_longpole_webhook_attempts_delivery_id_id"), "longpole_webhook_attempts", ["delivery_id", "id"]
    )


def downgrade() -> None:
    op.drop_table("longpole_webhook_attempts")
    op.drop_table("longpole_webhook_deliveries")
    op.drop_table("longpole_webhooks")
