"""Blobs that nothing needs any more go; all others stay, however old they are."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from definitions.errors import Conflict
from engine.blob_collection import claim_blobs, collect_blobs
from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from store.blobs import BlobMissing
from store.tables import INSTANCES
from tests.object_storage import Bucket, bucket, object_storage
from tests.polling import eventually
from tests.running import begin, ended, run

__all__ = ["bucket", "object_storage"]

LONG_AGO = time.time() - 400 * 86_400
LARGE = {
    "name": "large",
    "steps": [
        {"id": "big", "handler": "steps.big", "input": {"bytes": 200_000}},
        {"id": "length", "handler": "steps.length", "input": {"text": "${big.result.text}"}},
    ],
}


def age(engine: Engine) -> None:
    """All blobs there are were last put 400 days ago."""
    for path in (engine.settings.data_dir / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO, LONG_AGO))


async def age_runs(engine: Engine, *, closed: int) -> None:
    """All runs were created 450 days ago; those that are over were closed so many days ago."""

    def write() -> None:
        now = datetime.now(UTC)
        with engine.database.write() as session:
            session.execute(update(INSTANCES).values(created_at=now - timedelta(days=450)))
            over = update(INSTANCES).where(INSTANCES.c.closed_at.is_not(None))
            session.execute(over.values(closed_at=now - timedelta(days=closed)))

    await asyncio.to_thread(write)


async def test_what_records_lead_to_stays_however_old(service: Engine) -> None:
    execution = await run(service, LARGE)
    orphan = service.blobs.put(b"no record of this")
    age(service)
    await age_runs(service, closed=300)
    listed = len([*service.blobs.all()])
    would = await collect_blobs(service, dry_run=True)
    assert (would.looked_at, would.collected, would.collected_bytes) == (listed, 1, len(b"no record of this"))
    assert service.blobs.get(orphan)
    assert (await collect_blobs(service)).collected == 1
    with pytest.raises(BlobMissing):
        service.blobs.get(orphan)
    assert (await collect_blobs(service)).collected == 0
    rerun = await ended(service, (await service.executions.rerun(execution.execution_id, ["length"])).execution_id)
    assert (rerun.status, rerun.output) == ("completed", 200_000)


async def test_what_only_histories_lead_to_stays_until_their_time_is_over(service: Engine) -> None:
    """The definition is too large to travel with the run: no record leads to its blob."""
    idle = [
        {"id": f"idle{n}", "handler": "steps.give", "condition": "False", "input": {"value": "x" * 2_000}}
        for n in range(150)
    ]
    document: dict[str, Any] = {
        "name": "by reference",
        "steps": [{"id": "slow", "handler": "steps.wait", "input": {"seconds": 60}}, *idle],
    }
    execution_id = await begin(service, document)
    stored = await service.definitions.find("by reference")
    assert stored is not None
    age(service)
    await age_runs(service, closed=0)
    assert (await collect_blobs(service)).collected == 0  # it is open
    await service.executions.cancel(execution_id)
    await ended(service, execution_id)
    await age_runs(service, closed=29)
    assert (await collect_blobs(service)).collected == 0  # Temporal may still show it, for all that we know
    await age_runs(service, closed=31)
    age(service)
    service.blobs.put(service.blobs.get(stored.digest))  # put again: it counts as new
    assert (await collect_blobs(service)).collected == 0
    age(service)
    assert (await collect_blobs(service)).collected == 1


async def test_blobs_of_another_database_are_left_alone(service: Engine, settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'other.db'}"})
    orphan = service.blobs.put(b"whose is it?")
    age(service)
    async with open_engine(other, temporal_address=service.client.service_client.config.target_host) as engine:
        await claim_blobs(engine)
        for each in (engine, service):
            with pytest.raises(Conflict, match="1 more databases") as refused:
                await collect_blobs(each)
            assert refused.value.code == "blobs_shared"
    assert service.blobs.get(orphan)


async def test_runs_keep_their_large_values_in_a_bucket(engine: Engine, bucket: Bucket) -> None:
    settings = engine.settings.model_copy(update={"blob_store": bucket.url})
    address = engine.client.service_client.config.target_host
    async with open_engine(settings, temporal_address=address) as in_bucket, working(in_bucket):
        execution = await run(in_bucket, LARGE)
        assert (execution.status, execution.output) == ("completed", 200_000)
        kept = [*in_bucket.blobs.all()]
        assert max(each.size for each in kept) > 200_000
        assert not (settings.data_dir / "blobs").exists() or not [*engine.blobs.all()]

        async def stays() -> bool:
            return (await collect_blobs(in_bucket)).looked_at == len(kept)

        await eventually(stays)
        assert len([*in_bucket.blobs.all()]) == len(kept)
