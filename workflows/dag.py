"""`DagWorkflow`: the one workflow type. It drives the pure runner with activities, timers, signals and queries.

Everything here is deterministic: time comes from the workflow's clock, activities have explicit ids (replay compares
ids and types, not arguments), and what happens is handled in the order in which the server recorded it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

with workflow.unsafe.imports_passed_through():
    from definitions.bounded_text import bounded
    from definitions.calls import (
        OFFLOAD_OUTPUTS,
        RECORD_EVENTS,
        REQUEST_CANCEL,
        EventBatch,
        OutcomePage,
        RunStatus,
        StepCall,
        StepFailure,
    )
    from definitions.errors import LongpoleError
    from definitions.incoming import MESSAGE_LIMIT, beginning, cancel_request, step_failure, step_result
    from definitions.run_state import deflated, require_room
    from definitions.values import json_size

from definitions.messages import WORKFLOW_TYPE, CancelRequest, CancelStep, Ending, StartStep
from workflows import attributes
from workflows.explanation import explanation
from workflows.outcome import outcome_pages, submit_outcome, workflow_result
from workflows.progress import Progress
from workflows.runner import Runner
from workflows.timing import (
    EVENT_BATCH,
    HEARTBEAT_TIMEOUT,
    LOST_ATTEMPTS,
    LOST_RETRY_INTERVAL,
    MAX_CHECKPOINT_BYTES,
    MAX_HISTORY_BYTES,
    MAX_HISTORY_EVENTS,
    RECORD_RETRY,
    RECORD_TIMEOUT,
    SMALL_CHECKPOINT_BYTES,
    STEP_TIMEOUT_MARGIN,
    YIELD,
)


@workflow.defn(name=WORKFLOW_TYPE, failure_exception_types=[LongpoleError])
class DagWorkflow:
    """Interprets one stored definition for one run. Its workflow id is the execution id."""

    @workflow.init
    def __init__(self, fields: Any = None, *_more: Any) -> None:
        """`fields` are those of a `RunInput`, as they are: the SDK would look at every value to make one of them."""
        try:
            run, program, state = beginning(fields, execution_id=workflow.info().workflow_id)
        except LongpoleError as error:
            message = bounded(str(error), MESSAGE_LIMIT)
            raise ApplicationError(message, type=error.code, non_retryable=True) from None
        self._run = run
        self._runner = Runner(program, state, execution_id=run.execution_id)
        self._progress = Progress(self._runner)
        self._handles: dict[str, workflow.ActivityHandle[Any]] = {}
        self._recording: set[asyncio.Task[Any]] = set()
        self._recorded_batches = 0
        self._outcome: list[OutcomePage] = []
        self._account: list[OutcomePage] = []
        self._woken = False
        self._deadline: asyncio.Task[None] | None = None
        self._active_since = 0.0
        self._grace: asyncio.Task[None] | None = None
        self._grace_seconds = CancelRequest.grace_seconds
        self._shown_paused = state.paused

    @workflow.run
    async def run(self, fields: Any = None, *_more: Any) -> Any:
        """Run the definition. Returns the run's result as JSON; values kept in blob storage are null in it."""
        self._runner.start(workflow.time())
        self._active_since = workflow.time()
        self._watch_deadline()
        while not self._runner.finished:
            try:
                await self._advance()
            except asyncio.CancelledError:
                self._cancel(CancelRequest(reason="cancelled through Temporal"))
        return await self._finish()

    # -- signals and queries ------

    @workflow.signal(description="What runs goes on to its end, nothing new starts")
    def pause(self, *_note: Any) -> None:
        """Running steps end, nothing new starts, the run's timeout stands still."""
        self._runner.pause(workflow.time())
        self._stop_deadline()
        self._wake()

    @workflow.signal(description="Go on after a pause")
    def resume(self, *_note: Any) -> None:
        """Go on after `pause`."""
        self._runner.resume(workflow.time())
        self._watch_deadline()
        self._wake()

    @workflow.signal(description='End the run; input: none, a reason, or {"reason": "...", "grace_seconds": 10}')
    def cancel(self, request: Any = None, *_more: Any) -> None:
        """End the run: nothing new starts, running steps get a grace period. Without argument, or with
        `{"reason": "...", "grace_seconds": 10, "save_partial_results": true}`."""
        self._cancel(cancel_request(request))

    @workflow.query(description="Status, counts, and which steps run or failed")
    def progress(self) -> dict[str, Any]:
        """Status, counts, and which steps run or failed."""
        return self._progress.snapshot()

    @workflow.query(description="Why a step is not running now; input: a step id, or none for all that have not ended")
    def explain(self, step_id: Any = None, *_more: Any) -> dict[str, Any]:
        """Why the step, or each that has not ended, is where it is (`workflows.explanation`)."""
        return explanation(self._runner, step_id)

    @workflow.query(description="The run's shared context")
    def context(self) -> dict[str, Any]:
        """What the run's shared context holds now."""
        return self._runner.state.context

    @workflow.query(description="How the run ended, in pages from 0; null while it goes on")
    def outcome(self, page: int) -> dict[str, Any] | None:
        """A page of the run's outcome (from 0; `last` says whether there are more); null while it has none."""
        return vars(self._outcome[page]) if 0 <= page < len(self._outcome) else None

    @workflow.query(description="How the steps stand, in pages from 0, as `outcome` tells how they ended")
    def account(self, page: int) -> dict[str, Any] | None:
        """A page of how the run stands now; null beyond the last. Of a run that was terminated it is all there is."""
        if page == 0 or not self._account:
            now = workflow.time()
            self._account = outcome_pages(self._runner.state, self._run.execution_id, Ending("cancelled"), now)
        return vars(self._account[page]) if 0 <= page < len(self._account) else None

    # -- the loop ------

    async def _advance(self) -> None:
        """One round: do what the runner wants, show it, wait for something to happen."""
        for command in self._runner.commands(workflow.time()):
            if isinstance(command, StartStep):
                self._start(command)
            elif isinstance(command, CancelStep):
                self._handles[command.activity_id].cancel()
            else:
                raise LongpoleError("this worker can't run control steps yet", code="interpreter_too_old")
        self._begin_grace()
        self._record_events()
        self._show()
        if self._runner.backlog:
            await workflow.sleep(YIELD)
        elif self._runner.draining and not self._runner.running:
            await self._continue_as_new()
        elif not self._runner.finished:
            await workflow.wait_condition(lambda: self._woken)
            self._woken = False
            self._drain_long_history()

    def _start(self, command: StartStep) -> None:
        call = command.call
        handle = workflow.start_activity(
            call.handler,
            _without_defaults(call),
            activity_id=command.activity_id,
            start_to_close_timeout=timedelta(seconds=call.timeout) + STEP_TIMEOUT_MARGIN,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            # Attempts that count are counted by the attempt itself (`activities.attempt`), which also sets the waits
            # between them; what is left to the server are the attempts lost with their worker.
            retry_policy=RetryPolicy(
                initial_interval=LOST_RETRY_INTERVAL,
                backoff_coefficient=1.0,
                maximum_attempts=1 if call.at_most_once else call.max_attempts + LOST_ATTEMPTS,
            ),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=call.title,
        )
        self._handles[command.activity_id] = handle
        handle.add_done_callback(partial(self._ended, command.activity_id))

    def _ended(self, activity_id: str, handle: asyncio.Task[Any]) -> None:
        """An activity has ended. Called by the event loop in the order of the history."""
        if self._handles.pop(activity_id, None) is None:
            return
        now = workflow.time()
        error = asyncio.CancelledError() if handle.cancelled() else handle.exception()
        if error is None:
            self._returned(activity_id, handle.result(), now)
        elif isinstance(error, asyncio.CancelledError) or isinstance(error.__cause__, CancelledError):
            self._runner.step_cancelled(activity_id, now)
        else:
            self._runner.step_failed(activity_id, _failure(error), now)
        self._wake()

    def _returned(self, activity_id: str, value: Any, now: float) -> None:
        try:
            result = step_result(value)
        except LongpoleError as error:
            failure = StepFailure(message=str(error), error_class=error.code)
            self._runner.step_failed(activity_id, failure, now)
        else:
            self._runner.step_completed(activity_id, result, now)

    def _wake(self) -> None:
        self._woken = True

    def _cancel(self, request: CancelRequest) -> None:
        if self._runner.stopping is None:
            self._grace_seconds = request.grace_seconds
        self._runner.stop(
            "cancelled", workflow.time(), reason=request.reason, save_partial=request.save_partial_results
        )
        self._wake()

    def _begin_grace(self) -> None:
        """However the run came to be stopped: what runs gets its time to end, once."""
        if self._runner.stopping is not None and self._grace is None:
            self._stop_deadline()
            self._grace = asyncio.create_task(self._abandon_after(self._grace_seconds))

    async def _abandon_after(self, seconds: float) -> None:
        await workflow.sleep(timedelta(seconds=seconds))
        self._runner.abandon(workflow.time())
        self._wake()

    # -- the run's timeout: time spent paused does not count ------

    def _watch_deadline(self) -> None:
        timeout = self._runner.program.definition.timeout
        if timeout is None or self._deadline is not None or self._runner.state.paused or self._runner.stopping:
            return
        self._active_since = workflow.time()
        remaining = max(0.0, timeout - self._runner.state.active_seconds)
        self._deadline = asyncio.create_task(self._time_out_after(remaining))

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._runner.state.active_seconds += workflow.time() - self._active_since

    async def _time_out_after(self, seconds: float) -> None:
        await workflow.sleep(timedelta(seconds=seconds))
        self._deadline = None
        self._runner.stop("timed_out", workflow.time(), reason="the run's timeout is over")
        self._wake()

    # -- what others see ------

    def _show(self) -> None:
        workflow.set_current_details(self._progress.markdown())
        paused = self._progress.status == "paused"
        if paused != self._shown_paused:
            workflow.upsert_search_attributes([attributes.PAUSED.value_set(paused)])
            self._shown_paused = paused

    def _record_events(self) -> None:
        """Hand what no step attempt tells to the store. Not awaited: a run waits for its records only at its end."""
        events = self._runner.take_events()
        status: RunStatus | None = None
        if any(event["type"].startswith("run.") for event in events):
            shown = self._progress.status
            status = "paused" if shown == "paused" else "cancelling" if shown == "cancelling" else "running"
        for start in range(0, len(events), EVENT_BATCH):
            self._recorded_batches += 1
            batch = EventBatch(
                execution_id=self._run.execution_id,
                key=f"{workflow.info().run_id}/{self._recorded_batches}",
                events=events[start : start + EVENT_BATCH],
                status=status,
            )
            task = workflow.start_local_activity(
                RECORD_EVENTS, vars(batch), start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
            )
            self._recording.add(task)
            task.add_done_callback(self._recording.discard)

    # -- the end ------

    async def _finish(self) -> Any:
        """Record the whole outcome, then end as the run ended."""
        ending = self._runner.ending(workflow.time())
        self._stop_deadline()
        if self._grace is not None:
            self._grace.cancel()
        self._record_events()
        if self._recording:
            await _to_its_end(asyncio.create_task(self._recorded()))
        self._progress.ending = ending
        self._show()
        self._outcome = outcome_pages(self._runner.state, self._run.execution_id, ending, workflow.time())
        submit_outcome(self._outcome)
        if ending.status == "completed":
            return workflow_result(self._outcome[-1])
        error = ending.error or StepFailure(message=ending.status, error_class="error")
        if ending.status == "cancelled":
            await _to_its_end(asyncio.create_task(self._end_as_cancelled()))
            raise CancelledError(error.get("message", "cancelled"))
        raise ApplicationError(
            error.get("message", ""), error, type=error.get("error_class", "error"), non_retryable=True
        )

    async def _recorded(self) -> None:
        await workflow.wait_condition(lambda: not self._recording)

    async def _end_as_cancelled(self) -> None:
        """Only a run whose cancellation was requested can end as cancelled, and it can't request that itself."""
        if workflow.cancellation_reason() is None:
            await workflow.execute_local_activity(
                REQUEST_CANCEL,
                workflow.info().workflow_id,
                start_to_close_timeout=RECORD_TIMEOUT,
                retry_policy=RECORD_RETRY,
            )
            await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)

    def _drain_long_history(self) -> None:
        info = workflow.info()
        if (
            info.is_continue_as_new_suggested()
            or info.get_current_history_length() >= MAX_HISTORY_EVENTS
            or info.get_current_history_size() >= MAX_HISTORY_BYTES
        ):
            self._runner.draining = True

    async def _continue_as_new(self) -> None:
        """Go on in a new history from a checkpoint; nothing is running."""
        self._stop_deadline()
        await workflow.wait_condition(lambda: not self._recording and workflow.all_handlers_finished())
        if self._runner.stopping is not None or self._runner.has_events:
            return  # a signal came in while this waited: deal with it first
        # The run's input is in the checkpoint.
        checkpoint = self._runner.state.checkpoint()
        if json_size(checkpoint) > SMALL_CHECKPOINT_BYTES:
            checkpoint["outputs"] = await self._offloaded(checkpoint["outputs"])
            if self._runner.stopping is not None or self._runner.has_events:
                return
            checkpoint = deflated(checkpoint)
        require_room(checkpoint, self._run.definition, MAX_CHECKPOINT_BYTES)
        workflow.continue_as_new({**vars(self._run), "input": None, "slots": [], "checkpoint": checkpoint})

    async def _offloaded(self, outputs: dict[str, list[Any]]) -> dict[str, list[Any]]:
        moving = workflow.start_local_activity(
            OFFLOAD_OUTPUTS, outputs, start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
        )
        # A cancellation meanwhile is the run's to deal with, and no failure of this.
        moved: dict[str, list[Any]] = await asyncio.shield(moving)
        return moved


async def _to_its_end(task: asyncio.Task[None]) -> None:
    """Await a task that a cancellation of the workflow must not cut short."""
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    task.result()


_CALL_DEFAULTS = {name: field.default for name, field in StepCall.__dataclass_fields__.items()}


def _without_defaults(call: StepCall) -> dict[str, Any]:
    """The call as JSON, short: what says nothing new is not put into the history of every step."""
    told = {name: value for name, value in vars(call).items() if value != _CALL_DEFAULTS[name]}
    if not call.slots:
        told.pop("slots", None)
    return told


def _failure(error: BaseException) -> StepFailure:
    """What a failed activity tells: its own typed failure, or what the server says when it could tell nothing."""
    cause = error.__cause__ if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        detail = cause.details[0] if cause.details else None
        return step_failure(detail, message=cause.message, error_class=cause.type or "error")
    if isinstance(cause, ActivityTimeoutError):
        if cause.type is TimeoutType.HEARTBEAT:
            return StepFailure(message="its worker was lost, as often as is allowed", error_class="worker_lost")
        return StepFailure(message=f"it did not end in time ({cause.message})", error_class="timeout")
    return StepFailure(message=str(cause), error_class="error")
