"""Waking delivery workflows. What the store says is due counts: one that could not be woken is woken again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from definitions.delivering import DELIVERY_WORKFLOW, WAKE, delivery_queue, delivery_workflow_id
from definitions.errors import ServiceUnavailable
from engine.temporal import answer
from store import webhooks

if TYPE_CHECKING:
    from engine.core import Engine

_AGAIN_AFTER = timedelta(seconds=10)
"""A workflow that was woken and has not come to work by then is woken again."""
_HELD = timedelta(seconds=5)
"""To begin a workflow takes a processor for as long as several steps do."""
_log = structlog.get_logger()


async def wake_webhooks(engine: Engine, *, busy: bool = False) -> int:
    """Wake the workflow of each webhook that has something to send, or, where the process is busy with steps, has had
    for a while; returns how many. Raises `StoreUnavailable`."""

    def waiting() -> list[UUID]:
        now = datetime.now(UTC)
        since = now - _HELD if busy else now
        with engine.database.read() as session:
            if not webhooks.waiting(session, now, due=since, limit=1):
                return []
        with engine.database.write() as session:
            found = webhooks.waiting(session, now, due=since)
            webhooks.set_awake(session, found, now + _AGAIN_AFTER)
            return found

    woken = 0
    for webhook in await asyncio.to_thread(waiting):
        try:
            await wake(engine, webhook)
        except (RPCError, ServiceUnavailable) as error:
            _log.warning("a webhook can't be delivered to yet", webhook=webhook.hex, error=str(error))
            continue
        woken += 1
    return woken


async def wake(engine: Engine, webhook: UUID) -> None:
    """Start the webhook's delivery workflow, or tell the one that is there. Raises `ServiceUnavailable`, `RPCError`."""
    await answer(
        engine.client,
        engine.client.start_workflow(
            DELIVERY_WORKFLOW,
            webhook.hex,
            id=delivery_workflow_id(webhook),
            task_queue=delivery_queue(engine.settings.task_queue),
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=WAKE,
            static_summary="Deliver to a webhook",
        ),
    )
