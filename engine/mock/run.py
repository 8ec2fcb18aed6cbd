"""A mock run: the pure runner, driven by made-up responses on a clock that jumps from one event to the next."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from activities.counting import Tally, judge
from activities.errors import FINAL, PERMANENT, TIMEOUT, Classified
from definitions.block import around
from definitions.calls import ChildCall, RunEvent, StepCall, StepFailure, StepOutcome, StepResult
from definitions.digest import digest
from definitions.messages import CancelStep, StartChild, StartStep
from definitions.model import Definition
from definitions.program import compile_definition
from definitions.run_state import RunState
from definitions.validation import check_input
from definitions.values import unpack
from engine.definitions import core_document
from engine.mock.outside import Outside
from engine.mock.responses import MockResponse, MockResponses
from workflows.runner import Runner

EXECUTION_ID = "exec_mock"
_BEGIN = 1.0
"""The clock's first moment: a start at 0 would be none to the runner."""


@dataclass(frozen=True)
class MockAttempt:
    """One attempt; times in seconds since the start of the run."""

    step_id: str
    attempt: int
    started_at: float
    ended_at: float
    status: str
    """`completed`, `retrying`, `failed` or `cancelled`."""
    input: Any = None
    error_class: str | None = None
    error_message: str | None = None


@dataclass(frozen=True)
class MockRun:
    """How a mock run went."""

    status: str
    seconds: float
    """From its start to its end, on the simulated clock."""
    output: Any
    error: StepFailure | None
    context: dict[str, Any]
    steps: dict[str, StepOutcome]
    """By step id, in the definition's order, each followed by the steps in it by their paths, in the order in which
    they ended; with every output, times as those of attempts."""
    attempts: list[MockAttempt]
    """In the order of their ends."""
    events: list[RunEvent]


@dataclass
class _Running:
    command: StartStep | StartChild
    response: MockResponse
    seconds: float
    failed: int = 0
    begun: float = 0.0
    waiting: bool = False


@dataclass(order=True)
class _Due:
    at: float
    number: int
    action: Callable[[], None] = field(compare=False)


def mock_run(definition: Definition, responses: MockResponses, run_input: Any) -> MockRun:
    """Run a definition with these responses: the same rules as for a real run, no handler called, no time passed.

    A response of more seconds than the step's timeout is an attempt that times out. Raises `InputInvalid`, and
    `LongpoleError` (`mock_waits`, `values_invalid`, ...) where events or answers are missing or can't be taken."""
    check_input(definition, run_input)
    return _Mock(definition, responses, run_input).run()


class _Mock:
    def __init__(self, definition: Definition, responses: MockResponses, run_input: Any) -> None:
        self._definition = definition
        self._responses = responses
        document = core_document(definition)
        self._program = compile_definition(definition, digest(document))
        state = RunState.new(self._program.order, run_input, dict(definition.context))
        self._runner = Runner(self._program, state, execution_id=EXECUTION_ID)
        self._now = _BEGIN
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._running: dict[str, _Running] = {}
        self._outputs: dict[str, Any] = {}
        self._inside: dict[str, list[StepOutcome]] = {}
        """How steps in blocks ended, by the outermost step that they are in."""
        self._outside = Outside(self._runner, responses, lambda: self._now, self._later)
        self._attempts: list[MockAttempt] = []
        self._events: list[RunEvent] = []

    def run(self) -> MockRun:
        runner = self._runner
        runner.start(self._now)
        if self._definition.timeout is not None:
            self._later(self._definition.timeout, lambda: runner.stop("timed_out", self._now, reason="timed_out"))
        self._outside.begin()
        self._obey()
        while not runner.finished:
            if not self._due:
                raise self._outside.stuck()
            due = heapq.heappop(self._due)
            self._now = due.at
            due.action()
            self._obey()
        ending = runner.ending(self._now)
        self._take_events()
        return MockRun(
            status=ending.status,
            seconds=self._now - _BEGIN,
            output=self._outside.whole(ending.output),
            error=ending.error,
            context=runner.state.context,
            steps={told["step_id"]: told for told in self._all_outcomes()},
            attempts=self._attempts,
            events=self._events,
        )

    # -- what the runner wants ------

    def _obey(self) -> None:
        while True:
            for command in self._runner.commands(self._now):
                if isinstance(command, CancelStep):
                    self._cancel(command.activity_id)
                elif isinstance(command, StartStep | StartChild):
                    self._start(command)
                else:
                    self._outside.obey(command)
            self._take_events()
            if not self._runner.backlog:
                self._outside.answer()
                return

    def _start(self, command: StartStep | StartChild) -> None:
        found = self._runner.find(command.call.step_id)
        if found is None:
            raise KeyError(command.call.step_id)  # what has just started is there
        frame, step_id = found
        step = frame.block.steps[step_id].step
        response = self._responses.of(step, command.call.step_id)
        seconds = response.seconds if response.seconds is not None else step.estimated_duration or 0.0
        running = _Running(command, response, seconds)
        self._running[command.activity_id] = running
        self._attempt(running)

    def _cancel(self, activity_id: str) -> None:
        """It is told to end, and does so at once."""
        running = self._running.pop(activity_id)
        if not running.waiting:
            self._note(running, "cancelled")
        self._runner.step_cancelled(activity_id, self._now)

    # -- attempts ------

    def _attempt(self, running: _Running) -> None:
        running.begun, running.waiting = self._now, False
        self._later(min(running.seconds, _timeout(running.command.call)), lambda: self._ended(running))

    def _ended(self, running: _Running) -> None:
        activity_id, call = running.command.activity_id, running.command.call
        if self._running.get(activity_id) is not running:
            return  # cancelled meanwhile
        failure = self._failure(running, call)
        if failure is None:
            del self._running[activity_id]
            self._note(running, "completed")
            self._outputs[call.step_id] = running.response.output
            result = StepResult(output=running.response.output, attempts=running.failed + 1)
            if running.response.context:
                result["context"] = dict(running.response.context)
            self._runner.step_completed(activity_id, result, self._now)
            return
        will_retry, delay = False, 0.0
        if isinstance(call, StepCall):
            verdict = judge(call, Tally(running.failed, 0), failure)
            will_retry, delay = verdict.will_retry, verdict.delay
        message = self._message(running, call)
        self._note(running, "retrying" if will_retry else "failed", failure.error_class, message)
        running.failed += 1
        if will_retry:
            running.waiting = True
            self._later(delay, lambda: self._again(running))
            return
        del self._running[activity_id]
        told = StepFailure(message=message, error_class=failure.error_class, attempts=running.failed)
        self._runner.step_failed(activity_id, told, self._now)

    def _again(self, running: _Running) -> None:
        if self._running.get(running.command.activity_id) is running:
            self._attempt(running)

    @staticmethod
    def _failure(running: _Running, call: StepCall | ChildCall) -> Classified | None:
        errors = running.response.errors
        if running.failed < len(errors):
            said: str | None = errors[running.failed]
        elif running.seconds > _timeout(call):
            said = TIMEOUT
        else:
            said = running.response.always_fails
        return Classified(said, said in PERMANENT | FINAL, said in FINAL) if said is not None else None

    @staticmethod
    def _message(running: _Running, call: StepCall | ChildCall) -> str:
        limit = _timeout(call)
        if running.seconds > limit and running.failed >= len(running.response.errors):
            return f"it takes {running.seconds:g} s and may take {limit:g} s"
        return running.response.message

    # -- bookkeeping ------

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, _Due(self._now + seconds, next(self._numbers), action))

    def _note(self, running: _Running, status: str, error_class: str | None = None, message: str | None = None) -> None:
        call = running.command.call
        self._attempts.append(
            MockAttempt(
                step_id=call.step_id,
                attempt=running.failed + 1,
                started_at=running.begun - _BEGIN,
                ended_at=self._now - _BEGIN,
                status=status,
                input=self._outside.whole(unpack(call.input, call.slots)),
                error_class=error_class,
                error_message=message,
            )
        )

    def _take_events(self) -> None:
        self._events += [RunEvent(**{**event, "at": event["at"] - _BEGIN}) for event in self._runner.take_events()]
        inside, self._runner.settled_inside = self._runner.settled_inside, []
        for told in inside:
            self._inside.setdefault(around(told["step_id"])[0], []).append(self._outcome(told))

    def _all_outcomes(self) -> Iterator[StepOutcome]:
        for step_id in self._program.order:
            yield self._outcome(self._runner.state.outcome(step_id))
            yield from self._inside.get(step_id, ())

    def _outcome(self, told: StepOutcome) -> StepOutcome:
        step_id = told["step_id"]
        told["started_at"] = self._since_start(told.get("started_at"))
        told["completed_at"] = self._since_start(told.get("completed_at"))
        if step_id in self._outputs and told["status"] == "completed":
            told["output"] = self._outputs[step_id]
        elif "output" in told:
            told["output"] = self._outside.whole(unpack(told["output"], told.pop("slots", [])))
        return told

    @staticmethod
    def _since_start(at: float | None) -> float | None:
        return None if at is None else at - _BEGIN


def _timeout(call: StepCall | ChildCall) -> float:
    """Seconds that an attempt may take; a workflow's timeout is the run's business."""
    return call.timeout if isinstance(call, StepCall) else math.inf
