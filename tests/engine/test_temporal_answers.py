"""How long Temporal is waited for: a server that is busy longer than one that is gone."""

from __future__ import annotations

import asyncio

import pytest
from own_servers import engine_of_its_own
from temporalio.client import Client

from definitions.errors import ServiceUnavailable
from engine import temporal
from engine.core import Engine
from engine.settings import Settings
from engine.temporal import answer


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "GONE_SECONDS", 0.05)


async def test_a_server_that_is_there_is_waited_for(engine: Engine) -> None:
    assert await answer(engine.client, asyncio.sleep(0.5, "late")) == "late"


async def test_and_not_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "ANSWER_SECONDS", 0.1)
    never = asyncio.get_running_loop().create_future()
    with pytest.raises(ServiceUnavailable, match=r"did not answer within 0\.1 s"):
        await answer(engine.client, never)
    assert never.cancelled()


async def test_one_that_is_gone_is_not(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "ANSWER_SECONDS", 3600.0)
    async with engine_of_its_own(settings) as (engine, server):
        await asyncio.to_thread(server.stop)
        for client in (engine.client, await Client.connect("127.0.0.1:1", lazy=True)):
            with pytest.raises(ServiceUnavailable, match=r"did not answer within 0\.05 s"):
                await answer(client, asyncio.get_running_loop().create_future())
