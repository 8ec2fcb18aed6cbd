"""Runs that are steps of this run: started as child workflows, steered with it, followed to their ends.

Temporal applies a parent close policy also when the parent goes on in a new history, so the policy is to leave children
alone, and it is this file that passes on what happens to the parent. A child that was started in an earlier history is
followed by an activity that waits for its end, or asks for it now and then. (What happens behind the parent's back is
the reconciler's.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from definitions.calls import FOLLOW_CHILD, PREPARE_CHILD, ChildEnd, PreparedChild
    from definitions.ids import child_execution_id
    from definitions.messages import WORKFLOW_TYPE, CancelRequest, StartChild

from workflows.announcement import Announcement
from workflows.runner import Runner
from workflows.timing import FOLLOW_RETRY, HEARTBEAT_TIMEOUT, RECORD_RETRY, RECORD_TIMEOUT

_SHORTER_GRACE = 0.8
"""Of the grace period of the parent, so that a child can tell how it ended before the parent gives it up."""


class ChildRuns:
    """The children of one run, by activity id. `ended` is given the task that stands for each."""

    def __init__(self, runner: Runner, ended: Callable[[str, asyncio.Task[Any]], None]) -> None:
        self._runner = runner
        self._ended = ended
        self._begun: dict[str, str] = {}
        """Those that run, and their execution ids."""
        self._starting: dict[str, CancelRequest | None] = {}
        """Those that are not there yet, and how they are to be cancelled once they are."""
        self._telling: set[asyncio.Task[None]] = set()
        self._told = ""
        """What they were told last, in this history."""

    @property
    def busy(self) -> bool:
        """Whether something is under way that must not be cut off by the end of a history."""
        return bool(self._telling or self._starting)

    def __contains__(self, activity_id: str) -> bool:
        return activity_id in self._begun or activity_id in self._starting

    def start(self, command: StartChild) -> None:
        """Start it, or follow one that was started in an earlier history."""
        call = command.call
        execution_id = child_execution_id(call.execution_id, call.step_id, call.start)
        if command.attach:
            self._begun[command.activity_id] = execution_id
            if self._told:  # before this one was known here
                self._signal(execution_id, self._told)
            work = self._follow(command, execution_id)
        else:
            self._starting[command.activity_id] = None
            work = self._run(command, execution_id)
        task = asyncio.create_task(work)
        task.add_done_callback(partial(self._forget, command.activity_id))
        self._ended(command.activity_id, task)

    def tell(self, signal: str) -> None:
        """Pass `pause` or `resume` on to all that run."""
        self._told = signal
        for execution_id in self._begun.values():
            self._signal(execution_id, signal)

    def cancel(self, activity_id: str, reason: str, grace_seconds: float) -> None:
        """Tell one that it should end."""
        request = CancelRequest(reason=reason, grace_seconds=grace_seconds * _SHORTER_GRACE)
        if activity_id in self._begun:
            self._signal(self._begun[activity_id], "cancel", asdict(request))
        elif activity_id in self._starting:
            self._starting[activity_id] = request

    async def told(self) -> None:
        """Return once nothing is under way any more."""
        await workflow.wait_condition(lambda: not self.busy)

    async def _run(self, command: StartChild, execution_id: str) -> Any:
        prepared: PreparedChild = await workflow.execute_local_activity(
            PREPARE_CHILD, asdict(command.call), start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
        )
        announced = Announcement(**prepared["announcement"])
        try:
            handle: workflow.ChildWorkflowHandle[Any, Any] = await workflow.start_child_workflow(
                WORKFLOW_TYPE,
                prepared["run_input"],
                id=execution_id,
                task_timeout=announced.task_timeout,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                memo=announced.memo,
                search_attributes=announced.search_attributes,
                static_summary=announced.summary,
                static_details=announced.details,
                priority=Priority(priority_key=announced.priority_key),
            )
        except WorkflowAlreadyStartedError:
            # The parent was reset to a moment before it started this one.
            self._has_begun(command.activity_id, execution_id)
            return await self._follow(command, execution_id)
        self._has_begun(command.activity_id, execution_id)
        try:
            return await handle
        except ChildWorkflowError as error:
            raise _named(error, command, execution_id) from error.__cause__

    def _has_begun(self, activity_id: str, execution_id: str) -> None:
        """It is there: what has been said to the parent meanwhile is passed on."""
        cancel = self._starting.pop(activity_id)
        self._begun[activity_id] = execution_id
        if cancel is not None:
            self._signal(execution_id, "cancel", asdict(cancel))
        elif self._runner.state.paused:
            self._signal(execution_id, "pause")

    async def _follow(self, command: StartChild, execution_id: str) -> Any:
        try:
            end: ChildEnd = await workflow.execute_activity(
                FOLLOW_CHILD,
                execution_id,
                activity_id=f"{command.activity_id}~follow",
                start_to_close_timeout=RECORD_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=FOLLOW_RETRY,
                summary="waits for a run that was started in an earlier history",
            )
        except ActivityError as error:
            raise _named(error, command, execution_id) from error.__cause__
        if end.get("cancelled"):
            raise asyncio.CancelledError
        return end.get("result")

    def _forget(self, activity_id: str, _task: asyncio.Task[Any]) -> None:
        self._begun.pop(activity_id, None)
        self._starting.pop(activity_id, None)

    def _signal(self, execution_id: str, signal: str, argument: Any = None) -> None:
        task = asyncio.create_task(_delivered(execution_id, signal, argument))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


async def _delivered(execution_id: str, signal: str, argument: Any) -> None:
    handle: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(execution_id)
    try:
        await handle.signal(signal, args=[] if argument is None else [argument])
    except ApplicationError:
        workflow.logger.info("a child that has ended needs no %s", signal)


def _named(error: BaseException, command: StartChild, execution_id: str) -> BaseException:
    """The failure of a child, with the child in it."""
    cause = error.__cause__
    if not isinstance(cause, ApplicationError):
        return error
    detail = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
    message = f"workflow {command.call.workflow!r} ({execution_id}) failed: {cause.message}"
    return ApplicationError(message, {**detail, "message": message}, type=cause.type, non_retryable=True)
