"""The tables of webhooks: who wants to be told of what, what was told, and what each attempt came to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, UniqueConstraint, Uuid, text
from sqlmodel import Field

from store.columns import Json, StorableText, UtcDateTime, now
from store.tables import Row

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"
DELIVERY_STATES = (PENDING, DELIVERED, FAILED)
WAITING = text("state = 'pending'")
SUBSCRIPTION, OF_RUN, NOTIFICATION = "subscription", "run", "notification"
WEBHOOK, CHAT, EMAIL = "webhook", "chat", "email"


class Webhook(Row, table=True):
    """Somebody who is told of events: by `owner`, of all runs of theirs, of one workflow's (`template_id`), or of one
    run (`instance_id`, which may not be there yet)."""

    __tablename__ = "longpole_webhooks"
    __table_args__ = (
        Index("ix_longpole_webhooks_owner", "owner", "template_id", "instance_id"),
        Index(None, "template_id"),
        Index(None, "instance_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    owner: str = Field(sa_type=StorableText)
    purpose: str = Field(sa_type=StorableText)
    """`subscription`, `run`, or `notification` (of a definition)."""
    kind: str = Field(sa_type=StorableText)
    """`webhook` (signed), `chat` (a text, as Slack takes it) or `email`."""
    target: str = Field(sa_type=StorableText)
    """A URL, or an e-mail address."""
    template_id: UUID | None = Field(
        default=None,
        sa_column=Column("template_id", Uuid, ForeignKey("workflow_templates.id", ondelete="CASCADE"), nullable=True),
    )
    instance_id: UUID | None = Field(default=None, sa_type=Uuid)
    events: list[str] = Field(sa_type=Json)
    ordered: bool = False
    """Of one execution, an event is sent only when the one before has arrived or was given up."""
    enabled: bool = True
    disabled_reason: str = Field(default="", sa_type=StorableText)
    description: str = Field(default="", sa_type=StorableText)
    secret: str = Field(default="", sa_type=StorableText)
    former_secret: str = Field(default="", sa_type=StorableText)
    former_secret_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until then each message is signed with the former secret, too."""
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """The first attempt of those that failed since the last one that did not."""
    awake_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until then its delivery workflow need not be woken: it was, or it is at work."""
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class WebhookDelivery(Row, table=True):
    """One event for one webhook; its id is the message's, and never changes."""

    __tablename__ = "longpole_webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "instance_id", "sequence", name="uq_longpole_webhook_deliveries_event"),
        Index(
            "ix_longpole_webhook_deliveries_due",
            "webhook_id",
            "due_at",
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        Index(
            "ix_longpole_webhook_deliveries_waiting",
            "webhook_id",
            "instance_id",
            "sequence",
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        Index("ix_longpole_webhook_deliveries_log", "webhook_id", "created_at"),
        Index(None, "instance_id"),
        Index(None, "created_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    webhook_id: UUID = Field(
        sa_column=Column("webhook_id", Uuid, ForeignKey("longpole_webhooks.id", ondelete="CASCADE"), nullable=False)
    )
    instance_id: UUID = Field(
        sa_column=Column("instance_id", Uuid, ForeignKey("workflow_instances.id", ondelete="CASCADE"), nullable=False)
    )
    sequence: int = Field(sa_type=BigInteger)
    """Of the run's event; 0: that it has started."""
    event: str = Field(sa_type=StorableText)
    step_id: str | None = Field(default=None, sa_type=StorableText)
    happened_at: datetime = Field(sa_type=UtcDateTime)
    payload: dict[str, Any] | None = Field(default=None, sa_type=Json, nullable=True)
    """What is sent; made for the first attempt, the same in each."""
    state: str = Field(default=PENDING, sa_type=StorableText)
    due_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    """When to send it next; of one that is just being sent: when it is sent again if nothing is heard of that."""
    attempts: int = 0
    tries: int = 0
    """Attempts since it was made or was last asked for again."""
    last_status: int | None = None
    last_error: str = Field(default="", sa_type=StorableText)
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class WebhookAttempt(Row, table=True):
    """One attempt at a delivery."""

    __tablename__ = "longpole_webhook_attempts"
    __table_args__ = (Index(None, "delivery_id", "id"),)

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    delivery_id: UUID = Field(
        sa_column=Column(
            "delivery_id", Uuid, ForeignKey("longpole_webhook_deliveries.id", ondelete="CASCADE"), nullable=False
        )
    )
    number: int
    at: datetime = Field(sa_type=UtcDateTime)
    latency_seconds: float
    status: int | None = None
    error: str = Field(default="", sa_type=StorableText)
    response: str = Field(default="", sa_type=StorableText)
    """The first characters of what was answered."""


WEBHOOKS = Row.metadata.tables["longpole_webhooks"]
DELIVERIES = Row.metadata.tables["longpole_webhook_deliveries"]
ATTEMPTS = Row.metadata.tables["longpole_webhook_attempts"]
