from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from serving import Service, serving
from temporal_dev.server import DevServer

from api.scheduling.endpoints import SCHEDULING
from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from tests.conftest import HANDLERS

POOLS = {
    "currency": "FTNS",
    "pools": {
        "cpu_cores": {"capacity": 16, "price": {"per_hour": 1.0, "rules": [{"hours": "22:00-06:00", "per_hour": 0.4}]}},
        "memory_gb": {"capacity": 64, "price": 0.1},
        "gpu_memory_gb": {"capacity": 24, "price": 2.0},
        "storage_gb": {"capacity": 1000},
        "network_bandwidth_mbps": {"capacity": 1000},
        "licence": {"capacity": 1, "price": 6.0},
    },
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With pools whose prices a test can work out by hand."""
    file = tmp_path / "pools.yaml"
    file.write_text(yaml.safe_dump(POOLS))
    return settings.model_copy(update={"pools_file": file})


@pytest.fixture
async def planning(settings: Settings, engine: Engine) -> AsyncIterator[Service]:
    """The Scheduling API on a Temporal that runs, without a worker: what is scheduled stays as it is."""
    async with serving(settings, _opened(engine), [SCHEDULING]) as served:
        yield served


@pytest.fixture
async def running(settings: Settings, service: Engine) -> AsyncIterator[Service]:
    """The Scheduling API with a worker."""
    async with serving(settings, _opened(service), [SCHEDULING]) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole_system(
    temporal: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, Engine]]:
    """The Scheduling API with a worker, for all tests of a module; pools are what each of them says."""
    folder = tmp_path_factory.mktemp("scheduling")
    file = folder / "pools.yaml"
    file.write_text(yaml.safe_dump(POOLS))
    settings = Settings(
        data_dir=folder / "data",
        handler_paths=(HANDLERS,),
        handler_allow=("steps",),
        task_queue=f"test-{uuid.uuid4().hex[:12]}",
        pools_file=file,
    )
    async with (
        open_engine(settings, temporal_address=temporal.address) as engine,
        working(engine),
        serving(settings, _opened(engine), [SCHEDULING]) as served,
    ):
        yield served, engine


def _opened(engine: Engine):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def factory() -> AsyncIterator[Engine]:
        yield engine

    return factory
