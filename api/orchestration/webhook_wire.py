"""Webhooks in the Orchestration API's shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.orchestration.envelope import Body, Moment, Optional
from api.orchestration.wire import RunWebhook
from definitions.model import Duration
from engine.webhooks.views import DeliveryView, NewSecret, WebhookView

WebhookEvent = Literal[
    "workflow.execution.started",
    "workflow.execution.completed",
    "workflow.execution.failed",
    "workflow.step.completed",
    "workflow.step.failed",
]
DeliveryState = Literal["pending", "delivered", "failed"]
Url = Annotated[str, Field(min_length=1, max_length=2048)]
Secret = Annotated[str, Field(min_length=1, max_length=128)]
Description = Annotated[str, Field(max_length=500)]


class Subscription(RunWebhook):
    """Where all executions are told of, or those of one workflow."""

    workflow_id: Annotated[str, Field(max_length=64)] | None = None
    description: Description = ""


class Change(Body):
    """What is to be changed of a webhook."""

    url: Url | None = None
    events: list[WebhookEvent] | None = None
    ordered: bool | None = None
    enabled: bool | None = None
    description: Description | None = None


class Rotation(Body):
    """A new secret. `overlap`: how long the one before is used, too."""

    overlap: Annotated[Duration, Field(ge=0)] = 86_400.0
    secret: Secret | None = None


class Recovery(Body):
    """Send again what was given up since then; without an offset it is UTC."""

    since: datetime


class Webhook(BaseModel):
    """A webhook. `disabled_reason`: `gone` (it answered 410), `failing` (for too long) or `owner`."""

    id: str
    url: str
    events: list[WebhookEvent]
    workflow_id: str | None
    execution_id: Optional[str] = None
    ordered: bool
    enabled: bool
    disabled_reason: Optional[str] = None
    description: str
    created_by: str
    created_at: Moment
    updated_at: Moment
    failing_since: Optional[Moment] = None
    former_secret_until: Optional[Moment] = None
    secret: Optional[str] = None
    """Told once: when it is made and when it is replaced."""


class Attempt(BaseModel):
    """One attempt. `response`: the first 1,024 characters of the answer."""

    number: int
    at: Moment
    latency_ms: float
    status: int | None
    error: Optional[str] = None
    response: str


class Delivery(BaseModel):
    """An event for a webhook; `id` is the `webhook-id` of the message in every attempt."""

    id: str
    event: WebhookEvent
    execution_id: str
    step_id: Optional[str] = None
    happened_at: Moment
    status: DeliveryState
    attempts: list[Attempt]
    next_attempt_at: Optional[Moment] = None
    delivered_at: Optional[Moment] = None
    payload: Optional[dict[str, Any]] = None


class DeletedWebhook(BaseModel):
    """A webhook that is no more."""

    id: str
    status: Literal["deleted"] = "deleted"


class Recovered(BaseModel):
    """How many messages are sent again."""

    deliveries: int


def webhook(view: WebhookView, secret: str | None = None) -> Webhook:
    """A webhook as it is told."""
    return Webhook(
        id=view.webhook_id,
        url=view.url,
        events=list(view.events),
        workflow_id=view.workflow_id,
        execution_id=view.execution_id,
        ordered=view.ordered,
        enabled=view.enabled,
        disabled_reason=view.disabled_reason or None,
        description=view.description,
        created_by=view.owner,
        created_at=view.created_at,
        updated_at=view.updated_at,
        failing_since=view.failing_since,
        former_secret_until=view.former_secret_until,
        secret=secret,
    )


def with_secret(made: NewSecret) -> Webhook:
    """One whose secret was just made."""
    return webhook(made.webhook, made.secret)


def delivery(view: DeliveryView) -> Delivery:
    """A delivery with its attempts."""
    return Delivery(
        id=view.delivery_id,
        event=view.event,
        execution_id=view.execution_id,
        step_id=view.step_id,
        happened_at=view.happened_at,
        status=view.state,
        attempts=[
            Attempt(
                number=each.number,
                at=each.at,
                latency_ms=round(each.latency_seconds * 1000, 1),
                status=each.status,
                error=each.error or None,
                response=each.response,
            )
            for each in view.attempts
        ],
        next_attempt_at=view.next_attempt_at,
        delivered_at=view.delivered_at,
        payload=view.payload,
    )
