"""The engine: everything a surface needs, opened once a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from temporalio.client import Client

from activities.registry import HandlerRegistry
from engine.definitions import Definitions
from engine.execution_records import ExecutionRecords
from engine.executions import Executions
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


@contextmanager
def open_records(settings: Settings) -> Iterator[Records]:
    """The records alone, for reading. Raises `StoreUnavailable`."""
    database = _open_database(settings)
    try:
        blobs = BlobStore(settings.data_dir / "blobs")
        yield Records(settings, database, blobs, ExecutionRecords(database, blobs))
    finally:
        database.dispose()


@asynccontextmanager
async def open_engine(settings: Settings, *, temporal_address: str | None = None) -> AsyncIterator[Engine]:
    """The whole engine: the database migrated, Temporal connected, search attributes registered.

    `temporal_address` None: what the SDK's environment configuration names. Raises `StoreUnavailable`,
    `ServiceUnavailable`, and what a wrong allow-list raises.
    """
    registry = HandlerRegistry(settings.handler_allow, settings.handler_paths)
    database = await asyncio.to_thread(_open_database, settings)
    try:
        client = await connect(temporal_address)
        await register_search_attributes(client)
        blobs = BlobStore(settings.data_dir / "blobs")
        executions = Executions(database, blobs, client, settings.task_queue)
        try:
            yield Engine(
                settings=settings,
                database=database,
                blobs=blobs,
                client=client,
                registry=registry,
                definitions=Definitions(database, registry),
                executions=executions,
            )
        finally:
            await executions.close()
    finally:
        await asyncio.to_thread(database.dispose)


def _open_database(settings: Settings) -> Database:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    database.migrate()
    return database
