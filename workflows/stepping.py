"""How steps come to their turn, end and settle, in whatever block they are. The lower half of the runner.

Each event costs time in proportion to the edges of the step that it is about; nothing here recurses over steps, only
from a block to the one around it.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from definitions.block import StepProgram
from definitions.block_state import UPSTREAM_FAILED
from definitions.calls import RunEvent, StepFailure, StepOutcome, StepResult, StepStatus, brief, failed_by
from definitions.errors import LongpoleError
from definitions.messages import Command, Start, StartStep, Stop
from definitions.program import Program
from definitions.run_state import RunState, StepsWithoutValue
from definitions.scope import Scope
from definitions.values import json_size, unpack
from workflows.controls import Controls
from workflows.frames import Frame, OpenStep
from workflows.handling import Handling
from workflows.local_budget import LocalBudget
from workflows.step_calls import error_handler_input, step_call
from workflows.turns import Turns, most_in_flight

Running = tuple[Frame, str, str | None]
"""A step that runs: its frame, its id there, and the step whose failure it was started for."""


class Stepping:
    """The steps of one run."""

    def __init__(self, program: Program, state: RunState, *, execution_id: str = "", depth: int = 0) -> None:
        self.program = program
        self.state = state
        self.execution_id = execution_id
        self.depth = depth
        self.stopping: Stop | None = None
        self.stop_reason = ""
        self.save_partial = False
        self.fails_as = ""
        """The error class that a run which is stopped fails with; empty: it is cancelled."""
        self.started = False
        self.running_activities: dict[str, Running] = {}
        """By activity id."""
        self.outbox: list[Command] = []
        """What is said whether the gate is open or not."""
        self.advancing: deque[OpenStep] = deque()
        """Loops that may have another iteration."""
        self.turns = Turns()
        self.local = LocalBudget()
        self.handling = Handling()
        self._to_cancel: dict[str, None] = {}
        self._abandoned: set[str] = set()
        self._events: list[RunEvent] = []
        self.settled_inside: list[StepOutcome] = []
        """How steps in blocks that have ended did; nothing else is known of them any more."""
        scope = Scope(
            input_data=state.input,
            context=state.context,
            step_outputs=state.outputs,
            skipped=StepsWithoutValue(state.steps),
            workflow={"input": state.input, "id": execution_id, "name": program.definition.name},
        )
        self.root = Frame(program.root, state, scope)
        self.max_parallel = most_in_flight(program, state)
        self.controls = Controls(self)

    # -- frames ------

    def count(self, frame: Frame) -> list[str]:
        """Count what each step of a frame waits for, by the frame's state. Returns those that wait for nothing."""
        steps = frame.state.steps
        free: list[str] = []
        unhandled: list[str] = []
        for step_id, compiled in frame.block.steps.items():
            step = steps[step_id]
            if step.settled:
                continue
            frame.unsettled += 1
            status = step.status
            waiting = 0
            # Once it has begun, nothing can let it begin once more; but for an error handler.
            if compiled.handles or status == "pending":
                for other in compiled.handles or compiled.requires:
                    if not steps[other].settled:
                        waiting += 1
                if compiled.after is not None and not steps[compiled.after].settled:
                    waiting += 1
            frame.waiting[step_id] = waiting
            frame.retention.expect(compiled)
            if status == "failed" and compiled.error_handler is not None:
                if not self._is_being_handled(compiled):
                    unhandled.append(step_id)
            elif waiting == 0 and status != "running":
                free.append(step_id)
        unhandled.sort(key=lambda step_id: steps[step_id].completed_at or 0.0)
        self.handling.extend(unhandled)
        frame.retention.trim()
        return free

    def set_out(self, frame: Frame, free: list[str], now: float) -> None:
        """Let a frame that is counted go on with the steps that wait for nothing."""
        for step_id in free:
            self._consider(frame, step_id, now)
        self.controls.end_if_idle(frame, now)

    def _is_being_handled(self, compiled: StepProgram) -> bool:
        opened = self.state.open.get(compiled.error_handler or "")
        if opened is not None and opened.handled == compiled.step.id:
            return True
        return any(handled == compiled.step.id for _, _, handled in self.running_activities.values())

    def cancel_frame(self, frame: Frame) -> None:
        """Tell what runs of a frame to end."""
        self._to_cancel.update(
            (activity_id, None) for activity_id, running in self.running_activities.items() if running[0] is frame
        )

    def cancel_activity(self, activity_id: str) -> None:
        """Tell one activity to end."""
        self._to_cancel[activity_id] = None

    # -- what becomes of activities ------

    def step_completed(self, activity_id: str, result: StepResult, now: float) -> None:
        """A step's activity returned, or a workflow that is a step completed."""
        if activity_id in self._abandoned:
            return
        self.local.returned(activity_id, result)
        frame, step_id, handled = self._take(activity_id)
        step = frame.state.steps[step_id]
        step.attempts = result.get("attempts", 1)
        step.lost = result.get("lost", 0)
        for unit, amount in result.get("usage", {}).items():
            step.usage[unit] = step.usage.get(unit, 0) + amount
        step.artifacts = [*step.artifacts, *result.get("artifacts", [])]
        self.state.context.update(result.get("context", {}))
        if frame.opened and self.controls.child_ended(frame, step_id, now, completed=True):
            return
        self.complete(frame, step_id, handled, unpack(result.get("output"), result.get("slots", [])), now)

    def step_failed(self, activity_id: str, failure: StepFailure, now: float) -> None:
        """A step's activity failed for good."""
        if activity_id in self._abandoned:
            return
        frame, step_id, handled = self._take(activity_id)
        if failure.get("error_class") == "worker_lost" and step_id not in frame.opened:
            # Its worker is gone and could not tell it.
            self.tell("step.failed", now, frame.prefix + step_id, **brief(failure))
        if frame.opened and self.controls.child_ended(frame, step_id, now, failure=failure):
            return
        self.fail(frame, step_id, handled, failure, now)

    def step_cancelled(self, activity_id: str, now: float) -> None:
        """A step's activity ended because it was told to; if the run did not tell it, that is a failure."""
        if activity_id in self._abandoned:
            return
        frame, step_id, handled = self._take(activity_id)
        if frame.opened and self.controls.child_ended(frame, step_id, now):
            return
        reason = self.stop_reason if self.stopping is not None else frame.cancel_reason
        if reason:
            self.cancelled(frame, step_id, handled, reason, now)
            return
        failure = StepFailure(message="it was cancelled, but not by its run", error_class="cancelled")
        self.tell("step.failed", now, frame.prefix + step_id, **failure)
        self.fail(frame, step_id, handled, failure, now)

    def abandon(self, now: float) -> list[str]:
        """The grace period is over: what has not ended is given up, its late result refused. Returns its path ids."""
        abandoned = []
        for activity_id in list(self.running_activities):
            frame, step_id, handled = self._take(activity_id)
            self._abandoned.add(activity_id)
            abandoned.append(frame.prefix + step_id)
            if not (frame.opened and self.controls.child_ended(frame, step_id, now)):
                self.cancelled(frame, step_id, handled, "abandoned", now)
        return abandoned

    def _take(self, activity_id: str) -> Running:
        running = self.running_activities.pop(activity_id)
        running[0].in_flight -= 1
        self.local.ended(activity_id)
        return running

    # -- starting steps ------

    def _begin(self, frame: Frame, compiled: StepProgram, handled: str | None, now: float) -> Start | None:
        """Start a step whose turn it is, or settle it where there is nothing to run."""
        step_id = compiled.step.id
        step = frame.state.own(step_id)
        step.reason = ""
        try:
            if compiled.condition is not None and not compiled.condition.test(frame.scope):
                if handled is None:
                    self._skip(frame, step_id, "condition", now)
                else:
                    step.reason = "condition" if step.status == "pending" else ""
                    self.settle(frame, handled, now)
                return None
            step_input = compiled.input.resolve(frame.scope) if compiled.input is not None else None
        except LongpoleError as error:
            step.started_at = step.started_at or now
            failure = failed_by(error)
            self.tell("step.failed", now, frame.prefix + step_id, **failure)
            self.fail(frame, step_id, handled, failure, now)
            return None
        step.started_at = now
        if compiled.control is None:
            if compiled.step.handler is None:
                self.tell("step.completed", now, frame.prefix + step_id)
                self.complete(frame, step_id, handled, step_input, now)
                return None
        elif not compiled.takes_slot:
            self.controls.begin(frame, compiled, handled, now)
            return None
        if step_input is None:
            step_input = self.state.input
        if handled is not None:
            step_input = error_handler_input(step_input, handled, frame.state.steps[handled])
        return self._start_activity(frame, compiled, step_input, handled, now)

    def _start_activity(
        self, frame: Frame, compiled: StepProgram, step_input: Any, handled: str | None, now: float
    ) -> Start | None:
        step = compiled.step
        state = frame.state.set_status(step.id, "running")
        state.starts += 1
        path = frame.prefix + step.id
        activity_id = path if state.starts == 1 else f"{path}#{state.starts}"
        frame.in_flight += 1
        self.running_activities[activity_id] = (frame, step.id, handled)
        if compiled.control is not None:
            return self.controls.start_child(frame, compiled, activity_id, step_input, handled, now)
        context = self.state.context
        call = step_call(step, path, step_input, execution_id=self.execution_id, context=context, start=state.starts)
        size = json_size(call.input) + (json_size(call.context) if call.context else 0)
        return StartStep(activity_id, call, size, local=step.local and self.local.takes(activity_id))

    # -- ending and settling ------

    def complete(self, frame: Frame, step_id: str, handled: str | None, output: Any, now: float) -> None:
        """A step has an output."""
        frame.state.steps[step_id].error = None  # of an error handler that failed for another step
        frame.retention.store(step_id, output)
        if handled is None:
            self._end(frame, step_id, "completed", now)
        else:
            self._error_handled(frame, step_id, handled, "completed", output, now)

    def _end(self, frame: Frame, step_id: str, status: StepStatus, now: float) -> None:
        frame.state.set_status(step_id, status).completed_at = now
        self.settle(frame, step_id, now)

    def _skip(self, frame: Frame, step_id: str, reason: str, now: float) -> None:
        frame.state.own(step_id).reason = reason
        self.tell("step.skipped", now, frame.prefix + step_id, reason=reason)
        self._end(frame, step_id, "skipped", now)

    def fail(self, frame: Frame, step_id: str, handled: str | None, failure: StepFailure, now: float) -> None:
        """A step has failed for good."""
        step = frame.state.steps[step_id]
        step.error = failure
        step.attempts = failure.get("attempts", step.attempts)
        step.lost = failure.get("lost", step.lost)
        if handled is not None:
            self._error_handled(frame, step_id, handled, "failed", None, now)
            return
        frame.state.set_status(step_id, "failed").completed_at = now
        if frame.block.steps[step_id].error_handler is not None and self.stopping is None:
            self.handling.extend((step_id,))
        else:
            self.settle(frame, step_id, now)

    def cancelled(self, frame: Frame, step_id: str, handled: str | None, reason: str, now: float) -> None:
        """A step has ended since it was told to."""
        step = frame.state.set_status(step_id, "cancelled")
        step.reason = reason
        step.completed_at = now
        start = {} if frame.block.steps[step_id].control is None else {"start": step.starts}
        self.tell("step.cancelled", now, frame.prefix + step_id, reason=reason, **start)
        self.settle(frame, handled or step_id, now)

    def _error_handled(
        self, frame: Frame, step_id: str, handled: str, status: StepStatus, output: Any, now: float
    ) -> None:
        """An error handler has ended: the failure stands unless it says `recovered`; then its output is the step's."""
        handler = frame.state.set_status(step_id, status)
        handler.completed_at = now
        if status == "completed" and isinstance(output, dict) and output.get("recovered") is True:
            frame.state.set_status(handled, "completed").reason = "recovered"
            frame.retention.store(handled, output)
            self.tell("step.recovered", now, handled, handler=step_id)
        self.settle(frame, handled, now)

    def settle(self, frame: Frame, step_id: str, now: float) -> None:
        """A step has ended for good, its error handler included: what waits for it may go on."""
        step = frame.state.steps[step_id]
        if step.settled:
            return
        step.settled = True
        frame.unsettled -= 1
        settled = frame.settled
        settled.append(step_id)
        if len(settled) > 1:
            return  # the loop below is at work further up: a chain of 100,000 skipped steps must not recurse
        while settled:
            self._spread(frame, settled[0], now)
            settled.popleft()
        if frame.within is not None:
            self.controls.end_if_idle(frame, now)

    def _spread(self, frame: Frame, step_id: str, now: float) -> None:
        compiled = frame.block.steps[step_id]
        failed = frame.state.steps[step_id].status == "failed"
        if failed:
            frame.state.failures.append(step_id)
        if frame.within is not None:
            if frame.limit is not None:
                self.turns.let_another_in(frame, step_id)
            if failed:
                self.controls.member_failed(frame, step_id, now)
            if frame.closed:
                return
        if compiled.error_handler is not None:
            self._release(frame, compiled.error_handler, now)
        for other in compiled.required_by:
            self._release(frame, other, now)
        if compiled.before is not None:
            self._release(frame, compiled.before, now)
        frame.retention.done_with(compiled)
        if failed and self.program.definition.fail_fast:
            self.stop("failed", now, reason=f"step {step_id!r} failed")

    def _release(self, frame: Frame, step_id: str, now: float) -> None:
        if frame.state.steps[step_id].settled:
            return
        frame.waiting[step_id] -= 1
        if frame.waiting[step_id] == 0:
            self._consider(frame, step_id, now)

    def _consider(self, frame: Frame, step_id: str, now: float) -> None:
        """Everything that a step waits for has settled: it becomes ready, or there is no more reason for it to run."""
        compiled = frame.block.steps[step_id]
        steps = frame.state.steps
        if compiled.handles:
            self._end_error_handler(frame, step_id, now)
        elif self.stopping is not None:
            return  # `ending` cancels it
        elif any(steps[other].fails_dependants for other in compiled.requires):
            self._skip(frame, step_id, UPSTREAM_FAILED, now)
        elif (reads := compiled.reads) and all((steps.get(o) or frame.step(o)).status == "skipped" for o in reads):
            self._skip(frame, step_id, "upstream_skipped", now)
        else:
            self.turns.add(frame, compiled)

    def _end_error_handler(self, frame: Frame, step_id: str, now: float) -> None:
        """All steps that it handles have settled: it is as it ended last, or it was never needed."""
        step = frame.state.steps[step_id]
        needed = any(frame.state.steps[each].status == "failed" for each in frame.block.steps[step_id].handles)
        if step.status != "pending":
            self.settle(frame, step_id, now)
        elif step.reason or not needed:
            self._skip(frame, step_id, step.reason or "not_needed", now)
        # else the run is being stopped: `ending` cancels it

    # -- the end ------

    @property
    def finished(self) -> bool:
        """Nothing runs and nothing more will. Not before `start`, which a signal may precede."""
        return self.started and not self.running_activities and (self.stopping is not None or self.root.unsettled == 0)

    def stop(self, why: Stop, now: float, *, reason: str = "", save_partial: bool = True) -> None:
        """Bring the run to an end: nothing new starts, running steps are told. The first call counts."""
        if self.stopping is not None or self.finished:
            return
        self.stopping = why
        self.stop_reason = reason or why
        self.save_partial = save_partial
        self._to_cancel.update(dict.fromkeys(self.running_activities))
        for failed in self.handling.give_up():
            self.settle(self.root, failed, now)
        if why == "cancelled":
            self.tell("run.cancelling", now, reason=self.stop_reason)
        self.controls.close_all(self.root, self.stop_reason, now)

    def tell(self, event_type: str, now: float, path: str | None = None, **data: Any) -> None:
        """Something that watchers should hear of."""
        event = RunEvent(type=event_type, at=now, data=data)
        if path is not None:
            event["step_id"] = path
        self._events.append(event)
