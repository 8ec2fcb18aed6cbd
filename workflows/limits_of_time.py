"""The two clocks of a run: its timeout, and the grace period of what runs when it is brought to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.messages import CancelRequest

from workflows.runner import Runner


class LimitsOfTime:
    """Tells the runner when a time is over, then calls `woken`."""

    def __init__(self, runner: Runner, woken: Callable[[], None]) -> None:
        self._runner = runner
        self._woken = woken
        self._deadline: asyncio.Task[None] | None = None
        self._active_since = 0.0
        self._grace: asyncio.Task[None] | None = None
        self.grace_seconds = CancelRequest.grace_seconds

    def watch_deadline(self) -> None:
        """The run's timeout goes on; time spent paused does not count."""
        timeout = self._runner.program.definition.timeout
        if timeout is None or self._deadline is not None or self._runner.state.paused or self._runner.stopping:
            return
        self._active_since = workflow.time()
        remaining = max(0.0, timeout - self._runner.state.active_seconds)
        self._deadline = asyncio.create_task(self._time_out_after(remaining))

    def stop_deadline(self) -> None:
        """The run's timeout stands still."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._runner.state.active_seconds += workflow.time() - self._active_since

    def begin_grace(self) -> None:
        """However the run came to be stopped: what runs gets its time to end, once."""
        if self._runner.stopping is not None and self._grace is None:
            self.stop_deadline()
            self._grace = asyncio.create_task(self._abandon_after(self.grace_seconds))

    def close(self) -> None:
        """The run has ended."""
        self.stop_deadline()
        if self._grace is not None:
            self._grace.cancel()

    async def _time_out_after(self, seconds: float) -> None:
        await workflow.sleep(timedelta(seconds=seconds))
        self._deadline = None
        self._runner.stop("timed_out", workflow.time(), reason="the run's timeout is over")
        self._woken()

    async def _abandon_after(self, seconds: float) -> None:
        await workflow.sleep(timedelta(seconds=seconds))
        self._runner.abandon(workflow.time())
        self._woken()
