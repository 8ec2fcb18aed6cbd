"""Runs as the engine tells of them, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from definitions.errors import Conflict, InputInvalid, NotFound
from definitions.ids import new_execution_id
from engine.access.identity import Identity
from engine.core import Engine
from engine.prepared import PreparedRuns
from tests.polling import eventually
from tests.running import begin, ended, run, statuses
from workflows import attributes
from workflows.announcement import priority_key

ECHO = {"name": "echo", "steps": [{"id": "a", "handler": "steps.echo"}]}
WAITING = {"name": "waiting", "steps": [{"id": "a", "handler": "steps.wait", "input": {"seconds": 60}}]}


async def step_runs(engine: Engine, execution_id: str) -> None:
    async def running() -> bool:
        return "running" in statuses(await engine.executions.get(execution_id)).values()

    await eventually(running)


async def becomes(engine: Engine, execution_id: str, status: str) -> None:
    async def is_so() -> bool:
        return await engine.executions.status(execution_id) == status

    await eventually(is_so)


async def test_a_run_completes(on_each_database: Engine) -> None:
    engine = on_each_database
    document = {
        "name": "two",
        "steps": [
            {"id": "a", "handler": "steps.echo"},
            {"id": "b", "handler": "steps.plain", "input": {"got": "${a.result.text}"}},
        ],
    }
    execution = await run(engine, document, {"text": "ä😀"})
    assert execution.status == "completed"
    assert execution.output == {"got": "ä😀"}
    assert execution.started_at is not None
    assert execution.completed_at is not None
    assert execution.created_at <= execution.started_at <= execution.completed_at
    assert execution.duration_seconds == pytest.approx(
        (execution.completed_at - execution.started_at).total_seconds(), abs=1e-3
    )
    types = [event.type for event in await engine.executions.events(execution.execution_id)]
    assert types == ["step.started", "step.completed"] * 2 + ["run.completed"]


async def test_a_run_fails(on_each_database: Engine) -> None:
    retry = {"max_attempts": 2, "initial_interval": 0.05}
    execution = await run(
        on_each_database,
        {"name": "bad", "steps": [{"id": "a", "handler": "steps.fail", "input": {"message": "no"}, "retry": retry}]},
    )
    assert execution.status == "failed"
    assert execution.error is not None
    assert "no" in execution.error["message"]
    step = execution.steps[0]
    assert (step.status, step.attempts, step.error_class) == ("failed", 2, "error")


async def test_a_run_is_paused_resumed_and_cancelled(on_each_database: Engine) -> None:
    engine = on_each_database
    execution_id = await begin(engine, WAITING)
    await step_runs(engine, execution_id)
    await engine.executions.pause(execution_id)
    await becomes(engine, execution_id, "paused")
    await engine.executions.resume(execution_id)
    await becomes(engine, execution_id, "running")
    await engine.executions.cancel(execution_id, reason="enough")
    execution = await ended(engine, execution_id)
    assert execution.status == "cancelled"
    assert execution.error is not None
    assert execution.error["message"] == "enough"
    description = await engine.client.get_workflow_handle(execution_id).describe()
    assert description.status is WorkflowExecutionStatus.CANCELED
    types = [event.type for event in await engine.executions.events(execution_id)]
    assert [kind for kind in types if kind.startswith("run.")] == [
        "run.paused",
        "run.resumed",
        "run.cancelling",
        "run.cancelled",
    ]


WISHES: list[Callable[[Engine, str], Any]] = [
    lambda engine, execution_id: engine.executions.pause(execution_id),
    lambda engine, execution_id: engine.executions.resume(execution_id),
    lambda engine, execution_id: engine.executions.cancel(execution_id),
]


async def test_a_run_that_is_over_can_only_be_read(service: Engine) -> None:
    execution = await run(service, ECHO)
    for wish in WISHES:
        with pytest.raises(Conflict, match="is completed: there is nothing to") as caught:
            await wish(service, execution.execution_id)
        assert caught.value.code == "invalid_status"
        assert "longpole show" in caught.value.remedy
    assert await service.executions.get(execution.execution_id) == execution


async def test_one_that_was_never_executed_can_only_be_cancelled(engine: Engine) -> None:
    stored = await engine.definitions.save(ECHO)
    execution_id = await PreparedRuns(engine.database, engine.blobs).prepare(stored, {})
    for wish in WISHES[:2]:
        with pytest.raises(Conflict, match=r"was not executed yet: there is nothing to (pause|resume)") as caught:
            await wish(engine, execution_id)
        assert (caught.value.code, caught.value.remedy) == ("invalid_status", "start it with `execute_workflow`")
    with pytest.raises(NotFound):
        await engine.seen_by(Identity("somebody else")).executions.cancel(execution_id)
    await engine.executions.cancel(execution_id, reason="not needed")
    cancelled = await engine.executions.get(execution_id)
    assert (cancelled.status, cancelled.error) == ("cancelled", {"message": "not needed", "error_class": "cancelled"})
    await engine.executions.ended(execution_id)


@pytest.mark.parametrize("execution_id", ["exec_" + "0123" * 8, "exec_1", "wf_" + "0123" * 8, "", "x" * 10_000])
async def test_an_unknown_run(engine: Engine, execution_id: str) -> None:
    reads: list[Callable[[Engine, str], Any]] = [
        lambda engine, execution_id: engine.executions.get(execution_id),
        lambda engine, execution_id: engine.executions.status(execution_id),
    ]
    for wish in [*WISHES, *reads]:
        with pytest.raises(NotFound) as caught:
            await wish(engine, execution_id)
        assert len(caught.value.message) < 300


async def test_input_that_does_not_meet_the_schema_starts_nothing(engine: Engine) -> None:
    document = {
        **ECHO,
        "input_schema": {
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 1}, "name": {"type": "string"}},
            "required": ["n", "name"],
            "additionalProperties": False,
        },
    }
    with pytest.raises(InputInvalid) as caught:
        await begin(engine, document, {"n": 0, "nmae": "x"})
    assert len(caught.value.problems) == 3
    assert await engine.executions.find() == ([], 0)


async def test_runs_are_found_by_status_name_and_owner_in_pages(service: Engine) -> None:
    for number in range(5):
        await run(service, ECHO, {"n": number})
    await run(service, {"name": "bad", "steps": [{"id": "a", "handler": "steps.fail"}]})
    stored = await service.definitions.save(ECHO, owner="you")
    theirs = await service.executions.start(stored, {}, owner="you")
    await ended(service, theirs)

    find = service.executions.find
    everything, total = await find()
    assert (len(everything), total) == (7, 7)
    created = [execution.created_at for execution in everything]
    assert created == sorted(created, reverse=True)
    assert all(not execution.steps and execution.input is None for execution in everything)
    assert (await find(statuses=["failed", "timed_out"]))[1] == 1
    assert (await find(statuses=["running"]))[1] == 0
    assert (await find(name="echo"))[1] == 6
    assert [execution.execution_id for execution in (await find(name="echo", owner="you"))[0]] == [theirs]
    assert (await find(name="ech"))[1] == 0
    pages = [await find(name="echo", limit=4, offset=offset) for offset in (0, 4, 8)]
    assert [(len(page), total) for page, total in pages] == [(4, 6), (2, 6), (0, 6)]
    ids = [execution.execution_id for page, _ in pages for execution in page]
    assert len(set(ids)) == 6


async def test_events_and_log_lines_come_in_pages(service: Engine) -> None:
    document = {
        "name": "talking",
        "steps": [
            {"id": "a", "handler": "steps.say", "input": {"lines": 7}},
            {"id": "b", "handler": "steps.say", "input": {"lines": 2, "level": "warning"}, "depends_on": ["a"]},
        ],
    }
    execution_id = (await run(service, document)).execution_id
    events = await service.executions.events(execution_id)
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    assert await service.executions.events(execution_id, after=2, limit=2) == events[2:4]
    assert await service.executions.events(execution_id, after=5) == []

    logs = service.executions.logs
    lines = await logs(execution_id)
    assert [(line.step_id, line.message) for line in lines] == [
        *(("a", f"line {number}") for number in range(7)),
        *(("b", f"line {number}") for number in range(2)),
    ]
    assert await logs(execution_id, after=lines[2].id, limit=3) == lines[3:6]
    assert await logs(execution_id, step_id="b") == lines[7:]
    assert await logs(execution_id, levels=["WARN"]) == lines[7:]
    assert await logs(execution_id, levels=[]) == []


async def test_an_operator_finds_runs_in_temporal(service: Engine) -> None:
    document = {
        "name": f"forecast {service.settings.task_queue}",
        "version": "2.1",
        "tags": ["nightly"],
        "priority": 70,
        "steps": [{"id": "a", "name": "Wait a while", "handler": "steps.wait", "input": {"seconds": 60}}],
    }
    stored = await service.definitions.save(document, owner="ann")
    execution_id = await service.executions.start(stored, {}, owner="ann", tags=["extra"])
    await step_runs(service, execution_id)
    query = (
        f"LongpoleDefinition = '{document['name']}' AND LongpoleVersion = '2.1' AND LongpoleOwner = 'ann' "
        "AND LongpolePriority > 60 AND LongpolePaused = false AND LongpoleTags IN ('nightly') "
        "AND LongpoleTags IN ('extra') AND ExecutionStatus = 'Running'"
    )

    async def is_listed() -> bool:
        return [each.id async for each in service.client.list_workflows(query)] == [execution_id]

    await eventually(is_listed)
    description = await service.client.get_workflow_handle(execution_id).describe()
    assert description.typed_search_attributes.get(attributes.PRIORITY) == 70
    assert await description.memo() == {
        attributes.MEMO_DIGEST: stored.digest,
        attributes.MEMO_REVISION: stored.revision,
    }
    summary = await description.static_summary()
    details = await description.static_details()
    assert summary is not None
    assert details is not None
    assert document["name"] in summary
    assert "ann" in details
    assert description.raw_description.workflow_execution_info.priority.priority_key == priority_key(70) == 2

    await service.executions.pause(execution_id)
    paused = query.replace("LongpolePaused = false", "LongpolePaused = true")

    async def is_listed_as_paused() -> bool:
        return [each.id async for each in service.client.list_workflows(paused)] == [execution_id]

    await eventually(is_listed_as_paused)
    await service.executions.cancel(execution_id)
    await ended(service, execution_id)


@pytest.mark.parametrize(
    ("priority", "key"), [(0, 5), (19, 5), (20, 4), (39, 4), (40, 3), (50, 3), (60, 2), (80, 1), (99, 1), (100, 1)]
)
def test_priorities_go_by_fifths(priority: int, key: int) -> None:
    assert priority_key(priority) == key


async def test_waiting_for_a_result_can_be_given_up(service: Engine) -> None:
    execution_id = await begin(service, WAITING)
    await step_runs(service, execution_id)
    waiting = asyncio.create_task(service.executions.result(execution_id))
    await asyncio.sleep(0)
    waiting.cancel()
    async with asyncio.timeout(180):
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await service.executions.cancel(execution_id)
    await ended(service, execution_id)


async def test_records_are_read_by_execution_alone(service: Engine) -> None:
    first, second = [await run(service, ECHO, {"n": number}) for number in range(2)]
    assert (first.output, second.output) == ({"n": 0}, {"n": 1})
    assert await service.executions.events(new_execution_id()) == []
