"""Bugs as somebody could make them: each a change of the runner or the workflow that an open run would notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from definitions import compiling
from definitions.block_state import StepState
from definitions.expressions import compile_expression
from definitions.messages import Command, StartChild, StartStep
from workflows.blob_requests import BlobRequests
from workflows.child_runs import ChildRuns
from workflows.event_recording import EventRecording
from workflows.history_length import HistoryLength
from workflows.limits_of_time import LimitsOfTime
from workflows.runner import Runner
from workflows.temporal_timers import TemporalTimers

Seed = Callable[[pytest.MonkeyPatch], None]


def _commands_changed(change: Callable[[list[Command]], list[Command]]) -> Seed:
    told = Runner.commands

    def changed(self: Runner, now: float) -> list[Command]:
        return change(told(self, now))

    return lambda patch: patch.setattr(Runner, "commands", changed)


def _steps_changed(change: Callable[[StartStep], StartStep]) -> Seed:
    return _commands_changed(lambda all_: [change(each) if isinstance(each, StartStep) else each for each in all_])


def _children_changed(**changes: Any) -> Seed:
    def change(each: Command) -> Command:
        return replace(each, **changes) if isinstance(each, StartChild) else each

    return _commands_changed(lambda all_: [change(each) for each in all_])


def _left_out(owner: object, name: str) -> Seed:
    return lambda patch: patch.setattr(owner, name, lambda *_args, **_named: None)


def _starts_by_name(patch: pytest.MonkeyPatch) -> None:
    """Ready steps in the order of their ids, where definitions list them in another."""
    told = Runner.commands

    def changed(self: Runner, now: float) -> list[Command]:
        return sorted(told(self, now), key=lambda command: getattr(command, "activity_id", ""))

    patch.setattr(Runner, "commands", changed)


def _starts_fewer_at_once(patch: pytest.MonkeyPatch) -> None:
    """One more at once would pass unnoticed: the order stays the same, and replay compares nothing else."""
    made = Runner.__init__

    def changed(self: Runner, *args: Any, **named: Any) -> None:
        made(self, *args, **named)
        self.max_parallel -= 1

    patch.setattr(Runner, "__init__", changed)


def _conditions_always_hold(patch: pytest.MonkeyPatch) -> None:
    class Holds:
        def __init__(self, text: str) -> None:
            compiled = compile_expression(text)
            self.step_ids, self.loop_paths = compiled.step_ids, compiled.loop_paths

        def test(self, _scope: Any) -> bool:
            return True

    patch.setattr(compiling, "compile_expression", Holds)


def _siblings_run_side_by_side(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compiling, "_sequential_siblings", lambda *_args: {})


def _failures_do_not_spread(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StepState, "fails_dependants", property(lambda _self: False))


def _recovery_does_not_count(patch: pytest.MonkeyPatch) -> None:
    ended = Runner._error_handled

    def changed(self: Runner, step_id: str, handled: str, status: Any, output: Any, now: float) -> None:
        ended(self, step_id, handled, status, None, now)

    patch.setattr(Runner, "_error_handled", changed)


SEEDED: Mapping[str, Seed] = {
    "started in reverse": _commands_changed(lambda commands: commands[::-1]),
    "started by name": _starts_by_name,
    "one fewer at once": _starts_fewer_at_once,
    "activity id changed": _steps_changed(lambda step: replace(step, activity_id=f"{step.activity_id}#1")),
    "activity type changed": _steps_changed(
        lambda step: replace(step, call=replace(step.call, handler=f"v2.{step.call.handler}"))
    ),
    "a step left out": _commands_changed(lambda commands: commands[:1]),
    "conditions always hold": _conditions_always_hold,
    "siblings side by side": _siblings_run_side_by_side,
    "failures do not spread": _failures_do_not_spread,
    "recovery does not count": _recovery_does_not_count,
    "the run's timer left out": _left_out(LimitsOfTime, "watch_deadline"),
    "the grace period left out": _left_out(LimitsOfTime, "begin_grace"),
    "continues as new later": _left_out(HistoryLength, "watch"),
    "never paused": _left_out(Runner, "pause"),
    "timers left out": _left_out(TemporalTimers, "start"),
    "children started once more": _children_changed(attach=False),
    "children not told": _left_out(ChildRuns, "tell"),
    "lists not read": _left_out(BlobRequests, "read"),
    "events not recorded": _left_out(EventRecording, "record"),
}
