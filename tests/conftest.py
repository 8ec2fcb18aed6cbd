"""Real parts for all tests: one Temporal server a test process, databases and workers a test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from temporal_dev.locate import locate
from temporal_dev.server import DevServer

from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from workflows import attributes

HANDLERS = Path(__file__).parent / "handlers"


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A Temporal server on free ports, with Longpole's search attributes."""
    with DevServer.start(
        locate(),
        data_dir=tmp_path_factory.mktemp("temporal"),
        port=0,
        ui_port=0,
        search_attributes=attributes.TYPES,
        # A run is deleted when the server has noted that its end was dealt with: every 30 s by default.
        dynamic_config={"history.transferProcessorUpdateAckInterval": "1s"},
    ) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a service of its own: data folder, task queue, and the handlers in `tests/handlers`."""
    return Settings(
        data_dir=tmp_path / "data",
        handler_paths=(HANDLERS,),
        handler_allow=("ledger", "steps"),
        task_queue=f"test-{uuid.uuid4().hex[:12]}",
        grace_seconds=5,
    )


@pytest.fixture
async def engine(temporal: DevServer, settings: Settings) -> AsyncIterator[Engine]:
    """An engine without a worker."""
    async with open_engine(settings, temporal_address=temporal.address) as opened:
        yield opened


@pytest.fixture
async def service(engine: Engine) -> AsyncIterator[Engine]:
    """An engine with a worker in this process."""
    async with working(engine):
        yield engine
