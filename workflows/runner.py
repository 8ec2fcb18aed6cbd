"""The pure state machine of a run: events in, commands out. No Temporal, no clock, no randomness, no I/O.

`DagWorkflow` drives it with activities; mock runs and tests drive it with anything else, so that all follow the same
rules (`docs/definitions.md`). Whoever drives it calls `start` once, then in turn takes `commands()` and reports what
happened (`step_completed`, `step_failed`, `step_cancelled`, `pause`, `resume`, `stop`, `abandon`), until `finished`.

Each event costs time in proportion to the edges of the step that it is about: a run of n steps and m edges takes
O(n log n + m).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from typing import Any

from definitions.calls import RunEvent, StepFailure, StepResult, StepStatus
from definitions.errors import LongpoleError
from definitions.messages import CancelStep, Command, Ending, StartStep, Stop
from definitions.program import Program, StepProgram
from definitions.run_state import UPSTREAM_FAILED, RunState, StepsWithoutValue
from definitions.scope import Scope
from definitions.values import json_size, unpack
from workflows.ending import ending, settle_unstarted
from workflows.local_budget import LocalBudget
from workflows.retention import OutputRetention
from workflows.step_calls import error_handler_input, step_call

MAX_IN_FLIGHT = 200
"""More than a few hundred activities at once make a run slower, and 2,000 make it hang."""
MAX_TASK_BYTES = 1024 * 1024
"""What one workflow task schedules; gRPC refuses 4 MiB, and each command has its own overhead."""
MAX_TASK_STEPS = 500
"""Steps looked at in one go: a workflow task that computes for two seconds is taken for a deadlock."""


class Runner:
    """One run of a compiled definition."""

    def __init__(self, program: Program, state: RunState, *, execution_id: str = "") -> None:
        self.program = program
        self.state = state
        self.stopping: Stop | None = None
        self.stop_reason = ""
        self.draining = False
        """Start nothing new, so that a checkpoint can be taken."""
        self.backlog = False
        """`commands()` stopped at a limit and has more to say: call it again in another workflow task."""
        self._execution_id = execution_id
        self._save_partial = False
        self._started = False
        self._waiting: dict[str, int] = {}
        self._unsettled = 0
        self._ready: list[int] = []
        self._settled: deque[str] = deque()
        self._failed_awaiting_handler: deque[str] = deque()
        self._running: dict[str, tuple[str, str | None]] = {}
        self._abandoned: set[str] = set()
        self._to_cancel: list[str] = []
        self._events: list[RunEvent] = []
        self._local = LocalBudget()
        self._retention = OutputRetention(program, state.outputs)
        self._scope = Scope(
            input_data=state.input,
            context=state.context,
            step_outputs=state.outputs,
            skipped=StepsWithoutValue(state.steps),
            workflow={"input": state.input, "id": execution_id, "name": program.definition.name},
        )
        limit = program.definition.max_parallel_steps
        self.max_parallel = min(limit, MAX_IN_FLIGHT) if limit else MAX_IN_FLIGHT

    # -- what happens to a run ------

    def start(self, now: float) -> None:
        """Begin, or go on from the state that the runner was made with."""
        state = self.state
        self._started = True
        if not state.started_at:
            state.started_at = now
        considered: list[str] = []
        unhandled: list[str] = []
        for step_id, compiled in self.program.steps.items():
            if state.steps[step_id].settled:
                continue
            self._unsettled += 1
            if compiled.handles:
                self._waiting[step_id] = sum(not state.steps[other].settled for other in compiled.handles)
            else:
                self._waiting[step_id] = sum(not state.steps[other].settled for other in compiled.requires)
                if compiled.after is not None and not state.steps[compiled.after].settled:
                    self._waiting[step_id] += 1
            self._retention.expect(compiled)
            if self._waiting[step_id] == 0:
                (unhandled if state.steps[step_id].status == "failed" else considered).append(step_id)
        unhandled.sort(key=lambda step_id: state.steps[step_id].completed_at or 0.0)
        self._failed_awaiting_handler.extend(unhandled)
        for step_id in considered:
            self._consider(step_id, now)

    def step_completed(self, activity_id: str, result: StepResult, now: float) -> None:
        """A step's activity returned."""
        if activity_id in self._abandoned:
            return
        step_id, handled = self._running.pop(activity_id)
        if self.program.steps[step_id].step.local:
            self._local.returned(result)
        step = self.state.steps[step_id]
        step.attempts = result.get("attempts", 1)
        step.lost = result.get("lost", 0)
        for unit, amount in result.get("usage", {}).items():
            step.usage[unit] = step.usage.get(unit, 0) + amount
        step.artifacts = [*step.artifacts, *result.get("artifacts", [])]
        self.state.context.update(result.get("context", {}))
        self._completed(step_id, handled, unpack(result.get("output"), result.get("slots", [])), now)

    def step_failed(self, activity_id: str, failure: StepFailure, now: float) -> None:
        """A step's activity failed for good."""
        if activity_id in self._abandoned:
            return
        step_id, handled = self._running.pop(activity_id)
        if failure.get("error_class") == "worker_lost":
            # Its worker is gone and could not tell it.
            self._tell("step.failed", now, step_id, message=failure.get("message", ""), error_class="worker_lost")
        self._failed(step_id, handled, failure, now)

    def step_cancelled(self, activity_id: str, now: float) -> None:
        """A step's activity ended because it was told to; if the run did not tell it, that is a failure."""
        if activity_id in self._abandoned:
            return
        step_id, handled = self._running.pop(activity_id)
        if self.stopping is not None:
            self._cancelled(step_id, handled, self.stop_reason, now)
            return
        failure = StepFailure(message="it was cancelled, but not by its run", error_class="cancelled")
        self._tell("step.failed", now, step_id, message=failure["message"], error_class=failure["error_class"])
        self._failed(step_id, handled, failure, now)

    def pause(self, now: float) -> None:
        """Close the dispatch gate: running steps end, nothing new starts."""
        if not self.state.paused and self.stopping is None:
            self.state.paused = True
            self._tell("run.paused", now)

    def resume(self, now: float) -> None:
        """Open the gate again."""
        if self.state.paused:
            self.state.paused = False
            self._tell("run.resumed", now)

    def stop(self, why: Stop, now: float, *, reason: str = "", save_partial: bool = True) -> None:
        """Bring the run to an end: nothing new starts, running steps are told. The first call counts."""
        if self.stopping is not None or self.finished:
            return
        self.stopping = why
        self.stop_reason = reason or why
        self._save_partial = save_partial
        self._to_cancel.extend(self._running)
        while self._failed_awaiting_handler:
            self._settle(self._failed_awaiting_handler.popleft(), now)
        if why == "cancelled":
            self._tell("run.cancelling", now, reason=self.stop_reason)

    def abandon(self, now: float) -> list[str]:
        """The grace period is over: what has not ended is given up, its late result refused. Returns its step ids."""
        self._abandoned.update(self._running)
        abandoned = []
        for step_id, handled in list(self._running.values()):
            abandoned.append(step_id)
            self._cancelled(step_id, handled, "abandoned", now)
        self._running.clear()
        return abandoned

    # -- what a run wants ------

    @property
    def running(self) -> int:
        """Activities in flight."""
        return len(self._running)

    @property
    def running_steps(self) -> Iterator[str]:
        """The steps in flight, in the order in which they started."""
        return (step_id for step_id, _ in self._running.values())

    def waits_for(self, step_id: str) -> int:
        """How many steps must settle before this one's turn comes."""
        return self._waiting.get(step_id, 0)

    @property
    def finished(self) -> bool:
        """Nothing runs and nothing more will. Not before `start`, which a signal may precede."""
        return self._started and not self._running and (self.stopping is not None or self._unsettled == 0)

    def commands(self, now: float) -> list[Command]:
        """What to do now. Empty while paused or full; `backlog` says whether a limit cut it short."""
        commands: list[Command] = []
        if self.backlog:
            self._local.renew()
        self.backlog = False
        size = looked_at = 0
        while self._may_start():
            if size >= MAX_TASK_BYTES or looked_at >= MAX_TASK_STEPS or self._local.used_up:
                self.backlog = True
                break
            looked_at += 1
            handled = self._failed_awaiting_handler.popleft() if self._failed_awaiting_handler else None
            if handled is not None:
                step_id = self.program.steps[handled].error_handler or ""
            else:
                step_id = self.program.order[heapq.heappop(self._ready)]
            command = self._begin(step_id, handled, now)
            if command is not None:
                commands.append(command)
                size += command.size
        # Last, as the loop itself may have stopped the run; what has ended since it was told needs no telling.
        commands.extend(CancelStep(each) for each in self._to_cancel if each in self._running)
        self._to_cancel.clear()
        return commands

    @property
    def has_events(self) -> bool:
        """Whether `take_events` has something to give."""
        return bool(self._events)

    def take_events(self) -> list[RunEvent]:
        """What watchers should hear that no step attempt tells; each is given out once."""
        events, self._events = self._events, []
        return events

    def ending(self, now: float) -> Ending:
        """How the run ended; call it once `finished`. Steps that never started are cancelled here."""
        cut_short = self._unsettled > 0
        self._unsettled = 0
        if cut_short:
            settle_unstarted(self.program, self.state, self.stop_reason, now)
        if self.stopping == "cancelled" and not (cut_short or self.state.counts["cancelled"]):
            self.stopping = None  # it came too late to change anything
        return ending(self.program, self.state, self.stopping, reason=self.stop_reason, save_partial=self._save_partial)

    # -- starting steps ------

    def _may_start(self) -> bool:
        return (
            bool(self._ready or self._failed_awaiting_handler)
            and self.stopping is None
            and not self.state.paused
            and not self.draining
            and len(self._running) < self.max_parallel
        )

    def _begin(self, step_id: str, handled: str | None, now: float) -> StartStep | None:
        """Start a step whose turn it is, or settle it where there is nothing to run."""
        compiled = self.program.steps[step_id]
        step = self.state.steps[step_id]
        step.reason = ""
        try:
            if compiled.condition is not None and not compiled.condition.test(self._scope):
                if handled is None:
                    self._skip(step_id, "condition", now)
                else:
                    step.reason = "condition" if step.status == "pending" else ""
                    self._settle(handled, now)
                return None
            step_input = compiled.input.resolve(self._scope) if compiled.input is not None else None
        except LongpoleError as error:
            step.started_at = step.started_at or now
            failure = StepFailure(message=str(error), error_class=error.code)
            self._tell("step.failed", now, step_id, message=str(error), error_class=error.code)
            self._failed(step_id, handled, failure, now)
            return None
        step.started_at = now
        if compiled.step.handler is None:
            self._tell("step.completed", now, step_id)
            self._completed(step_id, handled, step_input, now)
            return None
        if step_input is None:
            step_input = self.state.input
        if handled is not None:
            step_input = error_handler_input(step_input, handled, self.state.steps[handled])
        return self._start_activity(compiled, step_input, handled)

    def _start_activity(self, compiled: StepProgram, step_input: Any, handled: str | None) -> StartStep:
        step = compiled.step
        state = self.state.set_status(step.id, "running")
        state.starts += 1
        activity_id = step.id if state.starts == 1 else f"{step.id}#{state.starts}"
        self._running[activity_id] = (step.id, handled)
        call = step_call(
            step, step_input, execution_id=self._execution_id, context=self.state.context, start=state.starts
        )
        if step.local:
            self._local.started()
        size = json_size(call.input) + (json_size(call.context) if call.context else 0)
        return StartStep(activity_id, call, size, local=step.local)

    # -- ending and settling ------

    def _completed(self, step_id: str, handled: str | None, output: Any, now: float) -> None:
        self.state.steps[step_id].error = None  # of an error handler that failed for another step
        self._retention.store(step_id, output)
        if handled is None:
            self._end(step_id, "completed", now)
        else:
            self._error_handled(step_id, handled, "completed", output, now)

    def _end(self, step_id: str, status: StepStatus, now: float) -> None:
        self.state.set_status(step_id, status).completed_at = now
        self._settle(step_id, now)

    def _skip(self, step_id: str, reason: str, now: float) -> None:
        self.state.steps[step_id].reason = reason
        self._tell("step.skipped", now, step_id, reason=reason)
        self._end(step_id, "skipped", now)

    def _failed(self, step_id: str, handled: str | None, failure: StepFailure, now: float) -> None:
        step = self.state.steps[step_id]
        step.error = failure
        step.attempts = failure.get("attempts", step.attempts)
        step.lost = failure.get("lost", step.lost)
        if handled is not None:
            self._error_handled(step_id, handled, "failed", None, now)
            return
        self.state.set_status(step_id, "failed").completed_at = now
        if self.program.steps[step_id].error_handler is not None and self.stopping is None:
            self._failed_awaiting_handler.append(step_id)
        else:
            self._settle(step_id, now)

    def _cancelled(self, step_id: str, handled: str | None, reason: str, now: float) -> None:
        step = self.state.set_status(step_id, "cancelled")
        step.reason = reason
        step.completed_at = now
        self._tell("step.cancelled", now, step_id, reason=reason)
        self._settle(handled or step_id, now)

    def _error_handled(self, step_id: str, handled: str, status: StepStatus, output: Any, now: float) -> None:
        """An error handler has ended: the failure stands unless it says `recovered`; then its output is the step's."""
        handler = self.state.set_status(step_id, status)
        handler.completed_at = now
        if status == "completed" and isinstance(output, dict) and output.get("recovered") is True:
            self.state.set_status(handled, "completed").reason = "recovered"
            self._retention.store(handled, output)
            self._tell("step.recovered", now, handled, handler=step_id)
        self._settle(handled, now)

    def _settle(self, step_id: str, now: float) -> None:
        """A step has ended for good, its error handler included: what waits for it may go on."""
        step = self.state.steps[step_id]
        if step.settled:
            return
        step.settled = True
        self._unsettled -= 1
        self._settled.append(step_id)
        if len(self._settled) > 1:
            return  # the loop below is at work further up: a chain of 100,000 skipped steps must not recurse
        while self._settled:
            self._spread(self._settled[0], now)
            self._settled.popleft()

    def _spread(self, step_id: str, now: float) -> None:
        compiled = self.program.steps[step_id]
        failed = self.state.steps[step_id].status == "failed"
        if failed:
            self.state.failures.append(step_id)
        if compiled.error_handler is not None:
            self._release(compiled.error_handler, now)
        for other in compiled.required_by:
            self._release(other, now)
        if compiled.before is not None:
            self._release(compiled.before, now)
        self._retention.done_with(compiled)
        if failed and self.program.definition.fail_fast:
            self.stop("failed", now, reason=f"step {step_id!r} failed")

    def _release(self, step_id: str, now: float) -> None:
        if self.state.steps[step_id].settled:
            return
        self._waiting[step_id] -= 1
        if self._waiting[step_id] == 0:
            self._consider(step_id, now)

    def _consider(self, step_id: str, now: float) -> None:
        """Everything that a step waits for has settled: it becomes ready, or there is no more reason for it to run."""
        compiled = self.program.steps[step_id]
        steps = self.state.steps
        if compiled.handles:
            self._end_error_handler(step_id, now)
        elif self.stopping is not None:
            return  # `ending` cancels it
        elif any(steps[other].fails_dependants for other in compiled.requires):
            self._skip(step_id, UPSTREAM_FAILED, now)
        elif compiled.reads and all(steps[other].status == "skipped" for other in compiled.reads):
            self._skip(step_id, "upstream_skipped", now)
        else:
            heapq.heappush(self._ready, compiled.index)

    def _end_error_handler(self, step_id: str, now: float) -> None:
        """All steps that it handles have settled: it is as it ended last, or it was never needed."""
        step = self.state.steps[step_id]
        needed = any(self.state.steps[each].status == "failed" for each in self.program.steps[step_id].handles)
        if step.status != "pending":
            self._settle(step_id, now)
        elif step.reason or not needed:
            self._skip(step_id, step.reason or "not_needed", now)
        # else the run is being stopped: `ending` cancels it

    def _tell(self, event_type: str, now: float, step_id: str | None = None, **data: Any) -> None:
        event = RunEvent(type=event_type, at=now, data=data)
        if step_id is not None:
            event["step_id"] = step_id
        self._events.append(event)
