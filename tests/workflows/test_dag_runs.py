"""Runs of `DagWorkflow` on a real Temporal server with a real worker and a real database."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from engine.core import Engine
from tests.polling import eventually
from tests.running import begin, ended, run, statuses


async def test_a_diamond_passes_data_along_and_is_recorded(service: Engine) -> None:
    execution = await run(
        service,
        {
            "name": "diamond",
            "steps": [
                {"id": "a", "handler": "steps.echo"},
                {"id": "b", "handler": "steps.echo", "input": {"n": "${a.result.n}"}},
                {"id": "c", "handler": "steps.plain", "input": {"text": "n is ${a.result.n}"}},
                {"id": "d", "handler": "steps.echo", "input": {"b": "${b.result}", "c": "${c.result.text}"}},
            ],
        },
        {"n": 7},
    )
    assert execution.status == "completed"
    assert execution.output == {"b": {"n": 7}, "c": "n is 7"}
    assert statuses(execution) == dict.fromkeys("abcd", "completed")
    assert all(step.started_at and step.completed_at for step in execution.steps)
    events = await service.executions.events(execution.execution_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "run.completed"
    assert {event.type for event in events} == {"step.started", "step.completed", "run.completed"}


async def test_conditions_skip_and_milestones_pass(service: Engine) -> None:
    execution = await run(
        service,
        {
            "name": "branches",
            "steps": [
                {"id": "check", "handler": "steps.give", "input": {"value": {"ok": False}}},
                {"id": "good", "handler": "steps.echo", "condition": "step_outputs['check']['ok'] == True"},
                {"id": "bad", "handler": "steps.echo", "condition": "not ${check.result.ok}", "input": {"x": 1}},
                {"id": "gate", "depends_on": ["good", "bad"]},
                {"id": "end", "handler": "steps.echo", "depends_on": ["gate"], "input": {"good": "${good.result.x}"}},
            ],
        },
    )
    assert execution.status == "completed"
    assert statuses(execution) == {
        "check": "completed",
        "good": "skipped",
        "bad": "completed",
        "gate": "completed",
        "end": "skipped",
    }
    assert {step.step_id: step.reason for step in execution.steps if step.reason} == {
        "good": "condition",
        "end": "upstream_skipped",
    }


async def test_a_failed_step_fails_the_run_after_what_does_not_depend_on_it(service: Engine) -> None:
    execution = await run(
        service,
        {
            "name": "partly",
            "steps": [
                {"id": "bad", "handler": "steps.fail", "input": {"message": "no such thing"}},
                {"id": "after", "handler": "steps.echo", "depends_on": ["bad"]},
                {"id": "free", "handler": "steps.echo"},
            ],
        },
    )
    assert execution.status == "failed"
    assert statuses(execution) == {"bad": "failed", "after": "skipped", "free": "completed"}
    assert execution.error is not None
    assert "no such thing" in execution.error["message"]
    description = await service.client.get_workflow_handle(execution.execution_id).describe()
    assert description.status is WorkflowExecutionStatus.FAILED


async def test_retries_keep_to_the_policy(service: Engine) -> None:
    retry = {"max_attempts": 3, "initial_interval": 0.1, "backoff_coefficient": 1}
    execution = await run(
        service,
        {
            "name": "retries",
            "steps": [
                {"id": "third", "handler": "steps.flaky", "input": {"succeeds_at": 3}, "retry": retry},
                {"id": "never", "handler": "steps.flaky", "input": {"succeeds_at": 9}, "retry": retry},
            ],
        },
    )
    assert statuses(execution) == {"third": "completed", "never": "failed"}
    assert [step.attempts for step in execution.steps] == [3, 3]


@pytest.mark.parametrize(("handler", "status"), [("steps.recover", "completed"), ("steps.notify", "failed")])
async def test_error_handlers_recover_or_only_notify(service: Engine, handler: str, status: str) -> None:
    execution = await run(
        service,
        {
            "name": "handled",
            "steps": [
                {"id": "bad", "handler": "steps.fail", "input": {"message": "boom"}},
                {"id": "after", "handler": "steps.echo", "input": {"got": "${bad.result.was}"}},
                {"id": "mend", "handler": handler},
            ],
            "error_handlers": {"bad": "mend"},
        },
    )
    assert execution.status == status
    if status == "completed":
        assert execution.output == {"got": "ValueError: boom"}


async def test_the_context_is_shared_in_completion_order(service: Engine) -> None:
    execution = await run(
        service,
        {
            "name": "context",
            "context": {"colour": "red"},
            "steps": [
                {"id": "a", "handler": "steps.remember", "input": {"colour": "blue"}},
                {
                    "id": "b",
                    "handler": "steps.echo",
                    "depends_on": ["a"],
                    "condition": "context.colour == 'blue'",
                    "input": {"colour": "${context.colour}"},
                },
            ],
        },
    )
    assert execution.output == {"colour": "blue"}


@pytest.mark.parametrize("size", [100, 100_000, 3_000_000])
async def test_large_values_travel_by_reference(service: Engine, size: int) -> None:
    execution = await run(
        service,
        {
            "name": "large",
            "steps": [
                {"id": "big", "handler": "steps.big", "input": {"bytes": size, "small": 5}},
                {
                    "id": "count",
                    "handler": "steps.length",
                    "input": {"text": "<${big.result.text}>"},
                    "condition": "${big.result.small} == 5",
                },
            ],
        },
    )
    assert execution.status == "completed"
    assert execution.output == size + 2
    assert len(execution.steps[0].output["text"]) == size
    history = await service.client.get_workflow_handle(execution.execution_id).fetch_history()
    assert len(history.to_json()) < 400_000


async def test_large_input_travels_by_reference(service: Engine) -> None:
    document = {
        "name": "large-input",
        "steps": [{"id": "count", "handler": "steps.length", "input": {"text": "${workflow.input.text}"}}],
    }
    execution = await run(service, document, {"text": "y" * 3_000_000})
    assert execution.output == 3_000_000


async def test_pause_starts_nothing_and_resume_goes_on(service: Engine, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    held = {"handler": "steps.occupy", "input": {"parameters": {"until": str(gate)}}}
    document = {
        "name": "pausing",
        "steps": [{"id": "a", **held}, {"id": "b", **held, "depends_on": ["a"]}],
    }
    execution_id = await begin(service, document)

    async def a_runs() -> bool:
        return statuses(await service.executions.get(execution_id))["a"] == "running"

    await eventually(a_runs)
    await service.executions.pause(execution_id)
    gate.touch()

    async def paused_after_a() -> bool:
        execution = await service.executions.get(execution_id)
        return execution.status == "paused" and statuses(execution) == {"a": "completed", "b": "pending"}

    await eventually(paused_after_a)
    handle = service.client.get_workflow_handle(execution_id)
    snapshot = await handle.query("progress")
    assert snapshot["status"] == "paused"
    assert snapshot["running"] == []
    await service.executions.resume(execution_id)
    execution = await ended(service, execution_id)
    assert execution.status == "completed"
    types = [event.type for event in await service.executions.events(execution_id)]
    assert types.index("run.paused") < types.index("run.resumed") < types.index("run.completed")


async def test_cancel_tells_running_steps_and_keeps_what_is_done(service: Engine) -> None:
    document = {
        "name": "cancelling",
        "steps": [
            {"id": "done", "handler": "steps.give", "input": {"value": 1}},
            {"id": "long", "handler": "steps.wait", "input": {"seconds": 60}, "depends_on": ["done"]},
            {"id": "never", "handler": "steps.echo", "depends_on": ["long"]},
        ],
    }
    execution_id = await begin(service, document)

    async def long_runs() -> bool:
        return statuses(await service.executions.get(execution_id))["long"] == "running"

    await eventually(long_runs)
    await service.executions.cancel(execution_id, reason="enough", grace_seconds=20)
    execution = await ended(service, execution_id)
    assert execution.status == "cancelled"
    assert statuses(execution) == {"done": "completed", "long": "cancelled", "never": "cancelled"}
    assert execution.output == {"done": 1}
    assert execution.error is not None
    assert execution.error["message"] == "enough"
    description = await service.client.get_workflow_handle(execution_id).describe()
    assert description.status is WorkflowExecutionStatus.CANCELED


async def test_what_does_not_end_in_its_grace_period_is_abandoned(service: Engine) -> None:
    document = {"name": "stubborn", "steps": [{"id": "a", "handler": "steps.stubborn", "input": {"seconds": 6}}]}
    execution_id = await begin(service, document)

    async def runs() -> bool:
        return statuses(await service.executions.get(execution_id))["a"] == "running"

    await eventually(runs)
    await service.executions.cancel(execution_id, grace_seconds=0.5)
    execution = await ended(service, execution_id)
    assert execution.status == "cancelled"
    assert (execution.steps[0].status, execution.steps[0].reason) == ("cancelled", "abandoned")


async def test_a_cancel_through_temporal_is_graceful_too(service: Engine) -> None:
    document = {"name": "native", "steps": [{"id": "a", "handler": "steps.wait", "input": {"seconds": 60}}]}
    execution_id = await begin(service, document)

    async def runs() -> bool:
        return statuses(await service.executions.get(execution_id))["a"] == "running"

    await eventually(runs)
    await service.client.get_workflow_handle(execution_id).cancel()
    execution = await ended(service, execution_id)
    assert execution.status == "cancelled"
    assert statuses(execution) == {"a": "cancelled"}


async def test_a_run_that_takes_too_long_is_timed_out(service: Engine) -> None:
    document = {
        "name": "late",
        "timeout": 0.5,
        "steps": [{"id": "a", "handler": "steps.wait", "input": {"seconds": 60}}],
    }
    execution = await run(service, document)
    assert execution.status == "timed_out"
    assert execution.error is not None
    assert execution.error["error_class"] == "run_timeout"


async def test_a_failing_condition_fails_its_step_not_the_workflow_task(service: Engine) -> None:
    execution = await run(
        service,
        {
            "name": "condition-error",
            "steps": [
                {"id": "a", "handler": "steps.give", "input": {"value": {}}},
                {"id": "b", "handler": "steps.echo", "condition": "step_outputs['a']['missing'] > 1"},
            ],
        },
    )
    assert statuses(execution) == {"a": "completed", "b": "failed"}
    assert execution.steps[1].error_class == "condition_error"
    history = await service.client.get_workflow_handle(execution.execution_id).fetch_history()
    assert not [event for event in history.events if event.HasField("workflow_task_failed_event_attributes")]
