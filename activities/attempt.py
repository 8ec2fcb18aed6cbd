"""One attempt of a step: the dynamic Temporal activity around a handler. Activity type = the handler's name."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import structlog
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.cleaning import WORKDIRS
from activities.counting import FAILED, Tally, Verdict, judge, refuse_lost
from activities.errors import CANCELLED, INVALID_INPUT, TIMEOUT, WORKER_LOST, Classified, StepError, classify
from activities.failures import message_of, step_failure
from activities.handler_loop import Ending, HandlerLoop, Raised, Returned, Running
from activities.masking import Masker
from activities.metering import Meter, Use
from activities.outputs import is_small, load
from activities.ownership import is_ours
from activities.recording import Recorder
from activities.registry import Handler, HandlerRegistry
from activities.reporting import AttemptReporter
from activities.results import step_result, told_artifacts
from activities.step_context import StepContext, current, environment_secret
from definitions.calls import StepCall, StepFailure, StepResult
from definitions.values import Packed, resolve_deferred, unpack
from store.blobs import BlobStore
from store.records import AttemptRecord

log = structlog.get_logger(__name__)

_CALL_KEYS = frozenset(field.name for field in fields(StepCall))
_LOST_DELAY = timedelta(milliseconds=100)
_LOCAL_LOST_DELAY = timedelta(seconds=1.1)
"""Long enough for a timer (`workflows.timing.LOCAL_RETRY_THRESHOLD`), so that another worker makes the next attempt."""


@dataclass(frozen=True)
class StepSettings:
    """How steps are run by one worker. Times in seconds."""

    data_dir: Path
    worker: str = ""
    """What records call this worker."""
    heartbeat: float = 1.0
    """The workflow's heartbeat timeout is 5 s."""
    cleanup: float = 10.0
    """How long a handler that was cancelled may take to clean up."""
    cleanup_on_timeout: float = 5.0
    """The server's timeout is the step's and 15 s."""
    cleanup_on_shutdown: float = 2.0
    secrets: Callable[[str], str | None] = environment_secret


class StepActivities:
    """Runs steps. One for each worker; `close` when the worker has stopped."""

    def __init__(
        self, registry: HandlerRegistry, recorder: Recorder, blobs: BlobStore, masker: Masker, settings: StepSettings
    ) -> None:
        self.registry = registry
        self.recorder = recorder
        self.blobs = blobs
        self.masker = masker
        self.settings = settings
        self.workdirs = settings.data_dir / WORKDIRS
        self.handlers = HandlerLoop()
        self.meter = Meter()
        self.stops_local = False
        """Local steps are no longer run here."""
        self._local: set[asyncio.Task[Any]] = set()
        self.last_turn = 0.0
        """When an attempt began or ended last, by the monotonic clock."""

    @activity.defn(dynamic=True)
    async def run_step(self, args: Sequence[RawValue]) -> StepResult:
        """One attempt. Fails with `ApplicationError(message, StepFailure, type=error class)`."""
        attempt = _Attempt(self, _read_call(args))
        if activity.info().is_local and (task := asyncio.current_task()) is not None:
            self._local.add(task)
            task.add_done_callback(self._local.discard)
        self.last_turn = time.monotonic()
        try:
            return await attempt.run()
        finally:
            self.last_turn = time.monotonic()

    def stop_local(self) -> None:
        """Tells local steps that they should end, and lets no other begin: they go on where another worker is. The SDK
        itself would wait for each of them, and for those that follow."""
        self.stops_local = True
        for task in self._local:
            task.cancel()

    def close(self) -> None:
        """Ends the threads of handlers; blocks for a second at most."""
        self.handlers.close()


def _read_call(args: Sequence[RawValue]) -> StepCall:
    document = activity.payload_converter().from_payload(args[0].payload, dict) if args else {}
    known = {key: value for key, value in document.items() if key in _CALL_KEYS}
    try:
        return StepCall(**known)
    except TypeError as error:
        message = f"the call of this step can't be read: {error}"
        failure = StepFailure(message=message, error_class=INVALID_INPUT)
        raise ApplicationError(message, failure, type=INVALID_INPUT, non_retryable=True) from None


class _Attempt:
    def __init__(self, owner: StepActivities, call: StepCall) -> None:
        info = activity.info()
        self._owner = owner
        self._settings = owner.settings
        self._call = call
        self._run_id = call.execution_id
        self._step_id = f"{call.step_id}{call.iteration}"
        self._temporal_attempt = info.attempt
        self._is_local = info.is_local
        self._tally = Tally.of_local(info.attempt) if info.is_local else Tally.of(info.attempt, info.heartbeat_details)
        self._started_at = datetime.now(UTC)
        self._reporter = AttemptReporter(owner.recorder, owner.masker, self._run_id, self._step_id, info.attempt)
        self._step = StepContext(
            self._reporter,
            execution_id=self._run_id,
            step_id=self._step_id,
            attempt=self._tally.number,
            max_attempts=call.max_attempts,
            idempotency_key=call.idempotency_key,
            context=call.context,
            workdirs=owner.workdirs,
            secrets=self._settings.secrets,
            on_secret=lambda value: owner.masker.register(self._run_id, value),
        )
        # What is recorded must not change when the handler changes its input, or when references are put back into it.
        self._input = Packed(copy.deepcopy(call.input), call.slots)
        self._mask_text = partial(owner.masker.text, self._run_id)
        self._mask_tree = partial(owner.masker.tree, self._run_id)
        self._beating: asyncio.TimerHandle | None = None
        self._use = Use(owner.meter, self._step.processes)

    async def run(self) -> StepResult:
        self._beat_later()
        try:
            ending = await self._work()
        except asyncio.CancelledError:
            failure = self._stopped()
        except Exception as error:  # noqa: BLE001 - whatever went wrong is a typed failure of this step
            failure = self._failed(error)
        else:
            if isinstance(ending, Raised):
                failure = self._failed(ending.error)
            else:
                result: StepResult = ending.value
                self._ended(
                    "completed",
                    output=Packed(result["output"], result.get("slots", [])),
                    context=result.get("context"),
                )
                return result
        finally:
            self._use.end()
            self._reporter.close()
            if self._beating is not None:
                self._beating.cancel()
        # Outside the `except`: Temporal would tell causes and contexts too, unmasked and without bounds.
        if failure is None:
            raise asyncio.CancelledError
        raise failure

    async def _work(self) -> Ending:
        """`Returned` a `StepResult`, or `Raised`. Raises what our own part of the work raises."""
        if self._is_stopped_local or not await is_ours({FAILED: self._tally.failed}):
            raise asyncio.CancelledError
        refuse_lost(self._call, self._tally)
        call, tally = self._call, self._tally
        self._owner.recorder.attempt_started(self._record("running"), {"title": call.title, "lost": tally.lost})
        registry = self._owner.registry
        handler = registry.known(call.handler)
        if handler is None:
            handler = await asyncio.to_thread(registry.resolve, call.handler)
        data = await self._fetch_input()
        ending = await self._handle(handler, data)
        if isinstance(ending, Raised):
            return ending
        if is_small(ending.value) and not self._step.artifacts and not self._step.context.added:
            return self._keep(ending.value)
        return await asyncio.to_thread(self._keep, ending.value)

    async def _fetch_input(self) -> Any:
        data = unpack(self._call.input, self._call.slots)
        if not self._call.slots:
            return data
        return await asyncio.to_thread(resolve_deferred, data, lambda digest: load(digest, self._owner.blobs))

    async def _handle(self, handler: Handler, data: Any) -> Ending:
        context = contextvars.copy_context()
        context.run(current.set, self._step)
        running = self._owner.handlers.start(handler.fn, data, context, is_async=handler.is_async)
        if not handler.elsewhere:
            self._use.begin(running)
        try:
            await asyncio.wait({running.ended}, timeout=self._call.timeout)
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            shutdown = self._is_stopped_local or (details is not None and details.worker_shutdown)
            ending = await self._wind_down(
                running, handler, self._settings.cleanup_on_shutdown if shutdown else self._settings.cleanup
            )
            noticed = self._step.noticed_cancellation or running.interrupted
            if isinstance(ending, Returned) and not noticed:
                # It was done before it learned of it: what it did has happened, and so has its result.
                return ending
            raise
        if running.ended.done():
            return running.ended.result()
        await self._wind_down(running, handler, self._settings.cleanup_on_timeout)
        return Raised(
            StepError(f"the handler did not end within its timeout of {self._call.timeout:g} s", error_class=TIMEOUT)
        )

    async def _wind_down(self, running: Running, handler: Handler, seconds: float) -> Ending | None:
        """Tells the handler that it should end. None: it did not, and is left behind."""
        self._step.cancel()
        running.cancel()
        await asyncio.wait({running.ended}, timeout=seconds)
        if running.ended.done():
            return running.ended.result()
        self._reporter.log(
            "WARN", f"the handler did not end within {seconds:g} s of being told, and is left behind", {}
        )
        log.warning("a handler does not end and is left behind", handler=handler.name, step=self._step_id)
        if handler.is_async and not await self._owner.handlers.responds(0.5):
            log.warning("a handler blocks the event loop of async handlers; a new one takes over", handler=handler.name)
            self._owner.handlers.replace()
        return None

    def _keep(self, value: Any) -> Ending:
        try:
            return Returned(self._result(value))
        except BaseException as error:  # noqa: BLE001 - looking at what the handler returned may run its code
            return Raised(error)

    def _result(self, value: Any) -> StepResult:
        result = step_result(
            value,
            self._step,
            self._owner.blobs,
            mask_text=self._mask_text,
            mask_tree=self._mask_tree,
            local=self._is_local,
        )
        if self._tally.number > 1:
            result["attempts"] = self._tally.number
        if self._tally.lost:
            result["lost"] = self._tally.lost
        return result

    # -- ends other than a result ---

    def _failed(self, error: BaseException) -> ApplicationError:
        found = classify(error)
        verdict = judge(self._call, self._tally, found)
        if found.error_class == CANCELLED:
            error = StepError(f"the handler ended itself with {message_of(error)}", error_class=CANCELLED)
        if verdict.will_retry:
            # Only now does this attempt count. The details reach the next attempt: see `activities.counting`.
            self._beat(self._tally.number)
        return self._failure(error, found, verdict, timedelta(seconds=verdict.delay), attempts=self._tally.number)

    def _stopped(self) -> ApplicationError | None:
        """The activity was cancelled. None: Temporal is told so; otherwise, what it is told."""
        details = activity.cancellation_details()
        requested = details is not None and details.cancel_requested
        if self._is_stopped_local and not requested:
            return self._stopped_with_worker(_LOCAL_LOST_DELAY)
        if details is None or details.not_found or details.timed_out:
            # The attempt is no longer ours: whoever took it over, or ended the run, says how it ended.
            return None
        if details.worker_shutdown and not requested:
            return self._stopped_with_worker(_LOST_DELAY)
        self._ended("cancelled", will_retry=details.paused or details.reset)
        return None

    @property
    def _is_stopped_local(self) -> bool:
        return self._is_local and self._owner.stops_local

    def _stopped_with_worker(self, delay: timedelta) -> ApplicationError:
        error = StepError("its worker was stopped while it ran, and did not wait for it", error_class=WORKER_LOST)
        verdict = Verdict(not self._call.at_most_once)
        return self._failure(error, Classified(WORKER_LOST), verdict, delay, attempts=self._tally.failed)

    def _failure(
        self, error: BaseException, found: Classified, verdict: Verdict, delay: timedelta, *, attempts: int
    ) -> ApplicationError:
        failure = step_failure(
            error,
            found.error_class,
            mask=self._mask_text,
            attempts=attempts,
            lost=self._tally.lost,
        )
        self._ended("failed", failure=failure, verdict=verdict, will_retry=verdict.will_retry)
        return ApplicationError(
            failure["message"],
            failure,
            type=failure["error_class"],
            non_retryable=not verdict.will_retry,
            next_retry_delay=delay if verdict.will_retry else None,
        )

    # -- records and heartbeats ---

    def _ended(
        self,
        status: Literal["completed", "failed", "cancelled"],
        *,
        output: Packed | None = None,
        context: dict[str, Any] | None = None,
        failure: StepFailure | None = None,
        verdict: Verdict | None = None,
        will_retry: bool = False,
    ) -> None:
        record = self._record(
            status,
            completed_at=datetime.now(UTC),
            output_data=output.json if output else None,
            output_slots=output.slots if output else [],
            context_data=context,
            error_message=failure["message"] if failure else None,
            error_class=failure["error_class"] if failure else None,
            error_traceback=failure["traceback"] if failure else None,
            will_retry=will_retry,
            usage=dict(self._step.amounts),
            measured=self._use.end(),
            artifacts=told_artifacts(self._step, self._mask_text),
        )
        told: dict[str, Any] = {"usage": record.usage} if record.usage else {}
        if will_retry and verdict:
            told["retry_in_seconds"] = round(verdict.delay, 3)
        self._owner.recorder.attempt_ended(record, told)

    def _record(self, status: Literal["running", "completed", "failed", "cancelled"], **ending: Any) -> AttemptRecord:
        return AttemptRecord(
            execution_id=self._run_id,
            step_id=self._step_id,
            start=self._call.start,
            attempt=self._temporal_attempt,
            max_attempts=self._call.max_attempts,
            status=status,
            started_at=self._started_at,
            # Told again at the end: both may be written as one, and a secret in it may only be known by then.
            input_data=self._mask_tree(self._input.json),
            input_slots=self._input.slots,
            worker=self._settings.worker,
            **ending,
        )

    def _beat_later(self) -> None:
        self._beating = asyncio.get_running_loop().call_later(self._settings.heartbeat, self._beat_again)

    def _beat_again(self) -> None:
        self._beat(self._tally.failed)
        self._reporter.measured(self._use.now())
        self._reporter.catch_up()
        self._beat_later()

    def _beat(self, failed: int) -> None:
        if self._is_local:
            return  # nobody waits for it
        details: dict[str, Any] = {FAILED: failed}
        if self._reporter.latest is not None:
            details["progress"], details["label"] = self._reporter.latest
        activity.heartbeat(details)
