"""Local steps on a real server: the same as other steps, but for what only a server could promise."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from engine.core import Engine
from tests.polling import eventually
from tests.running import begin, ended, histories, run, statuses
from workflows.local_budget import MAX_LOCAL_STEPS


def local(step_id: str, handler: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": f"steps.{handler}", "local": True, "depends_on": list(depends_on), **fields}


def count(history: WorkflowHistory, kind: EventType.ValueType) -> int:
    return sum(event.event_type == kind for event in history.events)


async def test_a_chain_of_local_steps_is_recorded_like_any_other_and_bounded_by_task(service: Engine) -> None:
    steps = 2 * MAX_LOCAL_STEPS + 1
    chain = [local("s0", "echo", input={"n": 3})]
    chain += [local(f"s{n}", "echo", input={"n": f"${{s{n - 1}.result.n}}"}) for n in range(1, steps)]
    execution = await run(service, {"name": "local-chain", "steps": chain})
    assert execution.status == "completed"
    assert execution.output == {"n": 3}
    assert [step.status for step in execution.steps] == ["completed"] * steps
    assert all(step.attempts == 1 and step.output == {"n": 3} for step in execution.steps)
    events = [event.type for event in await service.executions.events(execution.execution_id)]
    assert sorted(events) == sorted(["step.started", "step.completed"] * steps + ["run.completed"])
    (history,) = await histories(service, execution.execution_id)
    # One in 33 is run by the server, as other steps: that ends the workflow task without any timer.
    assert count(history, EventType.EVENT_TYPE_TIMER_STARTED) == 0
    assert count(history, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 1
    assert count(history, EventType.EVENT_TYPE_MARKER_RECORDED) == steps - 1
    assert max(_markers_by_task(history)) == MAX_LOCAL_STEPS


def _markers_by_task(history: WorkflowHistory) -> list[int]:
    markers: dict[int, int] = {}
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            task = event.marker_recorded_event_attributes.workflow_task_completed_event_id
            markers[task] = markers.get(task, 0) + 1
    return list(markers.values())


async def test_local_and_other_steps_side_by_side(service: Engine) -> None:
    wide = [local(f"w{n}", "plain", input={"n": n}) for n in range(MAX_LOCAL_STEPS + 5)]
    remote = [{"id": f"r{n}", "handler": "steps.echo", "input": {"n": n}} for n in range(5)]
    join = local("join", "echo", *(step["id"] for step in [*wide, *remote]), input={"last": "${r4.result.n}"})
    execution = await run(service, {"name": "mixed", "steps": [*wide, *remote, join]})
    assert execution.status == "completed"
    assert execution.output == {"last": 4}


@pytest.mark.parametrize("interval", [0.05, 1.5], ids=["within-the-task", "with-timers-between"])
async def test_attempts_are_counted_and_waited_for(service: Engine, interval: float) -> None:
    retry = {"max_attempts": 3, "initial_interval": interval, "backoff_coefficient": 1}
    execution = await run(
        service,
        {
            "name": "retried",
            "steps": [
                local("third", "flaky", input={"succeeds_at": 3}, retry=retry),
                local("never", "flaky", input={"succeeds_at": 9}, retry=retry),
            ],
        },
    )
    assert execution.status == "failed"
    assert statuses(execution) == {"third": "completed", "never": "failed"}
    assert [step.attempts for step in execution.steps] == [3, 3]
    assert execution.error is not None
    assert "attempt 3 fails" in execution.error["message"]
    types = [event.type for event in await service.executions.events(execution.execution_id)]
    assert types.count("step.retrying") == 4
    assert types.count("step.failed") == 1


async def test_a_local_step_that_takes_too_long_has_timed_out(service: Engine) -> None:
    slow = local("slow", "wait", input={"seconds": 60}, timeout=0.3)
    execution = await run(service, {"name": "slow", "steps": [slow, local("after", "echo", "slow")]})
    assert statuses(execution) == {"slow": "failed", "after": "skipped"}
    assert execution.error is not None
    assert execution.error["error_class"] == "timeout"


async def test_a_cancelled_run_tells_its_local_steps(service: Engine) -> None:
    document = {"name": "told", "steps": [local("long", "wait", input={"seconds": 50}), local("next", "echo", "long")]}
    execution_id = await begin(service, document)
    await eventually(lambda: _is(service, execution_id, long="running"))
    await service.executions.cancel(execution_id, reason="enough", grace_seconds=20)
    execution = await ended(service, execution_id)
    assert execution.status == "cancelled"
    assert statuses(execution) == {"long": "cancelled", "next": "cancelled"}
    types = [event.type for event in await service.executions.events(execution_id)]
    assert "step.cancelled" in types


async def test_a_local_step_that_does_not_listen_is_abandoned(service: Engine) -> None:
    document = {"name": "deaf", "steps": [local("deaf", "stubborn", input={"seconds": 30})]}
    execution_id = await begin(service, document)
    await eventually(lambda: _is(service, execution_id, deaf="running"))
    await service.executions.cancel(execution_id, grace_seconds=0.3)
    execution = await ended(service, execution_id)
    assert execution.status == "cancelled"
    assert [(step.status, step.reason) for step in execution.steps] == [("cancelled", "abandoned")]


async def test_what_is_large_goes_into_blob_storage(service: Engine) -> None:
    execution = await run(
        service,
        {
            "name": "large",
            "steps": [
                local("big", "big", input={"bytes": 3_000_000, "small": 5}),
                local("count", "length", input={"text": "<${big.result.text}>"}),
            ],
        },
    )
    assert execution.output == 3_000_002
    (history,) = await histories(service, execution.execution_id)
    assert sum(event.ByteSize() for event in history.events) < 50_000


async def test_additions_to_the_context_are_smaller_than_those_of_other_steps(service: Engine) -> None:
    remember = {"id": "a", "handler": "steps.remember", "input": {"text": "x" * 20_000}}
    assert (await run(service, {"name": "remote", "steps": [remember]})).status == "completed"
    execution = await run(service, {"name": "local", "steps": [{**remember, "local": True}]})
    assert execution.status == "failed"
    assert execution.error is not None
    assert "8,192" in execution.error["message"]


async def _is(service: Engine, execution_id: str, **wanted: str) -> bool:
    now = statuses(await service.executions.get(execution_id))
    return all(now.get(step) == status for step, status in wanted.items())
