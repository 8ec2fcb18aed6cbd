"""Runs whose row is there are brought to Temporal: at once, or by the relay where something died in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from definitions.errors import CheckpointInvalid, LongpoleError, ServiceUnavailable
from engine.checkpointed import dispatch_of_row
from engine.dispatch import Dispatch, dispatch
from engine.dispatch_again import dispatch_again
from engine.dispatch_marks import DispatchMarks
from engine.failpoints import failpoint
from store import instances
from store.blobs import BlobError, BlobStore
from store.database import Database

_log = structlog.get_logger()


class Bringing:
    """How runs get to Temporal, and those end that it refuses."""

    def __init__(
        self, database: Database, blobs: BlobStore, client: Client, task_queue: str, max_history_events: int
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._client = client
        self._task_queue = task_queue
        self._max_history_events = max_history_events
        self._marks = DispatchMarks(database)

    async def close(self) -> None:
        """Finish what is written in the background."""
        await self._marks.close()

    async def bring(self, run: Dispatch) -> None:
        """Bring a run to Temporal; where that does not answer, the relay does it later."""
        try:
            await self._to_temporal(run)
        except (ServiceUnavailable, RPCError) as error:
            _log.warning(
                "Temporal did not take the run yet; the relay will bring it",
                execution_id=run.execution_id,
                error=str(error),
            )

    async def relay(self, rows_older_than: datetime, limit: int = 100) -> int:
        """Bring runs to Temporal that were left between the row and Temporal; returns how many.

        Raises `ServiceUnavailable` when Temporal or the database does not answer.
        """

        def read() -> tuple[list[Dispatch], dict[str, LongpoleError]]:
            runs: list[Dispatch] = []
            lost: dict[str, LongpoleError] = {}
            with self._database.read() as session:
                for row in instances.undispatched(session, rows_older_than, limit=limit):
                    try:
                        runs.append(dispatch_of_row(session, row, self._blobs))
                    except (BlobError, CheckpointInvalid) as error:
                        lost[row.execution_id] = error
            return runs, lost

        runs, lost = await asyncio.to_thread(read)
        for execution_id, error in lost.items():
            await asyncio.to_thread(self._fail, execution_id, str(error), error.code)
        brought = 0
        for run in runs:
            try:
                await self._to_temporal(run)
            except RPCError as error:
                # It answers: what it has against this run must not keep it from the others.
                _log.warning("Temporal does not take a run", execution_id=run.execution_id, error=str(error))
            else:
                brought += 1
        return brought

    async def _to_temporal(self, run: Dispatch) -> None:
        try:
            start = dispatch_again if run.continues else dispatch
            told = replace(run, run_input=replace(run.run_input, max_history_events=self._max_history_events))
            run_id = await start(self._client, self._task_queue, told)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            await asyncio.to_thread(self._fail, run.execution_id, f"Temporal refused the run: {error.message}")
            return
        failpoint("after_start")
        self._marks.add(run.execution_id, run_id or "")

    def _fail(self, execution_id: str, message: str, error_class: str = "refused") -> None:
        """End a run that can never start."""
        _log.error("a run can't be started", execution_id=execution_id, error=message)
        with self._database.write() as session:
            instances.finish(
                session,
                execution_id,
                status="failed",
                completed_at=datetime.now(UTC),
                error={"message": message, "error_class": error_class},
            )
