"""A service on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporal_dev.server import DevServer

from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from tests.postgres import Postgres, postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def on_each_database(
    request: pytest.FixtureRequest, temporal: DevServer, settings: Settings
) -> AsyncIterator[Engine]:
    """A service on each kind of database."""
    server: Postgres | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        settings = settings.model_copy(update={"database_url": server.borrow_database()})
    async with open_engine(settings, temporal_address=temporal.address) as engine, working(engine):
        yield engine
    if server is not None:
        server.give_back(settings.resolved_database_url)
