"""Bringing a run to Temporal: the one way, used when a run is started and by the relay after a crash.

Starting the same execution again is a no-op: its id can be used once, and a run that is there is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    execution_id: str
    workflow_id: str
    name: str
    version: str
    revision: int
    digest: str
    document: dict[str, Any]
    definition: dict[str, Any]
    """The document, or what stands for it (`definitions.by_reference`)."""
    input: Any
    slots: list[Any]
    owner: str
    priority: int
    tags: tuple[str, ...]
    continues: str = ""
    """The Temporal run that it goes on from (`engine.dispatch_again`)."""
    checkpoint: dict[str, Any] | None = None
    """What it goes on with."""
    starts_at: float = 0.0
    """Unix time before which it does not begin."""
    parent: str = ""
    """The run that it is a step of."""
    forked_from: str = ""
    """The run that it is a rerun of."""
    max_history_events: int = 0
    """As in `RunInput`."""

    @property
    def run_input(self) -> dict[str, Any]:
        """The argument of the workflow."""
        run_input = RunInput(
            execution_id=self.execution_id,
            definition=self.definition,
            digest=self.digest,
            input=self.input,
            slots=self.slots,
            workflow_id=self.workflow_id,
            revision=self.revision,
            owner=self.owner,
            starts_at=self.starts_at,
            checkpoint=self.checkpoint,
            max_history_events=self.max_history_events,
        )
        return vars(run_input)

    @property
    def announcement(self) -> Announcement:
        """What is said of it beside that."""
        return Announcement(
            name=self.name,
            version=self.version,
            revision=self.revision,
            digest=self.digest,
            description=str(self.document.get("description") or ""),
            owner=self.owner,
            priority=self.priority,
            tags=list(self.tags),
            steps=len(self.document["steps"]),
            parent=self.parent,
            forked_from=self.forked_from,
        )


async def dispatch(client: Client, task_queue: str, run: Dispatch) -> str | None:
    """Start the run, or find that it is there. Returns Temporal's run id; None when the run has ended already.

    Raises `ServiceUnavailable` when the server can't be reached, and `temporalio.service.RPCError` when it refuses.
    """
    told = run.announcement
    try:
        start = client.start_workflow(
            WORKFLOW_TYPE,
            run.run_input,
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
        handle = await answer(start)
    except WorkflowAlreadyStartedError:
        return None
    return handle.first_execution_run_id or handle.result_run_id
