"""The worker that delivers to webhooks, beside the one that runs steps and in no way of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.worker import Worker

from activities.giving_way import GivingWay
from activities.guarded_http import guarded_client
from activities.webhook_sending import Sender
from activities.webhooks import DeliveryActivities
from definitions.delivering import delivery_queue
from engine.core import Engine
from engine.sandbox import sandbox
from engine.scheduling.pools import PoolBook
from engine.webhooks.costs import Costs
from engine.webhooks.payloads import Payloads
from engine.worker import STICKY_TIMEOUT
from workflows.webhook_delivery import WebhookDeliveryWorkflow

_AT_ONCE = 50
"""Webhooks that one worker delivers to at once."""


@asynccontextmanager
async def delivering(engine: Engine, busy: Callable[[], bool] = lambda: False) -> AsyncIterator[asyncio.Task[None]]:
    """Deliver as long as the block lasts. The task ends only by an error that the worker gives up on. `busy`: whether
    the process has steps to see to first."""
    settings = engine.settings
    client = guarded_client(settings.outbound_policy, seconds=settings.webhook_seconds)
    sender = Sender(client, settings.mail_server, settings.webhook_seconds)
    payloads = Payloads(Costs(PoolBook(engine.database, settings.pools_file)))
    activities = DeliveryActivities(engine.database, sender, payloads.made, settings.webhook_terms, GivingWay(busy))
    worker = Worker(
        engine.client,
        task_queue=delivery_queue(settings.task_queue),
        workflows=[WebhookDeliveryWorkflow],
        activities=[activities.deliver],
        workflow_runner=sandbox(),
        max_cached_workflows=200,
        max_concurrent_workflow_tasks=10,
        max_concurrent_activities=_AT_ONCE,
        max_concurrent_workflow_task_polls=2,
        max_concurrent_activity_task_polls=2,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        graceful_shutdown_timeout=timedelta(seconds=min(settings.grace_seconds, settings.webhook_seconds)),
    )
    running = asyncio.create_task(worker.run())
    try:
        yield running
    finally:
        await worker.shutdown()
        await asyncio.wait([running])
        await client.aclose()
