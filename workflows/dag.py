"""`DagWorkflow`: the one workflow type, as Temporal sees it: what it is started with, told and asked.

What it does is in `workflows.driver`. To make a class with this many handlers takes as long as all else that the
sandbox executes for a run, so this one is shared between runs (decision 8), and each imports its driver by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from temporalio import workflow

from definitions.changes import skip_of
from definitions.errors import LongpoleError
from definitions.incoming import cancel_request
from definitions.messages import WORKFLOW_TYPE

if TYPE_CHECKING:
    from workflows.driver import Driver

_IMPORT_MEANT = workflow.SandboxImportNotificationPolicy.SILENT


@workflow.defn(name=WORKFLOW_TYPE, failure_exception_types=[LongpoleError])
class DagWorkflow:
    """Interprets one stored definition for one run. Its workflow id is the execution id."""

    @workflow.init
    def __init__(self, fields: Any = None, *_more: Any) -> None:
        """`fields` are those of a `RunInput`, as they are: the SDK would look at every value to make one of them."""
        with workflow.unsafe.sandbox_import_notification_policy(_IMPORT_MEANT):
            from workflows.driver import Driver
        self._driver: Driver = Driver(fields)

    @workflow.run
    async def run(self, fields: Any = None, *_more: Any) -> Any:
        """Run the definition. Returns the run's result as JSON; values kept in blob storage are null in it."""
        return await self._driver.run()

    # -- signals ------

    @workflow.signal(description="What runs goes on to its end, nothing new starts")
    def pause(self, *_note: Any) -> None:
        """Running steps end, nothing new starts, the run's timeout stands still."""
        self._driver.pause()

    @workflow.signal(description="Go on after a pause")
    def resume(self, *_note: Any) -> None:
        """Go on after `pause`."""
        self._driver.resume()

    @workflow.signal(description='Move the start; input: {"start": Unix time, "steps": {"id": Unix time}}')
    def reschedule(self, timetable: Any = None, *_more: Any) -> None:
        """Another start of the run, and of steps that have not started; what makes no sense changes nothing."""
        self._driver.reschedule(timetable)

    @workflow.query(description="When the run and its steps may start, as Unix times")
    def timetable(self) -> dict[str, Any]:
        """When the run and its steps may start, as Unix times."""
        return self._driver.timetable

    @workflow.signal(description='End the run; input: none, a reason, or {"reason": "...", "grace_seconds": 10}')
    def cancel(self, request: Any = None, *_more: Any) -> None:
        """End the run: nothing new starts, running steps get a grace period. Without argument, or with
        `{"reason": "...", "grace_seconds": 10, "save_partial_results": true}`."""
        self._driver.cancel(cancel_request(request))

    @workflow.signal(description='Send an event; input: {"name": "...", "data": ...}')
    def event(self, argument: Any = None, *_more: Any) -> None:
        """Send an event: `{"name": ..., "data": ..., "id": ...}`, the last two if wanted. What is refused is told as a
        run event `signal.refused`."""
        self._driver.steering.signalled("event", argument)

    @workflow.signal(description='Answer an approval; input: {"step": "...", "approved": true, "by": "..."}')
    def approve(self, argument: Any = None, *_more: Any) -> None:
        """Answer an approval: `{"step": path, "approved": true, "by": ..., "comment": ..., "values": {...}}`."""
        self._driver.steering.signalled("approve", argument)

    @workflow.signal(description='Change what has not started; input: {"skip": ["step"]}, see docs/operations.md')
    def change(self, argument: Any = None, *_more: Any) -> None:
        """Change the run: `{"inject": [...], "edit": {...}, "skip": [...], "max_parallel_steps": 4, "priority": 80}`
        (`definitions.changes`). What is refused is told as the run event `run.change_refused`."""
        self._driver.changes.signalled(argument)

    @workflow.signal(description='Skip a step that has not started; input: its id, or {"step": "..."}')
    def skip_step(self, argument: Any = None, *_more: Any) -> None:
        """Skip a step, as `change` with `skip`."""
        self._driver.changes.signalled(skip_of(argument))

    # -- updates: the same, with an answer ------

    @workflow.update(description='Send an event; input: {"name": "...", "data": ...}')
    def send_event(self, argument: Any = None, *_more: Any) -> None:
        """As the signal `event`; what is refused fails the update, with the code as its type."""
        self._driver.steering.send_event(argument)

    @send_event.validator
    def _check_event(self, argument: Any = None, *_more: Any) -> None:
        self._driver.steering.check_event(argument)

    @workflow.update(description='Answer an approval; input: {"step": "...", "approved": true, "by": "..."}')
    def decide(self, argument: Any = None, *_more: Any) -> None:
        """As the signal `approve`; what is refused fails the update, with the code as its type."""
        self._driver.steering.decide(argument)

    @decide.validator
    def _check_decision(self, argument: Any = None, *_more: Any) -> None:
        self._driver.steering.check_decision(argument)

    @workflow.update(description='Change what has not started; input: {"skip": ["step"]}, see docs/operations.md')
    def change_run(self, argument: Any = None, *_more: Any) -> dict[str, Any]:
        """As the signal `change`; the digest of what the run goes by then. What is refused fails the update, with every
        problem in its details."""
        return self._driver.changes.change(argument)

    @change_run.validator
    def _check_change(self, argument: Any = None, *_more: Any) -> None:
        self._driver.changes.check(argument)

    # -- queries ------

    @workflow.query(description="The approvals that wait for an answer")
    def approvals(self) -> list[dict[str, Any]]:
        """What is asked, of whom, since when (`workflows.approvals`)."""
        return self._driver.approvals

    @workflow.query(description="Status, counts, and which steps run or failed")
    def progress(self) -> dict[str, Any]:
        """Status, counts, and which steps run or failed."""
        return self._driver.progress.snapshot()

    @workflow.query(description="Why a step is not running now; input: a step id, or none for all that have not ended")
    def explain(self, step_id: Any = None, *_more: Any) -> dict[str, Any]:
        """Why the step, or each that has not ended, is where it is (`workflows.explanation`)."""
        return self._driver.explain(step_id)

    @workflow.query(description="The run's shared context")
    def context(self) -> dict[str, Any]:
        """What the run's shared context holds now."""
        return self._driver.context

    @workflow.query(description="How the run ended, in pages from 0; null while it goes on")
    def outcome(self, page: int) -> dict[str, Any] | None:
        """A page of the run's outcome (from 0; `last` says whether there are more); null while it has none."""
        return self._driver.outcome(page)

    @workflow.query(description="How the steps stand, in pages from 0, as `outcome` tells how they ended")
    def account(self, page: int) -> dict[str, Any] | None:
        """A page of how the run stands now; null beyond the last. Of a run that was terminated it is all there is."""
        return self._driver.account(page)
