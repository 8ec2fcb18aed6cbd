"""Runs that are steps of other runs, on a real server."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.calls import FINAL_RUN_STATUSES
from definitions.ids import child_execution_id
from engine.core import Engine
from engine.views import Execution
from tests.polling import eventually
from tests.running import begin, ended, run, statuses


async def stored(engine: Engine, name: str, *steps: dict[str, Any], **fields: Any) -> None:
    await engine.definitions.save({"name": name, **fields, "steps": list(steps)})


def call(step_id: str, name: str, given: Any = None, **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "workflow": {"name": name}, "input": {} if given is None else given, **fields}


def parent(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "parent", **fields, "steps": list(steps)}


async def children(engine: Engine, execution_id: str) -> list[Execution]:
    found, _ = await engine.executions.find(parent=execution_id)
    return found


async def child_is(engine: Engine, execution_id: str, status: str) -> str:
    """The id of the run's only child, once it has that status."""
    found: list[Execution] = []

    async def so() -> bool:
        found[:] = await children(engine, execution_id)
        return bool(found) and found[0].status == status

    await eventually(so)
    return found[0].execution_id


async def test_a_child_is_a_run_of_its_own_with_the_newest_or_the_named_version(service: Engine) -> None:
    give = {"id": "give", "handler": "steps.give", "input": {"value": {"v": 1, "got": "${workflow.input.n}"}}}
    await stored(service, "part", give, version="1.0")
    await stored(service, "part", {**give, "input": {"value": {"v": 2, "got": "${workflow.input.n}"}}}, version="2.0")
    steps = [
        call("newest", "part", {"n": 1}),
        {"id": "old", "workflow": {"name": "part", "version": "1.0"}, "input": {"n": 2}},
        {
            "id": "each",
            "loop": {
                "iterate_over": [5, 6],
                "max_iterations": 2,
                "steps": [call("one", "part", {"n": "${loop.current_item}"})],
            },
        },
    ]
    execution = await run(service, parent(*steps))

    assert execution.status == "completed", execution.error
    assert execution.output == {
        "newest": {"v": 2, "got": 1},
        "old": {"v": 1, "got": 2},
        "each": [{"v": 2, "got": 5}, {"v": 2, "got": 6}],
    }
    found = {each.parent_step: each for each in await children(service, execution.execution_id)}
    assert set(found) == {"newest", "old", "each[0].one", "each[1].one"}
    assert {each.status for each in found.values()} == {"completed"}
    assert found["each[1].one"].execution_id == child_execution_id(execution.execution_id, "each[1].one", 1)
    assert statuses(execution) == {"newest": "completed", "old": "completed", "each": "completed"}
    whole = await service.executions.get(found["old"].execution_id)
    assert (whole.output, whole.version) == ({"v": 1, "got": 2}, "1.0")


async def test_large_values_go_to_children_and_back_by_reference(service: Engine) -> None:
    await stored(
        service,
        "measure",
        {"id": "count", "handler": "steps.length", "input": {"text": "${workflow.input.text}"}},
        {"id": "more", "handler": "steps.big", "input": {"bytes": 90_000}},
    )
    steps = [
        {"id": "big", "handler": "steps.big", "input": {"bytes": 100_000}},
        call("measured", "measure", {"text": "${big.result.text}"}),
        {"id": "again", "handler": "steps.length", "input": {"text": "${measured.result.more.text}"}},
        {"id": "count", "handler": "steps.give", "input": {"value": "${measured.result.count}"}},
    ]
    execution = await run(service, parent(*steps))
    assert execution.status == "completed", execution.error
    assert execution.output == {"again": 90_000, "count": 100_000}


async def test_what_goes_wrong_in_a_child_is_told_with_its_path(service: Engine) -> None:
    bad = {"id": "bad", "handler": "steps.fail", "input": {"message": "boom"}}
    body = {"iterate_over": [1], "max_iterations": 1, "steps": [bad]}
    await stored(service, "broken", {"id": "each", "loop": body})
    recover = {"id": "mend", "handler": "steps.recover"}
    execution = await run(
        service, parent(call("part", "broken"), recover, call("other", "broken"), error_handlers={"part": "mend"})
    )
    assert execution.status == "failed"
    [part, _, other] = execution.steps
    assert (part.status, part.reason) == ("completed", "recovered")
    assert other.status == "failed"
    message = other.error_message or ""
    assert "broken" in message
    assert "each[0].bad" in message
    assert "boom" in message


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (call("part", "nowhere"), "definition_not_found"),
        (call("part", "strict", {"n": "text"}), "input_invalid"),
    ],
)
async def test_a_child_that_cannot_begin_fails_its_step(service: Engine, step: dict[str, Any], code: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    await stored(service, "strict", {"id": "a", "handler": "steps.echo"}, input_schema=schema)
    execution = await run(service, parent(step))
    assert execution.status == "failed"
    assert execution.steps[0].error_class == code, execution.steps[0].error_message
    assert await children(service, execution.execution_id) == []


async def test_a_workflow_that_calls_itself_without_end_fails_at_a_depth_of_ten(service: Engine) -> None:
    await stored(service, "endless", call("again", "endless"))
    execution = await run(service, parent(call("begin", "endless")))
    assert execution.status == "failed"
    assert execution.error is not None
    assert "10" in execution.error["message"]
    _, total = await service.executions.find(name="endless")
    assert total == 10


async def test_pause_resume_and_cancel_are_passed_on(service: Engine) -> None:
    await stored(service, "inner", {"id": "w", "wait": {"event": "go"}}, {"id": "z", "wait": {"event": "never"}})
    await stored(service, "middle", call("deep", "inner"))
    execution_id = await begin(service, parent(call("part", "middle")))
    middle = await child_is(service, execution_id, "running")
    deep = await child_is(service, middle, "running")
    await service.executions.pause(execution_id)
    assert await child_is(service, middle, "paused") == deep
    await service.executions.resume(execution_id)
    assert await child_is(service, middle, "running") == deep
    await service.executions.send_event(deep, "go", {})
    await service.executions.cancel(execution_id, reason="enough")
    execution = await ended(service, execution_id)

    assert execution.status == "cancelled"
    assert statuses(execution) == {"part": "cancelled"}
    assert await child_is(service, execution_id, "cancelled") == middle
    assert await child_is(service, middle, "cancelled") == deep


async def test_the_children_of_a_run_that_was_terminated_end_too(service: Engine) -> None:
    await stored(service, "inner", {"id": "w", "wait": {"event": "never"}})
    execution_id = await begin(service, parent(call("part", "inner")))
    child = await child_is(service, execution_id, "running")
    await service.client.get_workflow_handle(execution_id).terminate("by hand")

    async def both_are_over() -> bool:
        ids = (execution_id, child)
        return all([await service.executions.status(each) in FINAL_RUN_STATUSES for each in ids])

    await eventually(both_are_over)
    assert await service.executions.status(child) == "cancelled"


async def test_a_child_that_takes_longer_than_its_step_may_is_cancelled(service: Engine) -> None:
    await stored(service, "inner", {"id": "w", "wait": {"event": "never"}})
    execution = await run(service, parent(call("part", "inner", timeout=1)))
    assert execution.status == "failed"
    assert execution.steps[0].error_class == "timeout"
    await child_is(service, execution.execution_id, "cancelled")
