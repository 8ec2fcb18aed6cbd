"""What every worker does beside its work, again and again, whatever goes wrong: the relay, the reconciler, and
forgetting and collecting what is not needed any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from activities.outcome import OutcomeWriter
from engine.access.forgetting import forget_once
from engine.blob_collection import collect_once
from engine.core import Engine
from engine.reconciler import Reconciler
from engine.relay import relay_once
from engine.schedules.applying import apply_waiting
from engine.schedules.forgetting import forget_occurrences
from engine.schedules.missed import CHECK_SECONDS, look_for_missed
from engine.scheduling.announcing import announce
from engine.scheduling.following import follow
from engine.scheduling.settling import settle
from engine.webhooks.forgetting import forget_deliveries
from engine.webhooks.waking import wake_webhooks

_log = structlog.get_logger()

RELAY_SECONDS = 1.0
RECONCILE_SECONDS = 3.0
ANNOUNCE_SECONDS = 1.0
FOLLOW_SECONDS = 2.0
SETTLE_SECONDS = 2.0
SCHEDULE_SECONDS = 2.0
WAKE_SECONDS = 1.0
FORGET_SECONDS = 600.0
COLLECT_SECONDS = 6 * 3600.0
LONGEST_PAUSE = 30.0


@asynccontextmanager
async def upkeep(engine: Engine, outcomes: OutcomeWriter, busy: Callable[[], bool]) -> AsyncIterator[None]:
    """Relay, reconcile, forget and collect as long as the block lasts. `busy`: whether steps come and go here."""
    reconciler = Reconciler(engine.database, engine.client, outcomes)
    tasks = [
        asyncio.create_task(_repeat("relay", RELAY_SECONDS, lambda: relay_once(engine.executions.bringing))),
        asyncio.create_task(_repeat("reconciler", RECONCILE_SECONDS, reconciler.once)),
        asyncio.create_task(_repeat("announcing of hours", ANNOUNCE_SECONDS, lambda: announce(engine))),
        asyncio.create_task(_repeat("following of steps", FOLLOW_SECONDS, lambda: follow(engine))),
        asyncio.create_task(_repeat("settling", SETTLE_SECONDS, lambda: settle(engine))),
        asyncio.create_task(_repeat("telling of schedules", SCHEDULE_SECONDS, lambda: apply_waiting(engine))),
        asyncio.create_task(_repeat("look for missed starts", CHECK_SECONDS, lambda: look_for_missed(engine))),
        asyncio.create_task(_repeat("waking of webhooks", WAKE_SECONDS, lambda: wake_webhooks(engine, busy=busy()))),
        asyncio.create_task(_repeat("forgetting", FORGET_SECONDS, lambda: forget_once(engine.database))),
        asyncio.create_task(_repeat("forgetting of deliveries", FORGET_SECONDS, lambda: forget_deliveries(engine))),
        asyncio.create_task(
            _repeat("forgetting of occurrences", COLLECT_SECONDS, lambda: forget_occurrences(engine.database))
        ),
        asyncio.create_task(_repeat("collector", COLLECT_SECONDS, lambda: collect_once(engine))),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(name: str, seconds: float, once: Callable[[], Awaitable[int]]) -> None:
    pause = seconds
    while True:
        await asyncio.sleep(pause)
        try:
            await once()
            pause = seconds
        except Exception as error:  # noqa: BLE001 - whatever it was, it must be tried again
            pause = max(seconds, min(pause * 2, LONGEST_PAUSE))
            _log.warning(f"the {name} failed and will try again", error=str(error), seconds=pause)
