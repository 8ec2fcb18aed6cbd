"""Real parts for all tests: one Temporal server a test process, databases and workers a test."""

from __future__ import annotations

import shutil
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from temporal_dev.locate import locate
from temporal_dev.server import DevServer

from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from store.database import Database
from tests.dealing import dealt
from workflows import attributes

HANDLERS = Path(__file__).parent / "handlers"

# The same examples in every run, however long they take: a test fails for what was changed, never by chance.
hypothesis_settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("repeatable")


def pytest_configure() -> None:
    # A shell's background processes ignore Ctrl-C, and so would what is started here, of which tests ask to heed it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = dealt(items, getattr(config, "workerinput", {}).get("workercount", 1))


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


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with this release's schema and no rows, to be copied: that takes a thirtieth of making one."""
    file = tmp_path_factory.mktemp("migrated") / "longpole.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    database.dispose()
    return file


@pytest.fixture
def settings(tmp_path: Path, migrated: Path) -> Settings:
    """Settings of a service of its own: data folder, task queue, and the handlers in `tests/handlers`."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    shutil.copyfile(migrated, data_dir / "longpole.db")
    return Settings(
        data_dir=data_dir,
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
