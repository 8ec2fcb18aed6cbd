"""The application behind a real HTTP server on loopback, without Temporal where a test does not need it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from proof_surface import Made, proof_surface
from temporalio.client import Client

from activities.registry import HandlerRegistry
from api.app import create_app
from api.engine_source import EngineFactory
from api.listener import listen
from api.surface import Surface
from engine.access.tokens import Tokens
from engine.core import Engine, open_engine
from engine.definitions import Definitions
from engine.executions import Executions
from engine.settings import Settings
from store.blobs import BlobStore
from store.database import Database


def without_temporal(settings: Settings, database: Database) -> EngineFactory:
    """An engine whose Temporal does not answer: enough for whatever only needs the database."""

    @asynccontextmanager
    async def factory() -> AsyncIterator[Engine]:
        registry = HandlerRegistry(settings.handler_allow, settings.handler_paths)
        client = await Client.connect("127.0.0.1:1", lazy=True)
        blobs = BlobStore(settings.data_dir / "blobs")
        executions = Executions(database, blobs, client, settings.task_queue)
        try:
            yield Engine(settings, database, blobs, client, registry, Definitions(database, registry), executions)
        finally:
            await executions.close()

    return factory


@dataclass
class Service:
    """A served application: its address, and what its test surface did."""

    settings: Settings
    url: str
    made: Made

    def token(self, subject: str = "ann", **claims: list[str]) -> str:
        """A token that it takes."""
        return Tokens(self.settings).issue(subject, seconds=600, **claims)

    def client(self, subject: str | None = "ann", **claims: list[str]) -> httpx.AsyncClient:
        """A client with such a token; None: without any."""
        headers = {"Authorization": f"Bearer {self.token(subject, **claims)}"} if subject is not None else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=180)


Serve = Callable[..., AbstractAsyncContextManager[Service]]


@asynccontextmanager
async def serving(
    settings: Settings, factory: EngineFactory, surfaces: Sequence[Surface] | None = None
) -> AsyncIterator[Service]:
    """The application on a free port, once its engine is open. `surfaces` None: the test surface alone."""
    made = Made()
    opened = asyncio.Event()

    @asynccontextmanager
    async def noticed() -> AsyncIterator[Engine]:
        async with factory() as engine:
            opened.set()
            yield engine

    with listen("127.0.0.1", 0) as listener:
        app = create_app(settings, noticed, [proof_surface(made)] if surfaces is None else surfaces)
        # On a busy machine a connection may idle for long, and must not be closed just as the client uses it again.
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_keep_alive=300))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(90):
                await opened.wait()
            yield Service(settings, f"http://127.0.0.1:{listener.getsockname()[1]}", made)
        finally:
            made.gate.set()
            server.should_exit = True
            await running


def with_temporal(settings: Settings, address: str) -> EngineFactory:
    """The whole engine, on a Temporal that runs."""
    return lambda: open_engine(settings, temporal_address=address)
