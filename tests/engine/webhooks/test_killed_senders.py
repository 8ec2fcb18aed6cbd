"""A worker that is killed with messages under way: another sends them, with the same ids."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from receiver import Received, receiving
from recorded import finish, recorded
from temporal_dev.server import DevServer

from engine.core import Engine
from engine.settings import Settings
from engine.webhooks.webhooks import Webhooks
from engine.webhooks.worker import delivering
from tests.chaos.worker_process import WorkerProcess
from tests.polling import eventually

PROJECT = """
outbound_allow = ["127.0.0.0/8"]
webhook_plain_http = true
webhook_seconds = 20.0
"""


@pytest.mark.long
async def test_what_a_killed_worker_was_sending_arrives_with_the_same_id(
    engine: Engine, settings: Settings, temporal: DevServer, webhooks: Webhooks
) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "longpole.toml").write_text(PROJECT)
    with WorkerProcess(settings, temporal.address) as worker:
        await asyncio.to_thread(worker.await_ready)
        async with receiving() as receiver:
            killed = asyncio.Event()

            async def kill(request: Received, writer: asyncio.StreamWriter) -> None:
                if killed.is_set():
                    await receiver.accept(request, writer)
                else:
                    worker.kill()
                    killed.set()

            receiver.behave = kill
            webhook = (await webhooks.subscribe(receiver.url)).webhook.webhook_id
            await finish(engine, await recorded(engine, 20))
            async with asyncio.timeout(180):
                await killed.wait()

            async def all_delivered() -> bool:
                return (await webhooks.log.list(webhook, state="delivered"))[1] == 22

            # Not by what has arrived: what the killed one had under way does, too.
            async with delivering(engine):
                await eventually(all_delivered)
            deliveries, total = await webhooks.log.list(webhook, limit=100)
            assert total == 22
            assert {each.message_id for each in receiver.requests} == {each.delivery_id for each in deliveries}
            assert max(Counter(each.message_id for each in receiver.requests).values()) == 2
