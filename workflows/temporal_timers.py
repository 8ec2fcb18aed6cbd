"""The timers that the runner asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from workflows.runner import Runner
from workflows.timing import LONGEST_TIMER, YIELD


class TemporalTimers:
    """Temporal timers by id. A history may end with timers open: the runner asks for them again in the next one."""

    def __init__(self, runner: Runner, woken: Callable[[], None]) -> None:
        self._runner = runner
        self._woken = woken
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, timer_id: str, seconds: float) -> None:
        """Tell the runner in so many seconds."""
        self._tasks[timer_id] = asyncio.create_task(self._fire_after(timer_id, seconds))

    def cancel(self, timer_id: str) -> None:
        """It is not needed any more; one that has fired never is."""
        task = self._tasks.pop(timer_id, None)
        if task is not None:
            task.cancel()

    async def _fire_after(self, timer_id: str, seconds: float) -> None:
        await workflow.sleep(max(YIELD, timedelta(seconds=min(seconds, LONGEST_TIMER))))
        del self._tasks[timer_id]
        self._runner.timer_fired(timer_id, workflow.time())
        self._woken()
