"""Control steps that are open when their run goes on in a new history: on a server that asks for it after 40 events."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from temporal_dev.server import DevServer
from temporal_dev.temporary import temporary_server
from temporalio.client import WorkflowHistory
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.children import ChildActivities
from engine.core import Engine
from tests.polling import eventually
from tests.running import begin, ended, histories
from workflows import attributes

ITEMS = 40


@pytest.fixture(scope="module")
def temporal() -> Iterator[DevServer]:
    with temporary_server(
        search_attributes=attributes.TYPES,
        dynamic_config={"limit.historyCount.suggestContinueAsNew": 40, "limit.historyCount.error": 400},
    ) as server:
        yield server


CHILD = {
    "name": "part",
    "steps": [
        {"id": "w", "wait": {"event": "go"}},
        {"id": "double", "handler": "steps.give", "input": {"value": ["${w.result}", "${workflow.input.n}"]}},
    ],
}

PARENT = {
    "name": "whole",
    "steps": [
        {
            "id": "many",
            "loop": {
                "iterate_over": "${workflow.input.items}",
                "max_iterations": ITEMS,
                "steps": [
                    {"id": "give", "handler": "steps.give", "input": {"value": "${loop.current_item}"}},
                    {
                        "id": "odd",
                        "branch": {
                            "if": "${give.result} % 2 == 1",
                            "then": [{"id": "same", "handler": "steps.give", "input": {"value": "${give.result}"}}],
                        },
                    },
                ],
            },
        },
        {"id": "part", "workflow": {"name": "part"}, "input": {"n": 7}},
        {"id": "ask", "approval": {"message": "Go on?", "timeout": 600, "values": {"x": 1}}},
        {"id": "nap", "wait": {"for": 4}},
        {"id": "early", "wait": {"event": "early"}, "depends_on": ["many", "ask"]},
        {
            "id": "last",
            "handler": "steps.echo",
            "depends_on": ["nap"],
            "input": {
                "many": "${many.result}",
                "part": "${part.result}",
                "x": "${ask.result.values.x}",
                "early": "${early.result}",
            },
        },
    ],
}


def started(history: WorkflowHistory) -> Counter[str]:
    """How often each activity was scheduled, and each child started."""
    ids: list[str] = []
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            ids.append(event.activity_task_scheduled_event_attributes.activity_id)
        if event.HasField("start_child_workflow_execution_initiated_event_attributes"):
            ids.append(event.start_child_workflow_execution_initiated_event_attributes.workflow_id)
    return Counter(ids)


async def test_what_is_open_goes_on_in_the_next_history(service: Engine, caplog: pytest.LogCaptureFixture) -> None:
    await service.definitions.save(CHILD)
    items = list(range(ITEMS))
    execution_id = await begin(service, PARENT, {"items": items})
    executions = service.executions
    await executions.send_event(execution_id, "early", {"sent": "first"}, event_id="e1")

    async def loop_is_done() -> bool:
        return any(step.step_id == "many" and step.status == "completed" for step in (await get()).steps)

    async def get() -> Any:
        return await executions.get(execution_id)

    await eventually(loop_is_done)
    assert len(await histories(service, execution_id)) > 2
    assert [each["step"] for each in await executions.approvals(execution_id)] == ["ask"]
    await executions.send_event(execution_id, "early", {"sent": "again"}, event_id="e1")
    [child], _ = await executions.find(parent=execution_id)
    assert child.status == "running"
    await executions.send_event(child.execution_id, "go", "went")
    await executions.decide(execution_id, "ask", True, by="ann", values={"x": 2})
    execution = await ended(service, execution_id)

    assert execution.status == "completed", execution.error
    assert execution.output == {
        "many": [item if item % 2 else None for item in items],
        "part": ["went", 7],
        "x": 2,
        "early": {"sent": "first"},
    }
    recorded = await histories(service, execution_id)
    begun = sum((started(history) for history in recorded), Counter[str]())
    followed = [activity for activity in begun if activity.endswith("~follow")]
    assert followed, "the child was to be followed from a later history"
    attempts = {
        event.activity_task_started_event_attributes.attempt
        for history in recorded
        for event in history.events
        if event.HasField("activity_task_started_event_attributes")
    }
    assert attempts == {1}, "the end of a child is waited for, not asked for again and again"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert {activity: count for activity, count in begun.items() if count > 1 and activity not in followed} == {}
    inner = await executions.inner_steps(execution_id, within="many", limit=200)
    assert inner.counts == {"completed": ITEMS + ITEMS + ITEMS // 2}


async def test_a_pause_and_a_cancellation_reach_a_child_from_a_later_history(service: Engine) -> None:
    await service.definitions.save(CHILD)
    execution_id = await begin(service, PARENT, {"items": list(range(ITEMS))})

    async def in_a_later_history() -> bool:
        return len(await histories(service, execution_id)) > 1

    await eventually(in_a_later_history)
    await service.executions.pause(execution_id)

    async def child_is_paused() -> bool:
        [child], _ = await service.executions.find(parent=execution_id)
        return child.status == "paused"

    await eventually(child_is_paused)
    await service.executions.cancel(execution_id, reason="enough")
    execution = await ended(service, execution_id)

    assert execution.status == "cancelled"
    [child], _ = await service.executions.find(parent=execution_id)
    assert child.status == "cancelled"


async def test_a_child_that_fails_while_a_later_history_watches_it_fails_its_step(service: Engine) -> None:
    fails = {"id": "bad", "handler": "steps.fail", "depends_on": ["w"], "input": {"message": "boom"}}
    await service.definitions.save({"name": "part", "steps": [CHILD["steps"][0], fails]})
    line = [{"id": f"s{n}", "handler": "steps.give", "depends_on": [f"s{n - 1}"] if n else []} for n in range(10)]
    part = {"id": "part", "workflow": {"name": "part"}, "input": {}}
    execution_id = await begin(service, {"name": "whole", "steps": [part, *line]})

    async def in_a_later_history() -> bool:
        return len(await histories(service, execution_id)) > 1

    await eventually(in_a_later_history)
    [child], _ = await service.executions.find(parent=execution_id)
    await service.executions.send_event(child.execution_id, "go")
    execution = await ended(service, execution_id)
    assert execution.status == "failed"
    assert execution.error is not None
    assert f"workflow 'part' ({child.execution_id}) failed" in execution.error["message"]
    assert "boom" in execution.error["message"]


async def test_where_nobody_has_room_to_watch_it_is_asked_for_again(service: Engine) -> None:
    activities = ChildActivities(service.database, service.blobs)
    execution_id = await begin(service, CHILD, {"n": 1})
    environment = ActivityEnvironment(client=service.client)
    with pytest.raises(ApplicationError, match="goes on") as caught:
        await environment.run(activities.follow_child, execution_id)
    assert (caught.value.type, caught.value.non_retryable) == ("still_running", False)
    assert caught.value.category is ApplicationErrorCategory.BENIGN
    await service.executions.send_event(execution_id, "go", "went")
    await ended(service, execution_id)
    end = await environment.run(activities.follow_child, execution_id)
    assert end == {"result": ["went", 1]}
