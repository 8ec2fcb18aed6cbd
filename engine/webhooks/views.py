"""What is told of webhooks and deliveries. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.webhook_sending import message_id
from definitions.ids import execution_id, workflow_id
from store.webhook_tables import Webhook, WebhookAttempt, WebhookDelivery


@dataclass(frozen=True)
class WebhookView:
    """Somebody who is told of events; the secret is never among it."""

    webhook_id: str
    """`wh_<32 hex>`"""
    owner: str
    url: str
    events: tuple[str, ...]
    workflow_id: str | None
    """None: it is told of all workflows."""
    execution_id: str | None
    """Of a webhook of a single run."""
    ordered: bool
    enabled: bool
    disabled_reason: str
    """`gone`: it answered 410; `failing`: for too long; `owner`: its owner did; empty: it is enabled."""
    description: str
    failing_since: datetime | None
    former_secret_until: datetime | None
    """Until then messages are signed with the secret before this one, too."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Webhook) -> WebhookView:
        """The row without what is nobody's business."""
        return cls(
            webhook_id=f"wh_{row.id.hex}",
            owner=row.owner,
            url=row.target,
            events=tuple(row.events),
            workflow_id=workflow_id(row.template_id) if row.template_id is not None else None,
            execution_id=execution_id(row.instance_id) if row.instance_id is not None else None,
            ordered=row.ordered,
            enabled=row.enabled,
            disabled_reason=row.disabled_reason,
            description=row.description,
            failing_since=row.failing_since,
            former_secret_until=row.former_secret_until,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@dataclass(frozen=True)
class NewSecret:
    """A webhook whose secret was just made: it is told this once."""

    webhook: WebhookView
    secret: str


@dataclass(frozen=True)
class AttemptView:
    """One attempt: what was answered, or why nothing was."""

    number: int
    at: datetime
    latency_seconds: float
    status: int | None
    error: str
    response: str
    """The first 1,024 characters of the answer's body."""


@dataclass(frozen=True)
class DeliveryView:
    """One event for one webhook. `state`: `pending`, `delivered` or `failed` (given up)."""

    delivery_id: str
    """`msg_<32 hex>`: the `webhook-id` of the message, in every attempt."""
    event: str
    execution_id: str
    step_id: str | None
    happened_at: datetime
    state: str
    attempts: tuple[AttemptView, ...]
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    payload: dict[str, Any] | None
    """None before the first attempt."""

    @classmethod
    def of(cls, row: WebhookDelivery, attempts: Sequence[WebhookAttempt]) -> DeliveryView:
        """The row with its attempts."""
        return cls(
            delivery_id=message_id(row),
            event=row.event,
            execution_id=execution_id(row.instance_id),
            step_id=row.step_id,
            happened_at=row.happened_at,
            state=row.state,
            attempts=tuple(
                AttemptView(each.number, each.at, each.latency_seconds, each.status, each.error, each.response)
                for each in attempts
            ),
            next_attempt_at=row.due_at if row.state == "pending" else None,
            delivered_at=row.delivered_at,
            payload=row.payload,
        )
