"""The activities of steps: started as the runner says, and what each ended with told to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import CancelledError

with workflow.unsafe.imports_passed_through():
    from definitions.calls import StepCall, failed_by
    from definitions.errors import LongpoleError
    from definitions.incoming import step_result
    from definitions.messages import StartStep

from workflows.announcement import priority_key
from workflows.failures import failure_of
from workflows.runner import Runner
from workflows.timing import (
    HEARTBEAT_TIMEOUT,
    LOCAL_RETRY_THRESHOLD,
    LOST_ATTEMPTS,
    LOST_RETRY_INTERVAL,
    STEP_TIMEOUT_MARGIN,
)


class StepsInFlight:
    """What runs for one run. `woken` is called when something has ended and the runner has been told."""

    def __init__(self, runner: Runner, woken: Callable[[], None], *, priority: int | None = None) -> None:
        self._runner = runner
        self._woken = woken
        self.priority = priority
        """Of steps that start from now on, from 0 to 100; None: that of the run."""
        self._handles: dict[str, asyncio.Task[Any]] = {}

    def start(self, command: StartStep) -> None:
        """Start the activity of a step."""
        self.watch(command.activity_id, self.activity(command))

    def activity(self, command: StartStep) -> asyncio.Task[Any]:
        """The activity of a step, started."""
        if command.local:
            return _start_local_activity(command.call, command.activity_id)
        return _start_activity(command.call, command.activity_id, self.priority)

    def watch(self, activity_id: str, task: asyncio.Task[Any]) -> None:
        """Tell the runner how something that stands for a step's activity ends."""
        self._handles[activity_id] = task
        task.add_done_callback(partial(self._ended, activity_id))

    def cancel(self, activity_id: str) -> None:
        """Tell it that it should end."""
        self._handles[activity_id].cancel()

    def _ended(self, activity_id: str, task: asyncio.Task[Any]) -> None:
        """An activity has ended. Called by the event loop in the order of the history."""
        if self._handles.pop(activity_id, None) is None:
            return
        now = workflow.time()
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            self._returned(activity_id, task.result(), now)
        elif isinstance(error, asyncio.CancelledError) or isinstance(error.__cause__, CancelledError):
            self._runner.step_cancelled(activity_id, now)
        else:
            self._runner.step_failed(activity_id, failure_of(error), now)
        self._woken()

    def _returned(self, activity_id: str, value: Any, now: float) -> None:
        try:
            result = step_result(value)
        except LongpoleError as error:
            self._runner.step_failed(activity_id, failed_by(error), now)
        else:
            self._runner.step_completed(activity_id, result, now)


def _start_activity(call: StepCall, activity_id: str, priority: int | None) -> asyncio.Task[Any]:
    return workflow.start_activity(
        call.handler,
        _without_defaults(call),
        activity_id=activity_id,
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
        priority=Priority(priority_key=priority_key(priority)) if priority is not None else Priority(),
    )


def _start_local_activity(call: StepCall, activity_id: str) -> asyncio.Task[Any]:
    return workflow.start_local_activity(
        call.handler,
        _without_defaults(call),
        activity_id=activity_id,
        start_to_close_timeout=timedelta(seconds=call.timeout) + STEP_TIMEOUT_MARGIN,
        # As above; what is lost with its worker starts from its first attempt, and no history tells of it.
        retry_policy=RetryPolicy(
            initial_interval=LOST_RETRY_INTERVAL,
            backoff_coefficient=1.0,
            maximum_attempts=call.max_attempts + LOST_ATTEMPTS,
        ),
        local_retry_threshold=LOCAL_RETRY_THRESHOLD,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=call.title,
    )


_CALL_DEFAULTS = {name: field.default for name, field in StepCall.__dataclass_fields__.items()}


def _without_defaults(call: StepCall) -> dict[str, Any]:
    """The call as JSON, short: what says nothing new is not put into the history of every step."""
    told = {name: value for name, value in vars(call).items() if value != _CALL_DEFAULTS[name]}
    if not call.slots:
        told.pop("slots", None)
    return told
