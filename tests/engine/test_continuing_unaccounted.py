"""Runs that ended without a word, terminated in Temporal, go on by the account that their history gives of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from continued_runs import WAITING, attempts, becomes, forgotten_by_temporal, gated, run_events, step, until

from definitions.errors import CheckpointInvalid, ServiceUnavailable
from engine.core import Engine
from engine.service import working
from tests.running import begin, ended


async def test_a_run_that_was_terminated_goes_on_by_its_own_account(service: Engine, tmp_path: Path) -> None:
    """Milestones, skips, recoveries and the context leave no attempts behind, and nobody recorded them at its end."""
    document = {
        "name": "terminated",
        "steps": [
            step("a", "remember", colour="blue"),
            step("bad", "fail"),
            {"id": "mend", "handler": "steps.recover"},
            {"id": "both", "depends_on": ["a", "bad"], "input": {"was": "${bad.result.was}"}},
            gated("long", tmp_path / "gate", "both"),
            step("last", "echo", "long", was="${both.result.was}", colour="${context.colour}"),
        ],
        "error_handlers": {"bad": "mend"},
    }
    execution_id = await begin(service, document)
    await until(service, execution_id, long="running")
    await service.client.get_workflow_handle(execution_id).terminate(reason="oops")
    terminated = await becomes(service, execution_id, "cancelled")
    assert terminated.error is not None
    assert terminated.error["error_class"] == "terminated"
    told = await service.executions.continue_run(execution_id)
    assert (told.reused, told.run_again) == (("a", "bad", "mend", "both"), ("long", "last"))
    (tmp_path / "gate").touch()
    done = await ended(service, execution_id)
    assert (done.status, done.output) == ("completed", {"was": "ValueError: as asked", "colour": "blue"})
    assert await attempts(service, execution_id, "long") == [(1, 1, "cancelled"), (2, 1, "completed")]
    assert await run_events(service, execution_id) == ["run.cancelled", "run.continued", "run.completed"]


async def test_a_terminated_run_that_nobody_can_tell_of_is_refused(engine: Engine) -> None:
    document = {"name": "unheard", "steps": [step("a", "remember", x=1), step("b", "wait", "a", seconds=60)]}
    async with working(engine):
        execution_id = await begin(engine, document)
        await until(engine, execution_id, b="running")
        await engine.client.get_workflow_handle(execution_id).terminate()
        before = await becomes(engine, execution_id, "cancelled")
        await forgotten_by_temporal(engine, execution_id)
        with pytest.raises(CheckpointInvalid, match="nobody can tell any more how") as caught:
            await engine.executions.continue_run(execution_id)
        assert caught.value.code == "run_state_lost"
        assert await engine.executions.get(execution_id) == before


async def test_a_result_that_the_workflow_never_heard_of_is_used(engine: Engine) -> None:
    """Its activity ended while no worker took workflow tasks, and then it was terminated."""
    document = {
        "name": "unheard",
        "steps": [
            step("a", "wait", seconds=60, retry={"max_attempts": 2, "initial_interval": 60}),
            step("b", "echo", "a", got="${a.result.n}", x="${context.x}"),
        ],
    }
    async with working(engine):
        execution_id = await begin(engine, document)
        await until(engine, execution_id, a="running")
    by_hand = engine.client.get_async_activity_handle(workflow_id=execution_id, run_id=None, activity_id="a")
    await by_hand.complete({"output": {"n": 5}, "context": {"x": 6}})
    await engine.client.get_workflow_handle(execution_id).terminate()
    async with working(engine):
        await becomes(engine, execution_id, "cancelled")
        told = await engine.executions.continue_run(execution_id)
        assert (told.reused, told.run_again) == (("a",), ("b",))
        done = await ended(engine, execution_id)
    assert (done.status, done.output) == ("completed", {"got": 5, "x": 6})


async def test_without_a_worker_a_terminated_run_can_not_be_asked(engine: Engine) -> None:
    async with working(engine):
        execution_id = await begin(engine, WAITING)
        await until(engine, execution_id, a="running")
        await engine.client.get_workflow_handle(execution_id).terminate()
        before = await becomes(engine, execution_id, "cancelled")
    with pytest.raises(ServiceUnavailable, match="no worker tells how") as caught:
        await engine.executions.continue_run(execution_id)
    assert "longpole worker" in caught.value.remedy
    assert await engine.executions.get(execution_id) == before
