"""Webhooks: who is told of events, and what they were told."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Annotated

from fastapi import Query

from api.dependencies import Caller, SeenEngine
from api.orchestration import webhook_wire as wire
from api.orchestration.envelope import Answer, paged
from api.orchestration.wire import RunWebhook
from api.routing import surface_router
from api.rules import rules
from engine.webhooks.webhooks import WebhookChange, Webhooks

BASE = "/v1/workflows"
ALL = f"{BASE}/webhooks"
ONE = f"{ALL}/{{webhook_id}}"
DELIVERY = f"{ONE}/deliveries/{{delivery_id}}"
OF_RUN = f"{BASE}/executions/{{execution_id}}/webhooks"
Page = Annotated[int, Query(ge=1, le=10_000_000)]
Limit = Annotated[int, Query(ge=1, le=100)]
Id = Annotated[str | None, Query(max_length=64)]
router = surface_router()


@router.get(ALL)
async def list_webhooks(
    engine: SeenEngine, caller: Caller, workflow_id: Id = None, page: Page = 1, limit: Limit = 20
) -> Answer[list[wire.Webhook]]:
    """The user's webhooks, oldest first; those of single executions are listed at the execution."""
    found, total = await Webhooks(engine, caller).list(workflow_id=workflow_id, limit=limit, offset=(page - 1) * limit)
    return paged([wire.webhook(each) for each in found], page=page, limit=limit, total=total)


@router.post(ALL, status_code=201)
@rules(idempotent=False)  # its answer holds the secret
async def create_webhook(body: wire.Subscription, engine: SeenEngine, caller: Caller) -> Answer[wire.Webhook]:
    """Be told of events. The answer has the secret that messages are signed with; nobody can tell it again."""
    made = await Webhooks(engine, caller).subscribe(
        body.url,
        body.events,
        workflow_id=body.workflow_id,
        ordered=body.ordered,
        description=body.description,
        secret=body.secret,
    )
    return Answer(data=wire.with_secret(made))


@router.get(ONE)
async def get_webhook(webhook_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.Webhook]:
    """A webhook."""
    return Answer(data=wire.webhook(await Webhooks(engine, caller).get(webhook_id)))


@router.patch(ONE)
async def change_webhook(
    webhook_id: str, body: wire.Change, engine: SeenEngine, caller: Caller
) -> Answer[wire.Webhook]:
    """Change what is given. One that is enabled again is sent what was held back."""
    change = WebhookChange(body.url, body.events, body.ordered, body.enabled, body.description)
    return Answer(data=wire.webhook(await Webhooks(engine, caller).update(webhook_id, change)))


@router.delete(ONE)
async def delete_webhook(webhook_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.DeletedWebhook]:
    """Remove a webhook with its deliveries."""
    await Webhooks(engine, caller).delete(webhook_id)
    return Answer(data=wire.DeletedWebhook(id=webhook_id))


@router.post(f"{ONE}/rotate")
@rules(idempotent=False)
async def rotate_secret(
    webhook_id: str, engine: SeenEngine, caller: Caller, body: wire.Rotation | None = None
) -> Answer[wire.Webhook]:
    """Sign with a new secret, and for a while with the one before, too."""
    wanted = body or wire.Rotation()
    overlap = timedelta(seconds=wanted.overlap)
    made = await Webhooks(engine, caller).rotate(webhook_id, both_valid=overlap, secret=wanted.secret)
    return Answer(data=wire.with_secret(made))


@router.get(f"{ONE}/deliveries")
async def list_deliveries(
    webhook_id: str,
    engine: SeenEngine,
    caller: Caller,
    status: wire.DeliveryState | None = None,
    execution_id: Id = None,
    page: Page = 1,
    limit: Limit = 20,
) -> Answer[list[wire.Delivery]]:
    """What was sent, or is to be, with every attempt; newest first."""
    found, total = await Webhooks(engine, caller).log.list(
        webhook_id, state=status, execution_id=execution_id, limit=limit, offset=(page - 1) * limit
    )
    return paged([wire.delivery(each) for each in found], page=page, limit=limit, total=total)


@router.get(DELIVERY)
async def get_delivery(webhook_id: str, delivery_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.Delivery]:
    """One of them."""
    return Answer(data=wire.delivery(await Webhooks(engine, caller).log.get(webhook_id, delivery_id)))


@router.post(f"{DELIVERY}/redeliver")
async def redeliver(webhook_id: str, delivery_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.Delivery]:
    """Send a message once more, with the same id, whatever became of it."""
    return Answer(data=wire.delivery(await Webhooks(engine, caller).log.redeliver(webhook_id, delivery_id)))


@router.post(f"{ONE}/recover")
async def recover(webhook_id: str, body: wire.Recovery, engine: SeenEngine, caller: Caller) -> Answer[wire.Recovered]:
    """Send once more all that was given up of what has happened since a moment, at most 1,000 messages."""
    since = body.since if body.since.tzinfo is not None else body.since.replace(tzinfo=UTC)
    count = await Webhooks(engine, caller).log.recover(webhook_id, since)
    return Answer(data=wire.Recovered(deliveries=count))


@router.get(OF_RUN)
async def list_webhooks_of_execution(
    execution_id: str, engine: SeenEngine, caller: Caller, page: Page = 1, limit: Limit = 20
) -> Answer[list[wire.Webhook]]:
    """The webhooks of one execution alone."""
    await engine.executions.status(execution_id)
    found, total = await Webhooks(engine, caller).list(
        execution_id=execution_id, limit=limit, offset=(page - 1) * limit
    )
    return paged([wire.webhook(each) for each in found], page=page, limit=limit, total=total)


@router.post(OF_RUN, status_code=201)
@rules(idempotent=False)
async def create_webhook_of_execution(
    execution_id: str, body: RunWebhook, engine: SeenEngine, caller: Caller
) -> Answer[wire.Webhook]:
    """Be told of the events of one execution, also of those that have happened."""
    await engine.executions.status(execution_id)
    made = await Webhooks(engine, caller).per_run(
        execution_id, body.url, body.events, ordered=body.ordered, secret=body.secret
    )
    return Answer(data=wire.with_secret(made))
