"""When a run and its steps may start, by plan. Moved by the signal `reschedule`; timers of the run keep it, so that it
survives every restart.

A step that is held counts as one of those in flight: its turn has come, and only its hour has not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.messages import RunInput, StartStep, Timetable

from workflows.runner import Runner
from workflows.steps_in_flight import StepsInFlight


class Hours:
    """The timetable of one run."""

    def __init__(self, run: RunInput, runner: Runner, steps: StepsInFlight) -> None:
        self._runner = runner
        self._steps = steps
        self._timetable = Timetable(run.starts_at, run.step_starts)
        self._editions = 0

    @property
    def timetable(self) -> Timetable:
        """As it is now."""
        return self._timetable

    def change(self, timetable: Timetable) -> None:
        """Another timetable: what is held is looked at anew."""
        self._timetable = timetable
        self.look_again()

    def look_again(self) -> None:
        """Something may have changed for what is held."""
        self._editions += 1

    @property
    def is_before_start(self) -> bool:
        """Whether the run's own hour has not come yet."""
        return self._timetable.start > workflow.time()

    async def until_start(self, woken: Callable[[], bool]) -> None:
        """Return when the hour has come, or something has happened."""
        await self._wait(self._timetable.start, woken)

    def holds(self, command: StartStep) -> bool:
        """Whether a step whose turn has come has to wait for its hour."""
        return self._due(command) > workflow.time()

    def start_later(self, command: StartStep) -> None:
        """Start the step at its hour, which may still move, and not while the run is paused."""
        self._steps.watch(command.activity_id, asyncio.create_task(self._start_at_its_hour(command)))

    async def _start_at_its_hour(self, command: StartStep) -> Any:
        while self.holds(command) or self._runner.state.paused:
            edition = self._editions
            due = self._due(command)
            await self._wait(due, lambda edition=edition: self._editions != edition)  # type: ignore[misc]
        return await self._steps.activity(command)

    def _due(self, command: StartStep) -> float:
        return self._timetable.steps.get(command.call.step_id, 0.0)

    async def _wait(self, until: float, changed: Callable[[], bool]) -> None:
        seconds = until - workflow.time()
        try:
            await workflow.wait_condition(changed, timeout=seconds if seconds > 0 else None)
        except TimeoutError:
            return
