"""The application behind a real HTTP server on loopback, without Temporal where a test does not need it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from proof_surface import Made, proof_surface
from temporalio.client import Client

from activities.registry import HandlerRegistry
from api.app import create_app
from api.engine_source import EngineFactory
from api.listener import listen
from api.surface import Surface
from engine.access.tokens import Tokens
from engine.core import Engine
from engine.definitions import Definitions
from engine.executions import Executions
from engine.settings import Settings
from store.blobs import BlobStore
from store.database import Database


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A migrated SQLite database."""
    database = Database(settings.resolved_database_url)
    database.migrate()
    yield database
    database.dispose()


def on_database(settings: Settings, database: Database, opened: asyncio.Event) -> EngineFactory:
    """An engine whose Temporal does not answer: enough for whatever only needs the database."""

    @asynccontextmanager
    async def factory() -> AsyncIterator[Engine]:
        registry = HandlerRegistry(settings.handler_allow, settings.handler_paths)
        client = await Client.connect("127.0.0.1:1", lazy=True)
        blobs = BlobStore(settings.data_dir / "blobs")
        executions = Executions(database, blobs, client, settings.task_queue)
        opened.set()
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
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)


Serve = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def serve(settings: Settings, database: Database) -> Serve:
    """`async with serve(**settings)`: a service with changed settings."""

    @asynccontextmanager
    async def serving(surfaces: Sequence[Surface] | None = None, **changes: object) -> AsyncIterator[Service]:
        changed = settings.model_copy(update=changes)
        made = Made()
        surfaces = [proof_surface(made)] if surfaces is None else surfaces
        opened = asyncio.Event()
        with listen("127.0.0.1", 0) as listener:
            factory = on_database(changed, database, opened)
            app = create_app(changed, factory, surfaces)
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
            running = asyncio.create_task(server.serve(sockets=[listener]))
            service = Service(changed, f"http://127.0.0.1:{listener.getsockname()[1]}", made)
            try:
                async with asyncio.timeout(30):
                    await opened.wait()
                yield service
            finally:
                made.gate.set()
                server.should_exit = True
                await running

    return serving


@pytest.fixture
async def served(serve: Serve) -> AsyncIterator[Service]:
    """A service with the settings of the tests."""
    async with serve() as service:
        yield service
