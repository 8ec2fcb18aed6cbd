"""The pure state machine of a run: events in, commands out. No Temporal, no clock, no randomness, no I/O.

`DagWorkflow` drives it with activities; mock runs and tests drive it with anything else, so that all follow the same
rules (`docs/definitions.md`). Whoever drives it calls `start` once, then in turn takes `commands()` and reports what
happened (`step_completed`, `step_failed`, `step_cancelled`, `timer_fired`, `event_received`, `decided`, `items_read`,
`value_stored`, `request_failed`, `pause`, `resume`, `stop`, `abandon`), until `finished`.

Each event costs time in proportion to the edges of the step that it is about: a run of n steps and m edges takes
O(n log n + m).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Any

from definitions.calls import RunEvent, StepFailure
from definitions.messages import CancelStep, Command, Decision, Ending, Start
from definitions.program import Program
from definitions.values import BlobRef
from workflows.ending import ending, settle_unstarted
from workflows.frames import Frame
from workflows.stepping import Stepping
from workflows.turns import Turn, most_in_flight

MAX_TASK_BYTES = 1024 * 1024
"""What one workflow task schedules; gRPC refuses 4 MiB, and each command has its own overhead."""
MAX_TASK_STEPS = 500
"""Steps looked at in one go: a workflow task that computes for two seconds is taken for a deadlock."""


class Runner(Stepping):
    """One run of a compiled definition."""

    draining = False
    """Start nothing new, so that a checkpoint can be taken."""
    backlog = False
    """`commands()` stopped at a limit and has more to say: call it again in another workflow task."""

    # -- what happens to a run ------

    def start(self, now: float) -> None:
        """Begin, or go on from the state that the runner was made with."""
        self.started = True
        if not self.state.started_at and self.stopping is None:  # else it only ends: it never began
            self.state.started_at = now
        for frame, free in self.controls.restore(self.root, now):
            self.set_out(frame, free, now)

    def go_by(self, program: Program, now: float, *, inside: bool = False) -> None:
        """Go by another definition from now on, in which all that has started is as it was (`workflows.changing`).

        `inside`: blocks that are under way have changed, too."""
        root, state = self.root, self.state
        self.program = program
        state.max_parallel = None
        self.max_parallel = most_in_flight(program, state)
        state.counts["pending"] += sum(step_id not in state.steps for step_id in program.order)
        changed = list(self.controls.frames_by(program.root)) if inside else [(root, program.root)]
        for frame, block in changed:
            frame.go_by(block)
            for step_id, opened in frame.opened.items():
                opened.compiled = block.steps[step_id]
        if self.started:
            self.handling.give_up()
            counted = []
            for frame, _ in changed:
                self.turns.forget(frame)
                counted.append((frame, self.count(frame)))
            for frame, free in counted:
                self.set_out(frame, free, now)

    def limit_to(self, steps: int) -> None:
        """Let no more steps be in flight at once from now on, whatever the definition says."""
        self.state.max_parallel = steps
        self.max_parallel = most_in_flight(self.program, self.state)

    def pause(self, now: float) -> None:
        """Close the dispatch gate: running steps end, nothing new starts, the timeouts of control steps stand still."""
        if not self.state.paused and self.stopping is None:
            self.state.paused = True
            self.controls.timers.pause(now)
            self.tell("run.paused", now)

    def resume(self, now: float) -> None:
        """Open the gate again."""
        if self.state.paused:
            self.state.paused = False
            self.controls.timers.resume(now)
            self.tell("run.resumed", now)

    def timer_fired(self, timer_id: str, now: float) -> None:
        """A timer has ended. While the run is paused it settles its step, and starts nothing."""
        self.controls.timers.fired(timer_id, now)

    def check_event(self, name: str, data: Any) -> None:
        """Raises `EventRefused` when `event_received` would."""
        self.controls.waits.check(name, data)

    def event_received(self, name: str, data: Any, now: float, event_id: str = "") -> None:
        """Somebody has sent an event: the wait for it that began first takes it; without one it is kept for the next.
        One with the id of an earlier one is dropped.

        Raises `EventRefused` when there are too many that nothing has taken, or the run is over."""
        self.controls.waits.received(name, data, now, event_id)

    def check_decision(self, path: str, decision: Decision) -> None:
        """Raises `DecisionRefused` when `decided` would."""
        self.controls.approvals.check(path, decision)

    def decided(self, path: str, decision: Decision, now: float) -> None:
        """Somebody has answered an approval.

        Raises `DecisionRefused` (`not_an_approval`, `not_an_approver`, `values_invalid`)."""
        self.controls.approvals.decided(path, decision, now)

    def items_read(self, request_id: str, length: int, items: list[Any], slots: list[Any], now: float) -> None:
        """What `ReadItems` asked for, and how long the whole list is."""
        self.controls.loops.read(request_id, length, items, slots, now)

    def value_stored(self, request_id: str, ref: BlobRef, now: float) -> None:
        """Where the value of a `StoreValue` is now."""
        self.controls.loops.stored(request_id, ref, now)

    def request_failed(self, request_id: str, failure: StepFailure, now: float) -> None:
        """A `ReadItems` or `StoreValue` can't be done: its control step fails."""
        self.controls.loops.request_failed(request_id, failure, now)

    # -- what a run is like ------

    @property
    def running(self) -> int:
        """Activities, and workflows that are steps of this one, in flight."""
        return len(self.running_activities)

    @property
    def running_steps(self) -> Iterator[str]:
        """The path ids of the steps in flight, in the order in which they started."""
        return (frame.prefix + step_id for frame, step_id, _ in self.running_activities.values())

    @property
    def drained(self) -> bool:
        """Nothing runs, and nothing is to be said, but what a new history goes on with: waits, approvals, and workflows
        that are steps."""
        return not (self.controls.loops.requests or self.outbox or self._to_cancel) and all(
            step_id in frame.opened for frame, step_id, _ in self.running_activities.values()
        )

    @property
    def approvals(self) -> list[dict[str, Any]]:
        """The approvals that are open (`workflows.approvals`)."""
        return self.controls.approvals.all_open()

    def find(self, path: str) -> tuple[Frame, str] | None:
        """The frame of a step by its path id, and its id there; None where there is none now."""
        cut = path.rfind(".") + 1
        frame = self.controls.frames.get(path[:cut])
        return (frame, path[cut:]) if frame is not None and path[cut:] in frame.state.steps else None

    # -- what a run wants ------

    def commands(self, now: float) -> list[Command]:
        """What to do now. Nothing is started while paused or full; `backlog` says whether a limit cut it short."""
        commands: list[Command] = []
        if self.backlog:
            self.local.renew()
        self.backlog = False
        size = looked_at = 0
        while (take := self._next()) is not None:
            if size >= MAX_TASK_BYTES or looked_at >= MAX_TASK_STEPS or self.local.ends_task:
                self.backlog = True
                break
            looked_at += 1
            command = take(now)
            if command is not None:
                commands.append(command)
                size += command.size
        if self.outbox:
            commands += self.outbox
            self.outbox.clear()
        if self._to_cancel:
            # Last, as the loop itself may have stopped the run; what has ended since it was told needs no telling.
            commands.extend(CancelStep(each) for each in self._to_cancel if each in self.running_activities)
            self._to_cancel.clear()
        return commands

    def _next(self) -> Callable[[float], Start | None] | None:
        """What takes the next turn; None when nothing may start."""
        if self.stopping is not None or self.state.paused or self.draining:
            return None
        turns = self.turns
        if turns.openings:
            return self._take_opening
        if len(self.running_activities) < self.max_parallel:
            if self.handling.failed:
                return self._take_failed
            if turns.outermost:
                return self._take_outermost
            if turns.inner:
                return self._take_inner
        if self.advancing and len(turns.inner) < self.max_parallel:
            return self._take_iteration
        return None

    def _take_outermost(self, now: float) -> Start | None:
        root = self.root
        return self._begin(root, root.block.steps[root.block.order[heapq.heappop(self.turns.outermost)]], None, now)

    def _take_failed(self, now: float) -> Start | None:
        handler = self.handling.take(self.root)
        return self._begin(self.root, *handler, now) if handler is not None else None

    def _take_opening(self, now: float) -> Start | None:
        return self._take_from(self.turns.openings, now)

    def _take_inner(self, now: float) -> Start | None:
        return self._take_from(self.turns.inner, now)

    def _take_from(self, turns: list[Turn], now: float) -> Start | None:
        _, index, frame = heapq.heappop(turns)
        return None if frame.closed else self._begin(frame, frame.block.steps[frame.block.order[index]], None, now)

    def _take_iteration(self, now: float) -> None:
        self.controls.loops.advance(self.advancing.popleft(), now)

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
        cut_short = self.root.unsettled > 0
        self.root.unsettled = 0
        if cut_short:
            settle_unstarted(self.program, self.state, self.stop_reason, now)
        if self.stopping == "cancelled" and not (cut_short or self.state.counts["cancelled"]):
            self.stopping = None  # it came too late to change anything
        return ending(
            self.program,
            self.state,
            self.stopping,
            reason=self.stop_reason,
            save_partial=self.save_partial,
            fails_as=self.fails_as,
        )
