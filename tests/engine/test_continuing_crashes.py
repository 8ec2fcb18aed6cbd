"""Whatever dies while a run is continued: it goes on, and goes on once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dying import die_on_the_way
from own_servers import engine_of_its_own
from temporal_dev.server import DevServer

from engine.core import Engine
from engine.dispatch_again import dispatch_again
from engine.service import working
from engine.settings import Settings
from tests.polling import eventually
from tests.running import ended, run


def document(missing: Path, log: Path) -> dict[str, Any]:
    return {
        "name": "repaired",
        "steps": [
            {"id": "a", "handler": "steps.note", "input": {"file": str(log), "seconds": 0}},
            {"id": "b", "handler": "steps.read", "input": {"file": str(missing)}, "depends_on": ["a"]},
            {"id": "c", "handler": "steps.note", "input": {"file": str(log), "seconds": 0}, "depends_on": ["b"]},
        ],
    }


async def went_on_once(engine: Engine, execution_id: str, log: Path) -> None:
    async def over() -> bool:
        return await engine.executions.status(execution_id) == "completed"

    await eventually(over)
    assert log.read_text() == "a\nc\n"
    types = [event.type for event in await engine.executions.events(execution_id)]
    assert [kind for kind in types if kind.startswith("run.")] == ["run.failed", "run.continued", "run.completed"]

    async def listed_twice() -> bool:
        return (await engine.client.count_workflows(f"WorkflowId = '{execution_id}'")).count == 2

    await eventually(listed_twice)


@pytest.mark.long
@pytest.mark.parametrize("failpoint", ["after_reopening", "after_start"])
async def test_a_run_whose_continuer_died_in_between_goes_on_once(
    service: Engine, temporal: DevServer, tmp_path: Path, failpoint: str
) -> None:
    for number in range(3):
        missing, log = tmp_path / f"missing{number}", tmp_path / f"log{number}"
        failed = await run(service, document(missing, log))
        missing.write_text("x")
        await die_on_the_way("tests.engine.continuer", service.settings, temporal, failpoint, failed.execution_id)
        assert (await ended(service, failed.execution_id)).status == "completed"
        await went_on_once(service, failed.execution_id, log)


async def test_what_is_brought_to_temporal_again_and_again_begins_once(service: Engine, tmp_path: Path) -> None:
    """As relays do that were slow, also when the run is over by then, in whatever way."""
    missing, log = tmp_path / "missing", tmp_path / "log"
    failed = await run(service, document(missing, log))
    going_on, _ = await service.executions._continuing.open(failed.execution_id, ())
    queue = service.settings.task_queue
    begun = await asyncio.gather(*(dispatch_again(service.client, queue, going_on) for _ in range(5)))
    assert (await ended(service, failed.execution_id)).status == "failed"
    begun += [await dispatch_again(service.client, queue, going_on) for _ in range(2)]
    assert len(set(begun)) == 1
    missing.write_text("x")
    await service.executions.continue_run(failed.execution_id)
    assert (await ended(service, failed.execution_id)).status == "completed"
    assert log.read_text() == "a\nc\n"


async def test_a_run_is_continued_while_temporal_is_down_and_goes_on_when_it_is_back(
    settings: Settings, tmp_path: Path
) -> None:
    missing, log = tmp_path / "missing", tmp_path / "log"
    async with engine_of_its_own(settings) as (engine, server):
        async with working(engine):
            failed = await run(engine, document(missing, log))
        missing.write_text("x")
        await asyncio.to_thread(server.stop)
        async with asyncio.timeout(45):
            continuation = await engine.executions.continue_run(failed.execution_id)
        assert continuation.run_again == ("b", "c")
        assert await engine.executions.status(failed.execution_id) == "pending"
        await asyncio.to_thread(server.restart)
        async with working(engine):
            await ended(engine, failed.execution_id)
            await went_on_once(engine, failed.execution_id, log)


async def test_what_it_goes_on_with_is_lost_before_it_is_with_temporal(engine: Engine) -> None:
    """The run has failed then, and the relay goes on with others."""
    document = {
        "name": "lost",
        "steps": [
            {"id": "big", "handler": "steps.big", "input": {"bytes": 200_000}},
            {"id": "b", "handler": "steps.fail", "input": {"text": "${big.result.text}"}},
        ],
    }
    async with working(engine):
        failed = await run(engine, document)
    await engine.executions._continuing.open(failed.execution_id, ())
    for path in (engine.settings.data_dir / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()

    async with working(engine):

        async def given_up() -> bool:
            return await engine.executions.status(failed.execution_id) == "failed"

        await eventually(given_up)
    events = await engine.executions.events(failed.execution_id)
    assert [event.type for event in events][-2:] == ["run.continued", "run.failed"]
    assert events[-1].data["error"]["error_class"] == "blob_missing"
