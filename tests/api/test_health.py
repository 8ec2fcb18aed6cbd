from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import httpx
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from api.app import create_app
from api.engine_source import EngineFactory
from api.listener import listen, url_of
from definitions.errors import LongpoleError, ServiceUnavailable
from engine.core import Engine
from engine.service import working
from engine.settings import Settings
from store.database import Database
from tests.polling import eventually


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running application."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")
    async with app.router.lifespan_context(app), client:
        yield client


def always(engine: Engine) -> EngineFactory:
    @asynccontextmanager
    async def factory() -> AsyncIterator[Engine]:
        yield engine

    return factory


@asynccontextmanager
async def unavailable() -> AsyncIterator[Engine]:
    raise ServiceUnavailable("Temporal does not answer at nowhere:7233")
    yield


async def fails(client: httpx.AsyncClient, *parts: str) -> None:
    """Return once just these parts do: a part that is busy may be late now and then."""

    async def so() -> bool:
        return await failing_parts(client) == set(parts)

    await eventually(so)


async def failing_parts(client: httpx.AsyncClient) -> set[str]:
    answer = await client.get("/readyz")
    checks = answer.json()["checks"]
    failing = {name for name, check in checks.items() if not check["ok"]}
    assert answer.status_code == (503 if failing else 200)
    assert ("retry-after" in answer.headers) is bool(failing)
    assert all(checks[name]["problem"] for name in failing)
    return failing


async def test_it_lives_and_says_why_it_is_not_ready_without_temporal(settings: Settings) -> None:
    async with serving(create_app(settings, unavailable)) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        await fails(client, "temporal")


async def test_it_opens_its_engine_once_it_can(settings: Settings, engine: Engine) -> None:
    factories = [unavailable, unavailable, always(engine)]
    async with serving(create_app(settings, lambda: factories.pop(0)())) as client, working(engine):
        await fails(client)


async def test_readiness_names_the_part_that_fails(settings: Settings, engine: Engine) -> None:
    async def has(broken: Engine, *parts: str) -> None:
        async with serving(create_app(settings, always(broken))) as client:
            await fails(client, *parts)

    await has(engine, "worker")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        mute = replace(engine, client=await Client.connect(address, lazy=True))
        await has(mute, "temporal", "worker")
    empty = Database(f"sqlite:///{settings.data_dir / 'empty.db'}")
    await has(replace(engine, database=empty), "database", "worker")
    empty.dispose()


async def test_errors_are_problem_documents(settings: Settings) -> None:
    app = create_app(settings, unavailable)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret is 42")

    async with serving(app) as client:
        for request, status in [
            (partial(client.get, "/nothing/here"), 404),
            (partial(client.post, "/healthz"), 405),
            (partial(client.get, "/broken"), 500),
        ]:
            answer = await request()
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            body = answer.json()
            assert body["status"] == status
            assert body["type"] == "about:blank"
            assert body["title"]
            assert body["detail"]
        assert body["error_id"] in body["detail"]
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text


def test_a_port_in_use_and_an_address_that_is_not_ours_are_told() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServiceUnavailable, match=f"port {port}.*already in use"):
            listen("127.0.0.1", port)
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(LongpoleError, match=host):
            listen(host, 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://localhost:80"),
        ("::1", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_address_that_is_shown_can_be_opened(host: str, url: str) -> None:
    assert url_of(host, 80) == url
