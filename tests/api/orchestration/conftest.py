from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from serving import Service, serving

from api.orchestration.endpoints import ORCHESTRATION
from engine.core import Engine
from engine.settings import Settings

POOLS = {
    "currency": "USD",
    "pools": {"cpu_cores": {"capacity": 16, "price": 1.0}, "i3.xlarge": {"capacity": 10, "price": 3.0}},
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With pools whose prices a test can work out by hand."""
    file = tmp_path / "pools.yaml"
    file.write_text(yaml.safe_dump(POOLS))
    return settings.model_copy(update={"pools_file": file, "temporal_ui_url": "https://temporal.example"})


@pytest.fixture
async def idle(settings: Settings, engine: Engine) -> AsyncIterator[Service]:
    """The Orchestration API on a Temporal that runs, without a worker: what is begun stays as it is."""
    async with serving(settings, _opened(engine), [ORCHESTRATION]) as served:
        yield served


@pytest.fixture
async def running(settings: Settings, service: Engine) -> AsyncIterator[Service]:
    """The Orchestration API on a Temporal that runs, with a worker."""
    async with serving(settings, _opened(service), [ORCHESTRATION]) as served:
        yield served


def _opened(engine: Engine):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def factory() -> AsyncIterator[Engine]:
        yield engine

    return factory
