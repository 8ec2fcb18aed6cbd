from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from serving import Service, serving

from api.scheduling.endpoints import SCHEDULING
from engine.core import Engine
from engine.settings import Settings

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


def _opened(engine: Engine):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def factory() -> AsyncIterator[Engine]:
        yield engine

    return factory
