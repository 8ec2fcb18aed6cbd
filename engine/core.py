"""The engine: everything a surface needs, opened once a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from temporalio.client import Client

from activities.registry import HandlerRegistry
from engine.access.identity import Identity
from engine.definitions import Definitions
from engine.execution_records import ExecutionRecords
from engine.executions import Executions
from engine.handlers import open_handlers
from engine.settings import Settings
from engine.temporal import connect, register_search_attributes
from store.blobs import BlobStore
from store.database import Database


@dataclass(frozen=True)
class Records:
    """What can be read without Temporal."""

    settings: Settings
    database: Database
    blobs: BlobStore
    executions: ExecutionRecords


@dataclass(frozen=True)
class Engine:
    """The core behind every surface."""

    settings: Settings
    database: Database
    blobs: BlobStore
    client: Client
    registry: HandlerRegistry
    definitions: Definitions
    executions: Executions

    def seen_by(self, viewer: Identity) -> Engine:
        """The engine as a caller may use it: they see and touch only their own, admins all."""
        definitions, executions = self.definitions.seen_by(viewer), self.executions.seen_by(viewer)
        return replace(self, definitions=definitions, executions=executions)


@contextmanager
def open_records(settings: Settings) -> Iterator[Records]:
    """The records alone, for reading. Raises `StoreUnavailable`."""
    database = _open_database(settings)
    try:
        blobs = open_blobs(settings)
        yield Records(settings, database, blobs, ExecutionRecords(database, blobs))
    finally:
        database.dispose()


@asynccontextmanager
async def open_engine(
    settings: Settings, *, temporal_address: str | None = None, embedded: bool = False, database: Database | None = None
) -> AsyncIterator[Engine]:
    """The whole engine: the database migrated, Temporal connected, search attributes registered.

    `temporal_address` None: what the SDK's environment configuration names; `embedded`: that server is one that we
    started, and the environment has nothing to say about it. `database`: one that is open and migrated already, and
    stays open. Raises `StoreUnavailable`, `ServiceUnavailable`, and what a wrong allow-list raises.
    """
    registry = open_handlers(settings)
    opened = await asyncio.to_thread(_open_database, settings) if database is None else database
    try:
        client = await connect(temporal_address, embedded=embedded)
        await register_search_attributes(client)
        blobs = await asyncio.to_thread(open_blobs, settings)
        executions = Executions(
            opened,
            blobs,
            client,
            settings.task_queue,
            registry.check,
            registry.check_config,
            max_history_events=settings.max_history_events,
        )
        try:
            yield Engine(
                settings=settings,
                database=opened,
                blobs=blobs,
                client=client,
                registry=registry,
                definitions=Definitions(opened, registry),
                executions=executions,
            )
        finally:
            await executions.close()
    finally:
        if database is None:
            await asyncio.to_thread(opened.dispose)


def open_blobs(settings: Settings) -> BlobStore:
    """Where the settings say that blobs are. Raises `BlobUrlInvalid`."""
    return BlobStore.at(settings.blob_store) if settings.blob_store else BlobStore(settings.data_dir / "blobs")


def _open_database(settings: Settings) -> Database:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    database.migrate()
    return database
