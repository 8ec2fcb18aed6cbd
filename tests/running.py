"""Runs through the engine, from their start to their end."""

from __future__ import annotations

import contextlib
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHistory

from engine.core import Engine
from engine.views import Execution


async def run(engine: Engine, document: dict[str, Any], run_input: Any = None) -> Execution:
    """A run from its start to its end."""
    execution_id = await begin(engine, document, run_input)
    return await ended(engine, execution_id)


async def begin(
    engine: Engine, document: dict[str, Any], run_input: Any = None, *, execution_id: str | None = None
) -> str:
    """Store the definition and start a run of it."""
    stored = await engine.definitions.save(document)
    return await engine.executions.start(stored, {} if run_input is None else run_input, execution_id=execution_id)


async def ended(engine: Engine, execution_id: str) -> Execution:
    """The run once it has ended, however it did."""
    with contextlib.suppress(WorkflowFailureError):
        await engine.executions.result(execution_id)
    return await engine.executions.get(execution_id)


def statuses(execution: Execution) -> dict[str, str]:
    """The status of each step."""
    return {step.step_id: step.status for step in execution.steps}


async def histories(engine: Engine, execution_id: str) -> list[WorkflowHistory]:
    """What Temporal has of a run: one history more each time it was continued as new."""
    description = await engine.client.get_workflow_handle(execution_id).describe()
    run_id = description.raw_description.workflow_execution_info.first_run_id
    found = []
    while run_id:
        history = await engine.client.get_workflow_handle(execution_id, run_id=run_id).fetch_history()
        found.append(history)
        run_id = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found
