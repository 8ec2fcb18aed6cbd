"""Steps of runs that are continued, and what is to be seen of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from engine.core import Engine
from engine.views import Execution
from tests.polling import eventually
from tests.running import statuses

WAITING = {"name": "waiting", "steps": [{"id": "a", "handler": "steps.wait", "input": {"seconds": 60}}]}


def step(step_id: str, handler: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    given = {name: fields.pop(name) for name in list(fields) if name in ("condition", "retry", "at_most_once")}
    return {"id": step_id, "handler": f"steps.{handler}", "input": fields, "depends_on": list(depends_on), **given}


def gated(step_id: str, gate: Path, *depends_on: str) -> dict[str, Any]:
    """A step that runs until there is a file `gate`."""
    return step(step_id, "occupy", *depends_on, parameters={"until": str(gate)})


def noted(step_id: str, log: Path, *depends_on: str) -> dict[str, Any]:
    return step(step_id, "note", *depends_on, file=str(log), seconds=0)


async def becomes(engine: Engine, execution_id: str, status: str) -> Execution:
    async def is_so() -> bool:
        return await engine.executions.status(execution_id) == status

    await eventually(is_so)
    return await engine.executions.get(execution_id)


async def until(engine: Engine, execution_id: str, **wanted: str) -> None:
    async def so_far() -> bool:
        found = statuses(await engine.executions.get(execution_id))
        return all(found[step_id] == status for step_id, status in wanted.items())

    await eventually(so_far)


async def attempts(engine: Engine, execution_id: str, step_id: str) -> list[tuple[int, int, str]]:
    found = await engine.executions.attempts(execution_id)
    return [(each.start, each.attempt, each.status) for each in found if each.step_id == step_id]


async def run_events(engine: Engine, execution_id: str) -> list[str]:
    events = await engine.executions.events(execution_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    return [event.type for event in events if event.type.startswith("run.")]


async def forgotten_by_temporal(engine: Engine, execution_id: str) -> None:
    """Delete it there; the server takes some seconds over it."""
    await engine.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=engine.client.namespace, workflow_execution=WorkflowExecution(workflow_id=execution_id)
        )
    )

    async def gone() -> bool:
        try:
            await engine.client.get_workflow_handle(execution_id).describe()
        except RPCError:
            return True
        return False

    await eventually(gone)
