"""Steps whose workers are lost one after the other, and workers that were only thought lost."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporal_dev.server import DevServer

from definitions.calls import FINAL_RUN_STATUSES
from engine.core import Engine
from engine.settings import Settings
from engine.views import Execution
from tests.chaos.crash_round import completion_times, repeated_after_completion
from tests.chaos.effects import read_effects, starts
from tests.chaos.worker_process import WorkerProcess
from tests.polling import eventually


@pytest.fixture
def spawn(temporal: DevServer, settings: Settings) -> Iterator[Callable[[], WorkerProcess]]:
    """Starts a worker process for the task queue of the engine."""
    workers: list[WorkerProcess] = []

    def start() -> WorkerProcess:
        workers.append(WorkerProcess(settings, temporal.address))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


async def begin(engine: Engine, *steps: dict[str, Any]) -> str:
    stored = await engine.definitions.save({"name": "lost", "steps": list(steps)})
    return await engine.executions.start(stored, {})


async def ended(engine: Engine, execution_id: str) -> Execution:
    async def over() -> bool:
        return await engine.executions.status(execution_id) in FINAL_RUN_STATUSES

    await eventually(over)
    return await engine.executions.get(execution_id)


async def begun(ledger: Path, *counts: tuple[str, int]) -> None:
    async def as_often() -> bool:
        return all(len(starts(ledger, step)) >= count for step, count in counts)

    await eventually(as_often)


@pytest.mark.long
async def test_lost_workers_do_not_use_up_attempts_but_have_a_bound(
    engine: Engine, spawn: Callable[[], WorkerProcess], tmp_path: Path
) -> None:
    ledger, door = tmp_path / "ledger.jsonl", tmp_path / "door"
    endless = {"ledger": str(ledger), "until": str(tmp_path / "never")}

    def step(step_id: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"id": step_id, "handler": "ledger.work_until", "input": given, **more}

    patient = await begin(engine, step("patient", {**endless, "until": str(door)}))
    deadly = await begin(engine, step("deadly", endless))
    once = await begin(engine, step("once", endless, at_most_once=True))
    for lost in range(6):
        worker = spawn()
        open_steps = [("deadly", lost + 1)] + [("patient", lost + 1)] * (lost <= 3) + [("once", 1)]
        await begun(ledger, *open_steps)
        if lost == 3:
            door.touch()
            run = await ended(engine, patient)
            assert (run.status, run.steps[0].status) == ("completed", "completed")
        worker.kill()
    spawn()
    assert [effect.attempt for effect in starts(ledger, "patient")] == [1] * 4
    assert [effect.attempt for effect in starts(ledger, "deadly")] == [1] * 6
    assert len(starts(ledger, "once")) == 1
    for execution_id in (deadly, once):
        run = await ended(engine, execution_id)
        assert (run.status, run.steps[0].status, run.steps[0].error_class) == ("failed", "failed", "worker_lost")


@pytest.mark.long
@pytest.mark.parametrize("handler", ["work", "plain_work"])
async def test_a_worker_that_was_only_held_up_changes_nothing_any_more(
    engine: Engine, spawn: Callable[[], WorkerProcess], tmp_path: Path, handler: str
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    given = {"ledger": str(ledger), "seconds": 1.0}
    execution_id = await begin(
        engine,
        {"id": "a", "handler": f"ledger.{handler}", "input": given},
        {"id": "b", "handler": f"ledger.{handler}", "input": given, "depends_on": ["a"]},
    )
    zombie = spawn()
    await begun(ledger, ("a", 1))
    zombie.signal(signal.SIGSTOP)
    other = spawn()
    # The other one works on `b` while the zombie wakes up and ends its `a`.
    await begun(ledger, ("a", 2), ("b", 1))
    zombie.signal(signal.SIGCONT)
    run = await ended(engine, execution_id)
    assert run.status == "completed"
    zombie.signal(signal.SIGTERM)
    # It has reported, and recorded, all that it wanted to by then.
    assert zombie.wait(180) == 0
    run = await engine.executions.get(execution_id)
    assert [(step.status, step.output) for step in run.steps] == [("completed", {"pid": other.pid})] * 2
    assert [effect.pid for effect in starts(ledger, "a")] == [zombie.pid, other.pid]
    assert [effect.pid for effect in starts(ledger, "b")] == [other.pid]
    assert not repeated_after_completion(read_effects(ledger), await completion_times(engine, execution_id))


@pytest.mark.long
@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told-to-stop"])
async def test_local_steps_of_the_unfinished_workflow_task_run_again(
    engine: Engine, spawn: Callable[[], WorkerProcess], tmp_path: Path, fault: signal.Signals
) -> None:
    ledger, door = tmp_path / "ledger.jsonl", tmp_path / "door"
    given = {"ledger": str(ledger), "seconds": 0, "until": str(door)}

    def step(step_id: str, handler: str, *depends_on: str, **more: Any) -> dict[str, Any]:
        return {"id": step_id, "handler": f"ledger.{handler}", "input": given, "depends_on": list(depends_on), **more}

    execution_id = await begin(
        engine,
        step("sure", "work"),
        step("done", "work", "sure", local=True),
        step("held", "work_until", "done", local=True),
        step("last", "work", "held"),
    )
    first = spawn()
    await begun(ledger, ("held", 1))
    first.signal(fault)
    other = spawn()
    await begun(ledger, ("held", 2))
    door.touch()
    run = await ended(engine, execution_id)
    assert first.wait(180) == (0 if fault is signal.SIGTERM else -signal.SIGKILL)
    assert run.status == "completed"
    assert [step.status for step in run.steps] == ["completed"] * 4
    assert {effect.pid for effect in starts(ledger, "held")} == {first.pid, other.pid}
    assert len(starts(ledger, "sure")) == len(starts(ledger, "last")) == 1
    assert len({effect.key for effect in starts(ledger, "held")}) == 1
    if fault is signal.SIGKILL:
        assert len(starts(ledger, "done")) == 2
