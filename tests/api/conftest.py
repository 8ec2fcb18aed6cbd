from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
import structlog
from serving import Serve, Service, serving, with_temporal, without_temporal
from temporal_dev.server import DevServer

from api.surface import Surface
from engine.settings import Settings
from store.database import Database


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """As the service writes them: those that structlog makes by default take seconds each."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The SQLite database of the settings."""
    database = Database(settings.resolved_database_url)
    yield database
    database.dispose()


@pytest.fixture
def serve(settings: Settings, database: Database) -> Serve:
    """`async with serve(**settings)`: a service with changed settings, whose Temporal does not answer."""

    def serve(surfaces: Sequence[Surface] | None = None, **changes: object) -> AbstractAsyncContextManager[Service]:
        changed = settings.model_copy(update=changes)
        return serving(changed, without_temporal(changed, database), surfaces)

    return serve


@pytest.fixture
async def served(serve: Serve) -> AsyncIterator[Service]:
    """A service with the settings of the tests, whose Temporal does not answer."""
    async with serve() as service:
        yield service


@pytest.fixture
async def whole(settings: Settings, temporal: DevServer) -> AsyncIterator[Service]:
    """A service with the settings of the tests, on a Temporal that runs."""
    async with serving(settings, with_temporal(settings, temporal.address)) as service:
        yield service
