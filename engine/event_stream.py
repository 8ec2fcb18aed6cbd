"""The events of a run as they come, for as long as it goes on. Reads the records; slow readers are waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from definitions.calls import FINAL_RUN_STATUSES
from engine.execution_records import ExecutionRecords
from engine.views import Event

PAGE = 500
_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
SILENCE_SECONDS = 10.0
"""After so long without an event an empty page is given."""


class EventStream:
    """Pages of events after a sequence number, in order and without gaps; it ends once the run is over.

    Nothing is kept of what was told: each reader holds one page at a time."""

    def __init__(self, executions: ExecutionRecords, execution_id: str, after: int) -> None:
        self._executions = executions
        self._execution_id = execution_id
        self._after = after

    async def has_more(self) -> bool:
        """Whether there is, or may come, an event. Raises `ExecutionNotFound`."""
        is_over = await self._is_over()
        return not is_over or bool(await self._page(limit=1))

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        pause, told_at = _SHORTEST_PAUSE, time.monotonic()
        while True:
            is_over = await self._is_over()  # before the page: what ends it is an event itself
            page = await self._page(limit=PAGE)
            if page:
                self._after = page[-1].sequence
                yield page
                pause, told_at = _SHORTEST_PAUSE, time.monotonic()
                continue
            if is_over:
                return
            if time.monotonic() - told_at >= SILENCE_SECONDS:
                yield []
                told_at = time.monotonic()
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _is_over(self) -> bool:
        return await self._executions.status(self._execution_id) in FINAL_RUN_STATUSES

    async def _page(self, *, limit: int) -> list[Event]:
        return await self._executions.events(self._execution_id, after=self._after, limit=limit)
