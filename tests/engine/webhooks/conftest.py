from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.access.identity import LOCAL, Identity
from engine.core import Engine
from engine.settings import Settings
from engine.webhooks.waking import wake_webhooks
from engine.webhooks.webhooks import Webhooks
from engine.webhooks.worker import delivering


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Loopback may be called, and what fails is soon tried again."""
    changed = {
        "outbound_allow": ("127.0.0.0/8",),
        "webhook_plain_http": True,
        "webhook_seconds": 20.0,
        "webhook_retries": (0.0, 0.1, 0.1),
    }
    return settings.model_copy(update=changed)


@pytest.fixture
def webhooks(engine: Engine) -> Webhooks:
    """Those of the owner of runs from the command line."""
    return Webhooks(engine, Identity(LOCAL))


@pytest.fixture
async def sending(engine: Engine) -> AsyncIterator[Engine]:
    """What a worker does about webhooks, and nothing else."""

    async def wake() -> None:
        while True:
            await wake_webhooks(engine)
            await asyncio.sleep(0.1)

    async with delivering(engine):
        waking = asyncio.create_task(wake())
        yield engine
        waking.cancel()
        await asyncio.gather(waking, return_exceptions=True)
