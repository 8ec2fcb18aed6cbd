"""Whatever is put into a run: a typed failure of a step or of the run, never a workflow task that retries for ever."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from definitions.ids import new_execution_id
from definitions.messages import INTERPRETER_VERSION, WORKFLOW_TYPE, RunInput
from engine.core import Engine
from engine.settings import Settings
from engine.views import Execution
from tests.polling import eventually
from tests.running import begin, ended, histories, run, statuses


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"handler_allow": (*settings.handler_allow, "poison")})


async def failed_tasks(engine: Engine, execution_id: str) -> list[str]:
    """The workflow tasks of a run that failed or timed out."""
    return [
        str(event)
        for history in await histories(engine, execution_id)
        for event in history.events
        if event.HasField("workflow_task_failed_event_attributes")
        or event.HasField("workflow_task_timed_out_event_attributes")
    ]


def handled_by(handler: str, **fields: Any) -> dict[str, Any]:
    return {"id": handler.replace(".", "_"), "handler": handler, **fields}


FAILING = {
    "poison.gives_object": "result_not_json",
    "poison.gives_nan": "result_not_json",
    "poison.gives_bytes": "result_not_json",
    "poison.gives_set": "result_not_json",
    "poison.gives_half_a_character": "result_not_json",
    "poison.gives_itself": "result_not_json",
    "poison.gives_depth": "result_not_json",
    "poison.raises_exit": "error",
    "poison.raises_interrupt": "error",
    "poison.raises_exit_async": "error",
    "poison.raises_interrupt_async": "error",
    "poison.raises_cancelled": "cancelled",
    "poison.raises_unspeakable": "error",
    "poison.raises_group": "error",
    "poison.raises_recursion": "error",
    "poison.raises_megabytes": "error",
    "poison.raises_half_a_character": "error",
}


async def test_a_bad_handler_or_condition_fails_its_own_step_and_tells_why(service: Engine) -> None:
    steps = [
        *(handled_by(handler) for handler in FAILING),
        {"id": "huge", "handler": "poison.gives_megabytes", "input": {"megabytes": 100}},
        {"id": "large", "handler": "poison.gives_megabytes", "input": {"megabytes": 3}},
        {"id": "length", "handler": "steps.length", "input": {"text": "${large.result}"}},
        {"id": "empty", "handler": "steps.give", "input": {"value": {}}},
        {"id": "condition", "handler": "steps.echo", "condition": "step_outputs['empty']['missing'] > 1"},
        {"id": "reference", "handler": "steps.echo", "input": {"x": "${empty.result.missing}"}},
        {"id": "large_condition", "handler": "steps.echo", "condition": "${large.result} == 'x'"},
        {"id": "fine", "handler": "steps.give", "input": {"value": 1}},
        {"id": "waits", "handler": "steps.echo", "depends_on": ["poison_raises_exit", "fine"]},
    ]
    execution = await run(service, {"name": "poison", "steps": steps})
    assert execution.status == "failed"
    found = {step.step_id: (step.status, step.error_class) for step in execution.steps}
    expected = {handler.replace(".", "_"): ("failed", error_class) for handler, error_class in FAILING.items()}
    assert {step_id: found[step_id] for step_id in expected} == expected
    assert found["huge"] == ("failed", "result_too_large")
    assert found["condition"] == ("failed", "condition_error")
    assert found["reference"] == ("failed", "reference_error")
    assert found["large_condition"] == ("failed", "condition_error")
    assert found["waits"] == ("skipped", None)
    assert {found[step_id] for step_id in ("large", "length", "empty", "fine")} == {("completed", None)}
    by_id = {step.step_id: step for step in execution.steps}
    assert by_id["length"].output == 3_000_000
    for step in execution.steps:
        if step.status == "failed":
            assert step.error_message, step.step_id
            assert len(step.error_message.encode()) <= 4096, step.step_id
    assert await failed_tasks(service, execution.execution_id) == []


@pytest.mark.parametrize("handler", ["steps.no_such_handler", "no_such_module.handler", "poison.not_callable"])
async def test_a_handler_that_is_gone_fails_its_step(service: Engine, handler: str) -> None:
    """Definitions are checked when they are stored; what a worker finds later is another matter."""
    execution = await started_directly(service, {"definition": definition(handled_by(handler))})
    failure = await failure_of(execution)
    assert failure.type in ("handler_not_found", "handler_not_allowed")
    assert await failed_tasks(service, execution.id) == []


# -- started without the engine, as anybody with a Temporal client can ------


def definition(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "direct", "steps": list(steps) or [{"id": "a", "handler": "steps.give"}], **fields}


async def started_directly(engine: Engine, argument: Any, *more: Any) -> WorkflowHandle[Any, Any]:
    """A run with this for its `RunInput`: fields to change, or anything else as it is."""
    execution_id = new_execution_id()
    if isinstance(argument, dict):
        whole = vars(RunInput(execution_id=execution_id, definition=definition(), digest=execution_id))
        argument = {**whole, **argument}
    return await engine.client.start_workflow(
        WORKFLOW_TYPE, args=[argument, *more], id=execution_id, task_queue=engine.settings.task_queue
    )


async def failure_of(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(handle.result(), 90)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


def checkpoint(**fields: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "input": None,
        "input_slots": [],
        "context": {},
        "steps": {},
        "outputs": {},
        "started_at": 1.0,
        "active_seconds": 0.0,
        "paused": False,
        "failures": [],
        **fields,
    }


POISONED_STARTS: dict[str, Any] = {
    "no fields": 5,
    "null": None,
    "a list": [1, 2],
    "unknown field": {"surprise": 1},
    "interpreter of the future": {"interpreter": INTERPRETER_VERSION + 1},
    "interpreter of no kind": {"interpreter": "new"},
    "definition of nothing": {"definition": {}},
    "definition of no kind": {"definition": "text"},
    "definition without steps": {"definition": {"name": "x", "steps": []}},
    "definition with a cycle": {
        "definition": definition(
            {"id": "a", "handler": "steps.give", "depends_on": ["b"]},
            {"id": "b", "handler": "steps.give", "depends_on": ["a"]},
        )
    },
    "unknown dependency": {"definition": definition({"id": "a", "handler": "steps.give", "depends_on": ["nobody"]})},
    "unknown error handler": {"definition": definition(error_handlers={"a": "nobody"})},
    "hostile condition": {
        "definition": definition({"id": "a", "handler": "steps.give", "condition": "__import__('os').system('true')"})
    },
    "endless timeout": {"definition": definition(timeout=1e300)},
    "endless step timeout": {"definition": definition({"id": "a", "handler": "steps.give", "timeout": 1e300})},
    "input with bad slots": {"input": {"a": 1}, "slots": [{"at": ["b", "c"], "blob": [1]}]},
    "slots of no kind": {"slots": 7},
    "unknown step in the checkpoint": {"checkpoint": checkpoint(steps={"nobody": {"status": "completed"}})},
    "running step in the checkpoint": {"checkpoint": checkpoint(steps={"a": {"status": "running"}})},
    "unknown field in the checkpoint": {"checkpoint": checkpoint(steps={"a": {"surprise": 1}})},
    "checkpoint of the future": {"checkpoint": checkpoint(version=99)},
    "checkpoint of no kind": {"checkpoint": [1]},
    "checkpoint with nothing in it": {"checkpoint": {"version": 1}},
}


async def test_a_start_that_makes_no_sense_ends_the_run_at_once(service: Engine) -> None:
    async def one(name: str) -> None:
        handle = await started_directly(service, POISONED_STARTS[name])
        try:
            failure = await failure_of(handle)
        except TimeoutError:
            raise AssertionError(f"{name}: {await failed_tasks(service, handle.id)}") from None
        assert failure.type, name
        assert failure.message, name
        assert await failed_tasks(service, handle.id) == [], name

    await asyncio.gather(*(one(name) for name in POISONED_STARTS))


async def test_a_start_with_too_many_arguments_or_none_ends_the_run(service: Engine) -> None:
    more = await started_directly(service, {"input": {"value": 1}}, 1, 2)
    queue = service.settings.task_queue
    none = await service.client.start_workflow(WORKFLOW_TYPE, id=new_execution_id(), task_queue=queue)
    await failure_of(none)
    await asyncio.wait_for(more.result(), 90)
    assert [*await failed_tasks(service, more.id), *await failed_tasks(service, none.id)] == []


# -- signals, updates and completions that make no sense ------


def waiting(seconds: float) -> dict[str, Any]:
    return {
        "name": "waiting",
        "steps": [
            {"id": "long", "handler": "steps.wait", "input": {"seconds": seconds}},
            {"id": "next", "handler": "steps.give", "depends_on": ["long"]},
        ],
    }


def held(gate: Path) -> dict[str, Any]:
    """The same, until there is that file."""
    document = waiting(0)
    document["steps"][0] |= {"handler": "steps.occupy", "input": {"parameters": {"until": str(gate)}}}
    return document


async def under_way(engine: Engine, document: dict[str, Any]) -> WorkflowHandle[Any, Any]:
    execution_id = await begin(engine, document)

    async def running() -> bool:
        return "running" in statuses(await engine.executions.get(execution_id)).values()

    await eventually(running)
    return engine.client.get_workflow_handle(execution_id)


async def test_signals_and_updates_that_make_no_sense_do_no_harm(service: Engine, tmp_path: Path) -> None:
    handle = await under_way(service, held(tmp_path / "gate"))
    await handle.signal("pause", {"junk": [1, {"deep": None}]})
    await handle.signal("pause", args=[1, 2, 3])
    await handle.signal("nobody_knows", 5)
    await handle.signal("resume", "\0")
    await handle.signal("resume", args=["a", "b"])
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("nobody_knows", 5)
    for query in ("nobody_knows", "outcome"):
        with pytest.raises(WorkflowQueryFailedError):
            await handle.query(query, "text")
    (tmp_path / "gate").touch()
    execution = await ended(service, handle.id)
    assert execution.status == "completed"
    assert await failed_tasks(service, handle.id) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "cancelled"),
        (["by hand"], "by hand"),
        ([[1, 2]], "cancelled"),
        ([{"reason": 5, "grace_seconds": "long", "save_partial_results": 7}], "cancelled"),
        ([{"reason": "x", "grace_seconds": float("nan")}], "x"),
        ([{"reason": "x", "grace_seconds": 10**400}], "x"),
        ([{"reason": "x", "grace_seconds": -1e300}], "x"),
        ([{"reason": "half a character: \ud800 \0"}], "half a character"),
        ([{"reason": "r" * 1_000_000}], "rrr"),
        ([{"reason": "x"}, 2, 3], "x"),
    ],
)
async def test_a_cancel_is_understood_as_far_as_it_can_be(service: Engine, arguments: list[Any], reason: str) -> None:
    handle = await under_way(service, waiting(60))
    await handle.signal("cancel", args=arguments)
    execution = await asyncio.wait_for(ended(service, handle.id), 90)
    assert execution.status == "cancelled"
    assert execution.error is not None
    assert execution.error["message"].startswith(reason)
    assert len(json.dumps(execution.error)) < 5_000
    assert await failed_tasks(service, handle.id) == []


@pytest.mark.parametrize(
    "result", [5, None, "text", [], {"output": 1, "slots": [{"at": ["x"]}]}, {"context": 5}, {"usage": {"a": "b"}}]
)
async def test_a_result_that_no_worker_of_ours_made_is_a_failure_of_its_step(service: Engine, result: Any) -> None:
    """An operator may complete an activity by hand."""
    handle = await under_way(service, waiting(60))
    activity = service.client.get_async_activity_handle(workflow_id=handle.id, run_id=None, activity_id="long")
    await activity.complete(result)
    execution = await asyncio.wait_for(ended(service, handle.id), 90)
    assert (execution.status, execution.steps[0].error_class) == ("failed", "result_not_json")
    assert await failed_tasks(service, handle.id) == []


@pytest.mark.parametrize("details", [[], [5], [{"message": 5, "error_class": ["x"], "attempts": "many"}]])
async def test_a_failure_that_no_worker_of_ours_made_is_one_all_the_same(service: Engine, details: list[Any]) -> None:
    handle = await under_way(service, waiting(60))
    activity = service.client.get_async_activity_handle(workflow_id=handle.id, run_id=None, activity_id="long")
    await activity.fail(ApplicationError("by hand", *details, type="manual", non_retryable=True))
    execution: Execution = await asyncio.wait_for(ended(service, handle.id), 90)
    assert (execution.status, execution.steps[0].error_class) == ("failed", "manual")
    assert execution.steps[0].error_message == "by hand"
    assert await failed_tasks(service, handle.id) == []


async def test_a_run_that_the_store_does_not_know_can_be_steered_and_ends(service: Engine, tmp_path: Path) -> None:
    handle = await started_directly(service, {"definition": held(tmp_path / "gate"), "input": {}})
    await handle.signal("pause")
    await handle.signal("resume")
    (tmp_path / "gate").touch()
    assert await asyncio.wait_for(handle.result(), 90) is None
    assert await failed_tasks(service, handle.id) == []


@pytest.mark.parametrize("own_id", [None, "not-an-id"])
async def test_a_run_can_not_be_started_under_another_id_than_its_own(service: Engine, own_id: str | None) -> None:
    """It would write over the records of the run that it says it is."""
    other = await begin(service, waiting(0.1))
    fields = vars(RunInput(execution_id=own_id or other, definition=waiting(1), digest="sha256:other"))
    handle = await service.client.start_workflow(
        WORKFLOW_TYPE, fields, id=own_id or new_execution_id(), task_queue=service.settings.task_queue
    )
    assert (await failure_of(handle)).type in ("run_input_invalid", "not_found")
    assert (await ended(service, other)).status == "completed"
