"""What every worker does beside its work: the relay and the reconciler, again and again, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from activities.outcome import OutcomeWriter
from engine.core import Engine
from engine.reconciler import Reconciler
from engine.relay import relay_once

_log = structlog.get_logger()

RELAY_SECONDS = 1.0
RECONCILE_SECONDS = 3.0
LONGEST_PAUSE = 30.0


@asynccontextmanager
async def upkeep(engine: Engine, outcomes: OutcomeWriter) -> AsyncIterator[None]:
    """Relay and reconcile as long as the block lasts."""
    reconciler = Reconciler(engine.database, engine.client, outcomes)
    tasks = [
        asyncio.create_task(_repeat("relay", RELAY_SECONDS, lambda: relay_once(engine.executions))),
        asyncio.create_task(_repeat("reconciler", RECONCILE_SECONDS, reconciler.once)),
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
            pause = min(pause * 2, LONGEST_PAUSE)
            _log.warning(f"the {name} failed and will try again", error=str(error), seconds=pause)
