"""Drives the pure runner as the workflow does, with scripted steps and a simulated clock."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from definitions.calls import ChildCall, StepCall, StepFailure, StepOutcome, StepResult
from definitions.messages import (
    CancelStep,
    CancelTimer,
    Command,
    Decision,
    Ending,
    ReadItems,
    StartChild,
    StartStep,
    StartTimer,
    Stop,
    StoreValue,
)
from definitions.model import Definition
from definitions.program import Program, compile_definition
from definitions.run_state import RunState
from definitions.values import BlobRef, pack, unpack
from workflows.runner import Runner

START = 1_000.0
GRACE = 10.0
BLOB_SECONDS = 0.25
"""What blob storage takes for each request."""


@dataclass(frozen=True)
class Behaviour:
    """What a step does when it is started."""

    output: Any = None
    seconds: float = 1.0
    error: str | None = None
    """The error class that it fails with."""
    context: Mapping[str, Any] = field(default_factory=dict)
    deaf: bool = False
    """It does not end when it is told to."""


Script = Callable[[StepCall], Behaviour]
Children = Callable[[ChildCall], Behaviour]


def scripted(behaviours: Mapping[str, Behaviour], otherwise: Behaviour | None = None) -> Script:
    """Behaviours by step id."""
    fallback = otherwise or Behaviour()
    return lambda call: behaviours.get(call.step_id, fallback)


@dataclass(frozen=True)
class Started:
    """A step that the runner started, and how it had come so far."""

    at: float
    activity_id: str
    call: StepCall
    settled: frozenset[str]
    running: int
    paused: bool
    stopping: bool


class Driver:
    """One run in simulated time. Steps' ends are handled in the order of their times, then of their starts.

    `checkpoints` holds numbers of events (1 is the first) after which the run drains, is written as JSON, and goes on
    in a new runner. `checkpoint`: what the run goes on from, in place of its input. `children`: what workflows that are
    steps do; without it they return their input. `depth`: how many runs are above this one.
    """

    def __init__(
        self,
        definition: Definition,
        script: Script,
        *,
        run_input: Any = None,
        checkpoints: Collection[int] = (),
        checkpoint: dict[str, Any] | None = None,
        children: Children | None = None,
        depth: int = 0,
    ) -> None:
        self._depth = depth
        self.program: Program = compile_definition(definition, "sha256:test")
        if checkpoint is None:
            state = RunState.new(self.program.order, run_input, dict(definition.context))
        else:
            state = RunState.from_checkpoint(self.program.root, checkpoint)
        self.runner = self._runner(state)
        self.now = START
        self.started: list[Started] = []
        self.commands: list[tuple[float, Command]] = []
        self.batches: list[list[Command]] = []
        self.events: list[tuple[str, str | None]] = []
        self.settled_inside: list[StepOutcome] = []
        """How steps inside of others ended, as far as that was told."""
        self.checkpoints_taken = 0
        self.blobs: dict[str, list[Any]] = {}
        """Lists in blob storage by digest."""
        self.most_kept = 0
        """How many instances of blocks there were at once, at most."""
        self.ending: Ending | None = None
        self._script = script
        self._children = children or (lambda call: Behaviour(output=unpack(call.input, call.slots)))
        self._timers: dict[str, int] = {}
        self._checkpoints = frozenset(checkpoints)
        self._handled = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0
        self._deaf: set[str] = set()
        self._ended: set[str] = set()

    # -- what the outside does ------

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something that many seconds after the start."""
        self._later(START + seconds, action)

    def pause(self) -> None:
        self.runner.pause(self.now)

    def resume(self) -> None:
        self.runner.resume(self.now)

    def stop(self, why: Stop = "cancelled", *, reason: str = "", save_partial: bool = True) -> None:
        """Stop the run; what has not ended after the grace period is abandoned."""
        self.runner.stop(why, self.now, reason=reason, save_partial=save_partial)
        self._later(self.now + GRACE, self._abandon)

    def send(self, name: str, data: Any = None, event_id: str = "") -> None:
        self.runner.event_received(name, data, self.now, event_id)

    def decide(self, path: str, approved: bool = True, **said: Any) -> None:
        self.runner.decided(path, Decision(approved, **said), self.now)

    # -- the run ------

    def run(self) -> Ending:
        """Drive the run to its end."""
        self.begin()
        while not self.runner.finished:
            self.advance()
        self.ending = self.runner.ending(self.now)
        self._take_events()
        return self.ending

    def begin(self) -> None:
        """Start the runner, and what it wants to start first."""
        self.runner.start(self.now)
        self._obey()

    def advance(self) -> None:
        """Let the next thing happen, and do what the runner wants then."""
        assert self._queue, f"the run is stuck: {self.runner.state.counts}"
        self.now, _, action = heapq.heappop(self._queue)
        action()
        self._handled += 1
        if self._handled in self._checkpoints:
            self.runner.draining = True
        self._obey()
        self.most_kept = max(self.most_kept, len(self.runner.controls.frames))
        if self.runner.draining and self.runner.drained and not self.runner.finished:
            self._checkpoint()

    def outcome(self, step_id: str) -> StepOutcome:
        return self.runner.state.outcome(step_id)

    def told(self) -> dict[str, tuple[str, str]]:
        """Status and reason of every step."""
        return {step_id: (step.status, step.reason) for step_id, step in self.runner.state.steps.items()}

    def _runner(self, state: RunState) -> Runner:
        return Runner(self.program, state, execution_id="exec_test", depth=self._depth)

    def _obey(self) -> None:
        while True:
            stopping = self.runner.stopping is not None
            batch = self.runner.commands(self.now)
            self.batches.append(batch)
            for command in batch:
                self.commands.append((self.now, command))
                if isinstance(command, CancelStep):
                    self._tell(command.activity_id)
                elif isinstance(command, StartStep):
                    self._start(command, stopping=stopping)
                else:
                    self._obey_control(command)
            self._take_events()
            if not self.runner.backlog:
                break

    def _obey_control(self, command: Command) -> None:
        match command:
            case StartTimer(timer_id, seconds):
                assert timer_id not in self._timers
                self._sequence += 1
                number = self._timers[timer_id] = self._sequence
                self._later(self.now + seconds, lambda: self._fire(timer_id, number))
            case CancelTimer(timer_id):
                del self._timers[timer_id]
            case StartChild(activity_id, call, attach=False):
                behaviour = self._children(call)
                if behaviour.deaf:
                    self._deaf.add(activity_id)
                self._later(self.now + behaviour.seconds, lambda: self._end(activity_id, behaviour))
            case ReadItems(request_id, ref, start, count):
                items = self.blobs[ref.digest]
                told = pack(items[start : start + count])
                length = len(items)
                self._after_a_while(lambda: self.runner.items_read(request_id, length, *told, self.now))
            case StoreValue(request_id, value, slots, after):
                whole = [each for part in after for each in self.blobs[part.digest]]
                ref = self.store([*whole, *unpack(json.loads(json.dumps(value)), slots)])
                self._after_a_while(lambda: self.runner.value_stored(request_id, ref, self.now))

    def store(self, items: list[Any]) -> BlobRef:
        """Put a list into blob storage."""
        ref = BlobRef(f"sha256:{len(self.blobs)}", 100_000)
        self.blobs[ref.digest] = items
        return ref

    def _after_a_while(self, action: Callable[[], None]) -> None:
        self._later(self.now + BLOB_SECONDS, action)

    def _fire(self, timer_id: str, number: int) -> None:
        if self._timers.get(timer_id) == number:
            del self._timers[timer_id]
            self.runner.timer_fired(timer_id, self.now)

    def _start(self, command: StartStep, *, stopping: bool) -> None:
        runner, call = self.runner, command.call
        self.started.append(
            Started(
                at=self.now,
                activity_id=command.activity_id,
                call=call,
                settled=frozenset(step_id for step_id, step in runner.state.steps.items() if step.settled),
                running=runner.running,
                paused=runner.state.paused,
                stopping=stopping,
            )
        )
        # What goes to an activity is JSON, and a value of its own.
        behaviour = self._script(replace(call, input=json.loads(json.dumps(call.input))))
        if behaviour.deaf:
            self._deaf.add(command.activity_id)
        self._later(self.now + behaviour.seconds, lambda: self._end(command.activity_id, behaviour))

    def _end(self, activity_id: str, behaviour: Behaviour) -> None:
        if activity_id in self._ended:
            return
        self._ended.add(activity_id)
        if behaviour.error is not None:
            failure = StepFailure(message=f"{activity_id} failed", error_class=behaviour.error, attempts=1)
            self.runner.step_failed(activity_id, failure, self.now)
            return
        result = StepResult(output=json.loads(json.dumps(behaviour.output)))
        if behaviour.context:
            result["context"] = dict(behaviour.context)
        self.runner.step_completed(activity_id, result, self.now)

    def _tell(self, activity_id: str) -> None:
        """The step is told to end, and does so half a second later."""
        if activity_id not in self._deaf:
            self._later(self.now + 0.5, lambda: self._end_cancelled(activity_id))

    def _end_cancelled(self, activity_id: str) -> None:
        if activity_id not in self._ended:
            self._ended.add(activity_id)
            self.runner.step_cancelled(activity_id, self.now)

    def _abandon(self) -> None:
        self.runner.abandon(self.now)

    def _checkpoint(self) -> None:
        written = json.dumps(self.runner.state.checkpoint())
        self.program = self.runner.program  # another one once the run was changed
        self.runner = self._runner(RunState.from_checkpoint(self.program.root, json.loads(written)))
        self.checkpoints_taken += 1
        self._timers.clear()
        self.runner.start(self.now)
        self._obey()

    def _take_events(self) -> None:
        self.settled_inside += self.runner.settled_inside
        self.runner.settled_inside.clear()
        for event in self.runner.take_events():
            self.events.append((event["type"], event.get("step_id")))

    def _later(self, at: float, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (at, self._sequence, action))
