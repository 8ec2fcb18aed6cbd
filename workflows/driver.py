"""What `DagWorkflow` is made of: it drives the pure runner with activities, timers, signals and queries.

Everything here is deterministic: time comes from the workflow's clock, activities have explicit ids (replay compares
ids and types, not arguments), and what happens is handled in the order in which the server recorded it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from definitions.bounded_text import bounded
    from definitions.calls import OutcomePage
    from definitions.errors import LongpoleError
    from definitions.incoming import MESSAGE_LIMIT, beginning, rescheduling

from definitions.messages import (
    CancelRequest,
    CancelStep,
    CancelTimer,
    Command,
    Ending,
    ReadItems,
    StartChild,
    StartStep,
    StartTimer,
)
from workflows import attributes
from workflows.blob_requests import BlobRequests
from workflows.child_runs import ChildRuns
from workflows.closing import raise_ending, result_for_parent, to_its_end
from workflows.event_recording import EventRecording
from workflows.explanation import explanation
from workflows.history_length import HistoryLength, continue_as_new
from workflows.limits_of_time import LimitsOfTime
from workflows.local_budget import LocalBudget
from workflows.outcome import outcome_pages, submit_outcome, workflow_result
from workflows.progress import Progress
from workflows.run_changes import RunChanges
from workflows.runner import Runner
from workflows.steering import Steering
from workflows.step_records import StepRecords
from workflows.steps_in_flight import StepsInFlight
from workflows.temporal_timers import TemporalTimers
from workflows.timetable import Hours
from workflows.timing import YIELD


class Driver:
    """One definition's run, from the input or checkpoint that Temporal has to its end."""

    def __init__(self, fields: Any) -> None:
        """`fields`: those of a `RunInput`. Raises `ApplicationError`; its type is a code of `definitions.errors`."""
        try:
            run, program, state = beginning(fields, execution_id=workflow.info().workflow_id)
        except LongpoleError as error:
            message = bounded(str(error), MESSAGE_LIMIT)
            if workflow.unsafe.is_replaying():
                # What it has by reference was there before: to fail now would contradict the history. Its task is
                # tried again until that is restored.
                raise RuntimeError(message) from None
            raise ApplicationError(message, type=error.code, non_retryable=True) from None
        self._run = run
        self._runner = Runner(program, state, execution_id=run.execution_id, depth=run.depth)
        self._runner.local = LocalBudget(run.interpreter)
        self.progress = Progress(self._runner)
        self._steps = StepsInFlight(self._runner, self._wake, priority=run.priority)
        self._hours = Hours(run, self._runner, self._steps)
        self._begun = bool(state.open)
        self._children = ChildRuns(self._runner, self._steps.watch)
        self._timers = TemporalTimers(self._runner, self._wake)
        self._requests = BlobRequests(self._runner, self._wake)
        self._limits = LimitsOfTime(self._runner, self._wake)
        self._records = EventRecording(self._runner, self.progress, run.execution_id)
        self._step_records = StepRecords(self._runner, execution_id=run.execution_id, interpreter=run.interpreter)
        self._history = HistoryLength(run, self._runner)
        self.changes = RunChanges(run, self._runner, self._steps, self._records, self._wake)
        self.steering = Steering(self._runner, self._wake)
        self._outcome: list[OutcomePage] = []
        self._account: list[OutcomePage] = []
        self._woken = False
        self._shown_paused = state.paused
        if self._begun:
            # Signals that came with the new history are handled before `run` is: they find open what they are for.
            self._runner.start(workflow.time())

    async def run(self) -> Any:
        """Run to the end, whatever that is; returns the run's result."""
        if self._begun:
            self._limits.watch_deadline()
        while not self._runner.finished:
            try:
                await (self._advance() if self._has_begun() else self._until_start())
            except asyncio.CancelledError:
                self.cancel(CancelRequest(reason="cancelled through Temporal"))
        return await self._finish()

    # -- what others tell and ask ------

    def pause(self) -> None:
        """Running steps end, nothing new starts, the run's timeout stands still."""
        self._runner.pause(workflow.time())
        self._children.tell("pause")
        self._limits.stop_deadline()
        self._wake()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._runner.resume(workflow.time())
        self._children.tell("resume")
        self._hours.look_again()
        if self._begun or not self._hours.is_before_start:
            self._limits.watch_deadline()
        self._wake()

    def reschedule(self, timetable: Any) -> None:
        """Another start of the run, and of steps that have not started; what makes no sense changes nothing."""
        given = rescheduling(timetable)
        if given is not None:
            self.changes.run = replace(self.changes.run, starts_at=given.start, step_starts=given.steps)
            self._hours.change(given)
            self._wake()

    def cancel(self, request: CancelRequest) -> None:
        """Nothing new starts, running steps get a grace period."""
        if self._runner.stopping is None:
            self._limits.grace_seconds = request.grace_seconds
            self._runner.fails_as = request.fails_as
        self._runner.stop(
            "cancelled", workflow.time(), reason=request.reason, save_partial=request.save_partial_results
        )
        self._wake()

    @property
    def timetable(self) -> dict[str, Any]:
        """When the run and its steps may start, as Unix times."""
        return vars(self._hours.timetable)

    @property
    def approvals(self) -> list[dict[str, Any]]:
        """What is asked, of whom, since when."""
        return self._runner.approvals

    @property
    def context(self) -> dict[str, Any]:
        """What the run's shared context holds now."""
        return self._runner.state.context

    def explain(self, step_id: Any) -> dict[str, Any]:
        """Why the step, or each that has not ended, is where it is."""
        return explanation(self._runner, step_id)

    def outcome(self, page: int) -> dict[str, Any] | None:
        """A page of the run's outcome; None while it has none."""
        return vars(self._outcome[page]) if 0 <= page < len(self._outcome) else None

    def account(self, page: int) -> dict[str, Any] | None:
        """A page of how the run stands now; None beyond the last."""
        if page == 0 or not self._account:
            now = workflow.time()
            self._account = outcome_pages(self._runner.state, self._run.execution_id, Ending("cancelled"), now)
        return vars(self._account[page]) if 0 <= page < len(self._account) else None

    # -- the loop ------

    def _has_begun(self) -> bool:
        """Whether the run's hour has come; whoever ends it before does not wait for that."""
        if not self._begun and (self._runner.stopping is not None or not self._hours.is_before_start):
            self._begun, self.progress.waiting = True, False
            self._runner.start(workflow.time())
            self._limits.watch_deadline()
            return not self._runner.finished
        self.progress.waiting = not self._begun
        return self._begun

    async def _until_start(self) -> None:
        if self._runner.finished:
            return
        self._woken = False
        self._records.record()
        self._show()
        await self._hours.until_start(lambda: self._woken)

    async def _advance(self) -> None:
        """One round: do what the runner wants, show it, wait for something to happen."""
        self._woken = False
        self._history.watch()
        for command in self._runner.commands(workflow.time()):
            self._do(command)
        self._limits.begin_grace()
        self._records.record()
        self._show()
        if self._runner.backlog:
            await workflow.sleep(YIELD)
        elif self._runner.draining and self._runner.drained:
            self._limits.stop_deadline()
            self._records.record(all_of_it=True)
            await continue_as_new(
                self.changes.run,
                self._runner,
                lambda: not (self._records.pending or self._children.busy),
                self._step_records,
            )
        elif self._step_records.due:
            await self._step_records.record()
        elif not self._runner.finished:
            await workflow.wait_condition(lambda: self._woken)

    def _do(self, command: Command) -> None:
        if isinstance(command, StartStep):
            (self._hours.start_later if self._hours.holds(command) else self._steps.start)(command)
        elif isinstance(command, CancelStep):
            self._tell_to_end(command.activity_id)
        elif isinstance(command, StartChild):
            self._children.start(command)
        elif isinstance(command, StartTimer):
            self._timers.start(command.timer_id, command.seconds)
        elif isinstance(command, CancelTimer):
            self._timers.cancel(command.timer_id)
        elif isinstance(command, ReadItems):
            self._requests.read(command)
        else:
            self._requests.store(command)

    def _tell_to_end(self, activity_id: str) -> None:
        if activity_id in self._children:
            reason = self._runner.stop_reason or "the run that it is a step of needs it no longer"
            self._children.cancel(activity_id, reason, self._limits.grace_seconds)
        else:
            self._steps.cancel(activity_id)

    def _wake(self) -> None:
        self._woken = True

    def _show(self) -> None:
        workflow.set_current_details(self.progress.markdown())
        paused = self.progress.status == "paused"
        if paused != self._shown_paused:
            workflow.upsert_search_attributes([attributes.PAUSED.value_set(paused)])
            self._shown_paused = paused

    async def _finish(self) -> Any:
        """Record the whole outcome, then end as the run ended."""
        ending = self._runner.ending(workflow.time())
        self._limits.close()
        self._records.record(all_of_it=True)
        if self._records.pending:
            await to_its_end(self._records.recorded())
        if self._step_records.due:
            await to_its_end(self._step_records.record())
        if self._children.busy:
            await to_its_end(self._children.told())
        self.progress.ending = ending
        self._show()
        self._outcome = outcome_pages(self._runner.state, self._run.execution_id, ending, workflow.time())
        submit_outcome(self._outcome)
        await raise_ending(ending)
        if self._run.depth:
            return await result_for_parent(self._outcome[-1])
        return workflow_result(self._outcome[-1])
