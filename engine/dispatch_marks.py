"""Noting that Temporal took a run: many at once, beside the runs.

A run whose note is lost with its process is brought to Temporal once more by the relay, which changes nothing there.
"""

from __future__ import annotations

import asyncio

import structlog

from store import instances
from store.database import Database, StoreUnavailable

_log = structlog.get_logger()

GATHER_SECONDS = 0.05


class DispatchMarks:
    """Writes notes in the background. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, str] = {}
        self._writing: asyncio.Task[None] | None = None

    def add(self, execution_id: str, temporal_run_id: str) -> None:
        """Temporal has taken this run, as that run of its own."""
        self._waiting[execution_id] = temporal_run_id
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def close(self) -> None:
        """Returns when what was added is written, or given up."""
        if self._writing is not None:
            await self._writing

    async def _write_soon(self) -> None:
        try:
            await asyncio.sleep(GATHER_SECONDS)
            while self._waiting:
                marks, self._waiting = self._waiting, {}
                try:
                    await asyncio.to_thread(self._write, marks)
                except StoreUnavailable as error:
                    _log.warning("the relay will have to note what Temporal took", runs=len(marks), error=str(error))
        finally:
            # Whatever it was that went wrong: the next note starts again.
            self._writing = None

    def _write(self, marks: dict[str, str]) -> None:
        with self._database.write() as session:
            instances.mark_dispatched(session, marks)
