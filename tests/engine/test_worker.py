"""The worker role: how it begins, how it ends, and what it makes of a database that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from own_servers import own_server
from temporal_dev.server import DevServer
from temporalio.bridge.worker import Worker as BridgeWorker

from definitions.errors import ServiceUnavailable
from engine.core import Engine, open_engine
from engine.service import run_worker, working
from engine.settings import Settings
from store import steps
from tests.polling import eventually
from tests.postgres import Postgres, postgres
from tests.running import begin, ended, run, statuses

__all__ = ["postgres"]


@asynccontextmanager
async def worker_role(settings: Settings, address: str) -> AsyncIterator[asyncio.Event]:
    """A worker until the block ends, or its event is set; what it raises is raised when the block ends."""
    stop, ready = asyncio.Event(), asyncio.Event()
    worker = asyncio.create_task(run_worker(settings, temporal_address=address, stop=stop, ready=ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([worker, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield stop
    finally:
        stop.set()
        await worker


async def step_runs(engine: Engine, execution_id: str, step_id: str = "a") -> None:
    async def running() -> bool:
        return statuses(await engine.executions.get(execution_id))[step_id] == "running"

    await eventually(running)


def attempts(engine: Engine, execution_id: str) -> dict[str, int]:
    """How often each step was begun, by the records."""
    with engine.database.read() as session:
        rows = steps.list_steps(session, execution_id)
    begun = [row.step_id for row in rows if row.attempt_number > 0]
    return {step_id: begun.count(step_id) for step_id in begun}


def _until(gate: Path) -> dict[str, Any]:
    return {"parameters": {"until": str(gate)}}


async def test_a_worker_that_is_stopped_lets_short_steps_end(engine: Engine, temporal: DevServer) -> None:
    gate = engine.settings.data_dir / "gate"
    document = {
        "name": "graceful",
        "steps": [
            *({"id": f"a{n}", "handler": "steps.occupy", "input": _until(gate)} for n in range(4)),
            {"id": "b", "handler": "steps.echo", "depends_on": ["a0", "a1", "a2", "a3"]},
        ],
    }
    patient = engine.settings.model_copy(update={"grace_seconds": 60})
    async with worker_role(patient, temporal.address):
        execution_id = await begin(engine, document, {"n": 1})
        for step in ("a0", "a1", "a2", "a3"):
            await step_runs(engine, execution_id, step)
        asyncio.get_running_loop().call_later(0.5, gate.touch)  # the worker is being stopped by then
    # All of it is recorded by the time the worker has ended.
    execution = await engine.executions.get(execution_id)
    assert {status for step, status in statuses(execution).items() if step != "b"} == {"completed"}
    async with worker_role(engine.settings, temporal.address):
        assert (await ended(engine, execution_id)).output == {"n": 1}
    assert attempts(engine, execution_id) == dict.fromkeys(("a0", "a1", "a2", "a3", "b"), 1)


async def test_a_step_longer_than_the_grace_period_is_run_again_by_another_worker(
    engine: Engine, temporal: DevServer
) -> None:
    settings = engine.settings.model_copy(update={"grace_seconds": 0.2})
    gate = settings.data_dir / "gate"
    document = {"name": "long", "steps": [{"id": "a", "handler": "steps.occupy", "input": _until(gate)}]}
    async with worker_role(settings, temporal.address):
        execution_id = await begin(engine, document)
        await step_runs(engine, execution_id)
    gate.touch()
    async with worker_role(settings, temporal.address):
        execution = await ended(engine, execution_id)
    assert execution.status == "completed"
    # To its handler and its retry policy, it was the first attempt both times.
    assert execution.steps[0].status == "completed"
    with engine.database.read() as session:
        rows = steps.list_steps(session, execution_id)
    assert [(row.status, row.error_class) for row in rows] == [("failed", "worker_lost"), ("completed", None)]


async def test_handlers_of_installed_packages_need_no_allow_list(settings: Settings, temporal: DevServer) -> None:
    bare = settings.model_copy(update={"handler_allow": (), "handler_paths": ()})
    async with open_engine(bare, temporal_address=temporal.address) as engine, working(engine):
        document = {"name": "nap", "steps": [{"id": "a", "handler": "sleep", "input": {"seconds": 0.01}}]}
        execution = await run(engine, document)
    assert execution.status == "completed"
    assert execution.output["slept_seconds"] >= 0.01


async def test_a_worker_of_another_allow_list_refuses_the_step(settings: Settings, temporal: DevServer) -> None:
    strict = settings.model_copy(update={"handler_allow": ()})
    async with (
        open_engine(settings, temporal_address=temporal.address) as engine,
        open_engine(strict, temporal_address=temporal.address) as other,
        working(other),
    ):
        execution = await run(engine, {"name": "refused", "steps": [{"id": "a", "handler": "steps.echo"}]})
    assert execution.status == "failed"
    assert execution.steps[0].error_class == "handler_not_allowed"


async def test_a_worker_without_temporal_does_not_begin(settings: Settings) -> None:
    async with own_server() as server:
        address = server.address
    with pytest.raises(ServiceUnavailable, match="does not answer") as caught:
        async with worker_role(settings, address):
            pass
    assert "longpole up" in caught.value.remedy


async def test_what_the_sdk_gives_up_on_ends_the_worker_with_that_error(
    settings: Settings, temporal: DevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = asyncio.Event()
    poll_really = BridgeWorker.poll_activity_task

    async def poll(worker: BridgeWorker) -> object:
        await broken.wait()
        monkeypatch.setattr(BridgeWorker, "poll_activity_task", poll_really)
        raise RuntimeError("polling broke")

    monkeypatch.setattr(BridgeWorker, "poll_activity_task", poll)
    stop = asyncio.Event()
    with pytest.raises(RuntimeError, match="Activity worker failed") as caught:
        async with asyncio.timeout(30):
            await run_worker(settings, temporal_address=temporal.address, stop=stop, ready=broken.set)
    assert str(caught.value.__cause__) == "polling broke"


async def test_a_database_that_is_away_fails_and_repeats_nothing(
    settings: Settings, temporal: DevServer, postgres: Postgres
) -> None:
    """It goes away while steps run, and comes back when the run has ended in Temporal."""
    notes = settings.data_dir / "notes"
    url = postgres.borrow_database()
    document = {
        "name": "away",
        "steps": [
            {"id": "a", "handler": "steps.note", "input": {"file": str(notes), "seconds": 2}},
            {"id": "b", "handler": "steps.note", "input": {"file": str(notes), "seconds": 0}, "depends_on": ["a"]},
            {"id": "c", "handler": "steps.echo", "depends_on": ["b"], "input": {"n": 1}},
        ],
    }
    with_postgres = settings.model_copy(update={"database_url": url})
    async with open_engine(with_postgres, temporal_address=temporal.address) as engine, working(engine):
        execution_id = await begin(engine, document)
        await step_runs(engine, execution_id)
        await asyncio.to_thread(postgres.crash)
        try:
            assert await engine.client.get_workflow_handle(execution_id).result() == {"n": 1}
        finally:
            await asyncio.to_thread(postgres.start)

        async def recorded() -> bool:
            return await engine.executions.status(execution_id) == "completed"

        await eventually(recorded)
        execution = await engine.executions.get(execution_id)
        assert statuses(execution) == dict.fromkeys("abc", "completed")
        assert attempts(engine, execution_id) == dict.fromkeys("abc", 1)
        types = [event.type for event in await engine.executions.events(execution_id)]
        assert types == ["step.started", "step.completed"] * 3 + ["run.completed"]
    assert Path(notes).read_text().split() == ["a", "b"]
