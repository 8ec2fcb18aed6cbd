"""Drives the pure runner as the workflow does, with scripted steps and a simulated clock."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from definitions.calls import StepCall, StepFailure, StepOutcome, StepResult
from definitions.messages import CancelStep, Command, Ending, StartStep, Stop
from definitions.model import Definition
from definitions.program import Program, compile_definition
from definitions.run_state import RunState
from workflows.runner import Runner

START = 1_000.0
GRACE = 10.0


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
    in a new runner. `checkpoint`: what the run goes on from, in place of its input.
    """

    def __init__(
        self,
        definition: Definition,
        script: Script,
        *,
        run_input: Any = None,
        checkpoints: Collection[int] = (),
        checkpoint: dict[str, Any] | None = None,
    ) -> None:
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
        self.checkpoints_taken = 0
        self.ending: Ending | None = None
        self._script = script
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
        if self.runner.draining and not self.runner.running and not self.runner.finished:
            self._checkpoint()

    def outcome(self, step_id: str) -> StepOutcome:
        return self.runner.state.outcome(step_id)

    def told(self) -> dict[str, tuple[str, str]]:
        """Status and reason of every step."""
        return {step_id: (step.status, step.reason) for step_id, step in self.runner.state.steps.items()}

    def _runner(self, state: RunState) -> Runner:
        return Runner(self.program, state, execution_id="exec_test")

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
            self._take_events()
            if not self.runner.backlog:
                break

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
        self.runner.start(self.now)
        self._obey()

    def _take_events(self) -> None:
        for event in self.runner.take_events():
            self.events.append((event["type"], event.get("step_id")))

    def _later(self, at: float, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (at, self._sequence, action))
