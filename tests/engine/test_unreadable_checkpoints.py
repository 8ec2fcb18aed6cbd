"""What a run is to go on from and can't: each a failure of its own kind, in Temporal and in the records."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from definitions.ids import new_execution_id
from definitions.messages import WORKFLOW_TYPE
from definitions.run_state import RunState
from definitions.values import BlobRef, pack
from engine.core import Engine
from tests.polling import eventually

MISSING = f"sha256:{'0' * 64}"
STEPS = [
    {"id": "a", "handler": "steps.give"},
    {"id": "b", "handler": "steps.echo", "input": {"value": "${a.result}"}},
]


def checkpoint(**changes: Any) -> dict[str, Any]:
    return {**RunState.new(["a", "b"], {}, {}).checkpoint(), **changes}


async def begun_with(engine: Engine, going_on_with: dict[str, Any]) -> WorkflowHandle[Any, Any]:
    """The run, once it is over."""
    stored = await engine.definitions.save({"name": "goes on", "steps": STEPS})
    execution_id = new_execution_id()
    fields = {
        "execution_id": execution_id,
        "definition": stored.document,
        "digest": stored.digest,
        "checkpoint": going_on_with,
    }
    handle = await engine.client.start_workflow(
        WORKFLOW_TYPE, fields, id=execution_id, task_queue=engine.settings.task_queue
    )

    async def over() -> bool:
        return (await handle.describe()).close_time is not None

    await eventually(over)
    return handle


async def failure_of(handle: WorkflowHandle[Any, Any]) -> tuple[str, str]:
    """The type and the message with which it failed, at its first workflow task."""
    events = [event async for event in handle.fetch_history_events()]
    assert not [event for event in events if event.HasField("workflow_task_failed_event_attributes")]
    failure = events[-1].workflow_execution_failed_event_attributes.failure
    return failure.application_failure_info.type, failure.message


@pytest.mark.parametrize(
    ("going_on_with", "code", "says"),
    [
        (checkpoint(version=99), "checkpoint_invalid", "version 99, this worker reads"),
        (checkpoint(steps={"gone": {"status": "completed", "settled": True}}), "checkpoint_invalid", "step 'gone'"),
        (checkpoint(outputs={"gone": [1, []]}), "checkpoint_invalid", "step 'gone'"),
        (checkpoint(recorded=[["completed", "", ["a", "gone"]]]), "checkpoint_invalid", "step 'gone'"),
        (checkpoint(steps={"a": {"status": "running"}}), "checkpoint_invalid", "step 'a' was running"),
        ({"version": 2, "deflated": "no base64"}, "checkpoint_invalid", "can't be read"),
        ({"blob": MISSING}, "blob_missing", MISSING),
        ({}, "checkpoint_invalid", "version None"),
    ],
)
async def test_it_fails_at_once_and_says_why(
    service: Engine, going_on_with: dict[str, Any], code: str, says: str
) -> None:
    found, message = await failure_of(await begun_with(service, json.loads(json.dumps(going_on_with))))
    assert found == code
    assert says in message


async def test_a_lost_output_fails_the_step_that_needs_it(service: Engine) -> None:
    state = RunState.new(["a", "b"], {}, {})
    done = state.set_status("a", "completed")
    done.settled, done.starts, done.completed_at = True, 1, 2.0
    state.outputs["a"] = BlobRef(MISSING, 99_999)
    assert pack(state.outputs["a"]).slots
    code, message = await failure_of(await begun_with(service, state.checkpoint()))
    assert code == "blob_missing"
    assert MISSING in message
