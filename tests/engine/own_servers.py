"""Temporal servers that one test stops, kills or spoils, and engines on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporal_dev.server import DevServer
from temporal_dev.temporary import temporary_server

from engine.core import Engine, open_engine
from engine.settings import Settings
from workflows import attributes


@asynccontextmanager
async def own_server() -> AsyncIterator[DevServer]:
    """A Temporal server for one test."""
    context = temporary_server(search_attributes=attributes.TYPES)
    server = await asyncio.to_thread(context.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


@asynccontextmanager
async def engine_of_its_own(settings: Settings) -> AsyncIterator[tuple[Engine, DevServer]]:
    """An engine without a worker, on a server for one test."""
    async with own_server() as server, open_engine(settings, temporal_address=server.address) as engine:
        yield engine, server
