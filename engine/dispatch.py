"""Bringing a run to Temporal: the one way, used when a run is started and by the relay after a crash.

Starting the same execution again is a no-op: its id can be used once, and a run that is there is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from definitions.messages import WORKFLOW_TYPE, RunInput
from engine.temporal import answer
from workflows.announcement import Announcement


@dataclass(frozen=True)
class Dispatch:
    """What Temporal is told of a run."""

    run_input: RunInput
    """The argument of its workflow."""
    announcement: Announcement
    """What is said of it beside that."""
    continues: str = ""
    """The Temporal run that it goes on from (`engine.dispatch_again`)."""

    @property
    def execution_id(self) -> str:
        """Whose it is."""
        return self.run_input.execution_id

    def going_on(self, checkpoint: dict[str, Any], continues: str = "") -> Dispatch:
        """The same run from a checkpoint, which has the run's input in it."""
        run_input = replace(self.run_input, input=None, slots=[], checkpoint=checkpoint)
        return replace(self, run_input=run_input, continues=continues)


async def dispatch(client: Client, task_queue: str, run: Dispatch) -> str | None:
    """Start the run, or find that it is there. Returns Temporal's run id; None when the run has ended already.

    Raises `ServiceUnavailable` when the server can't be reached, and `temporalio.service.RPCError` when it refuses.
    """
    told = run.announcement
    try:
        start = client.start_workflow(
            WORKFLOW_TYPE,
            vars(run.run_input),
            id=run.execution_id,
            task_queue=task_queue,
            task_timeout=told.task_timeout,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            memo=told.memo,
            search_attributes=told.search_attributes,
            static_summary=told.summary,
            static_details=told.details,
            priority=Priority(priority_key=told.priority_key),
            request_eager_start=True,
        )
        handle = await answer(client, start)
    except WorkflowAlreadyStartedError:
        return None
    return handle.first_execution_run_id or handle.result_run_id
