"""The reconciler: what happened behind our back.

Runs terminated in the Temporal web UI end in the records too, runs that were reset there go on, and runs that
Temporal no longer knows are said to be lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError
from temporalio.exceptions import TimeoutError as TemporalTimeoutError
from temporalio.service import RPCError, RPCStatusCode

from activities.outcome import OutcomeWriter
from definitions.calls import FINAL_RUN_STATUSES, OutcomePage, RunStatus
from definitions.messages import WORKFLOW_TYPE, CancelRequest
from engine.account import QUERY_TIMEOUT, outcome_pages
from store import children, instances
from store.database import Database

_log = structlog.get_logger()

SETTLING = timedelta(seconds=3)
"""A run writes its outcome just before it ends in Temporal: a difference that is younger says nothing."""
PAGE = 500
QUERIES = 3
"""How often a run that has ended is asked for its outcome before Temporal's own word has to do."""

_ENDED: dict[WorkflowExecutionStatus, RunStatus] = {
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "cancelled",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
}
_BY_TEMPORAL = (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT)
"""Ends that the workflow itself had no part in, and no account of."""


class Reconciler:
    """Compares the records with Temporal, which is the truth about a run while it runs."""

    def __init__(
        self, database: Database, client: Client, outcomes: OutcomeWriter, *, query_timeout: timedelta = QUERY_TIMEOUT
    ) -> None:
        self._database = database
        self._client = client
        self._outcomes = outcomes
        self._query_timeout = query_timeout
        self._unanswered: Counter[str] = Counter()

    async def once(self) -> int:
        """One round; returns how many runs were put right. Raises what a missing database or Temporal raises."""
        running = {execution_id async for execution_id in self._running()}
        return await self._end_what_is_over(running) + await self._reopen_what_goes_on(running)

    async def _running(self) -> AsyncIterator[str]:
        query = f"WorkflowType = '{WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"
        async for each in self._client.list_workflows(query, page_size=1000):
            yield each.id

    async def _end_what_is_over(self, running: set[str]) -> int:
        """Open rows whose run is not among those that Temporal runs."""
        changed = 0
        after: str | None = None
        before = datetime.now(UTC) - SETTLING
        while True:
            page = await asyncio.to_thread(self._open_page, after)
            for execution_id, dispatched_at in page:
                if execution_id not in running and dispatched_at is not None and dispatched_at < before:
                    changed += await self._try_to_take_over(execution_id)
            if len(page) < PAGE:
                return changed
            after = page[-1][0]

    def _open_page(self, after: str | None) -> list[tuple[str, datetime | None]]:
        with self._database.read() as session:
            rows = instances.open_instances(session, after=after, limit=PAGE)
            return [(row.execution_id, row.dispatched_at) for row in rows]

    async def _try_to_take_over(self, execution_id: str) -> int:
        """A run that nobody can tell of now (e.g. no worker takes its task queue) must not keep it from the others."""
        try:
            return await self._take_over(execution_id)
        except RPCError as error:
            if error.status is RPCStatusCode.UNAVAILABLE:
                raise
            _log.warning("how a run ended can't be told yet", execution_id=execution_id, error=str(error))
            return 0

    async def _take_over(self, execution_id: str) -> int:
        """End the row as Temporal ended the run. The list of running ones may be late: the run itself is asked."""
        try:
            description = await self._client.get_workflow_handle(execution_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if await asyncio.to_thread(self._waits_for_parent, execution_id):
                return 0  # it is for the parent to bring it there, which may be about to
            await self._end_children(execution_id, "lost")
            lost = {"message": "Temporal no longer knows this run", "error_class": "lost"}
            return await self._finish(execution_id, "failed", datetime.now(UTC), None, lost)
        status = _ENDED.get(description.status) if description.status is not None else None
        if status is None or self._may_be_writing(description):
            return 0
        output, told, has_outcome = await self._result(execution_id, description)
        pages = await self._outcome(execution_id, description) if has_outcome else []
        self._unanswered.pop(execution_id, None)
        if pages:
            await asyncio.to_thread(self._outcomes.write, pages)
            return 1
        if description.status in _BY_TEMPORAL:
            await self._end_children(execution_id, "terminated")
        at = description.close_time or datetime.now(UTC)
        return await self._finish(execution_id, status, at, output, told, description.run_id)

    def _waits_for_parent(self, execution_id: str) -> bool:
        with self._database.read() as session:
            return children.waits_for_parent(session, execution_id)

    async def _end_children(self, execution_id: str, how: str) -> None:
        """A run that ended without a word could not tell the runs that are its steps to end: before it is taken note
        of, so that a crash leaves nothing undone."""

        def read() -> list[str]:
            with self._database.read() as session:
                return children.open_children(session, execution_id)

        for child in await asyncio.to_thread(read):
            request = CancelRequest(reason=f"the run that it is a step of, {execution_id}, was {how}")
            try:
                await self._client.get_workflow_handle(child).signal("cancel", asdict(request))
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    def _may_be_writing(self, description: WorkflowExecutionDescription) -> bool:
        """Whether the worker that ended the run just now should be left to write its outcome."""
        closed = description.close_time
        return description.status not in _BY_TEMPORAL and closed is not None and closed > datetime.now(UTC) - SETTLING

    async def _outcome(self, execution_id: str, description: WorkflowExecutionDescription) -> list[OutcomePage]:
        """The outcome by the workflow's own account: some worker replays its history. Empty: it never had one."""
        if self._unanswered[execution_id] >= QUERIES:
            _log.warning("no worker can tell how the steps of a run ended", execution_id=execution_id)
            return []
        handle = self._client.get_workflow_handle(execution_id, run_id=description.run_id)
        try:
            return await outcome_pages(handle, "outcome", self._query_timeout)
        except RPCError:
            self._unanswered[execution_id] += 1
            raise

    async def _result(
        self, execution_id: str, description: WorkflowExecutionDescription
    ) -> tuple[Any, dict[str, Any] | None, bool]:
        """Result and error as Temporal has them, and whether the workflow has an account of its own.

        What failed before it was a run, and what Temporal ended, has none: to ask would be to wait for nothing."""
        try:
            handle = self._client.get_workflow_handle(execution_id, run_id=description.run_id)
            return await handle.result(follow_runs=False), None, True
        except WorkflowFailureError as failure:
            cause = failure.cause
            if isinstance(cause, TerminatedError):
                told = {"message": f"terminated in Temporal: {cause.message}", "error_class": "terminated"}
                return None, told, False
            if isinstance(cause, TemporalTimeoutError):
                return None, {"message": "its Temporal timeout is over", "error_class": "run_timeout"}, False
            told_by_runner = isinstance(cause, CancelledError) or (
                isinstance(cause, ApplicationError) and cause.details
            )
            error_class = cause.type if isinstance(cause, ApplicationError) and cause.type else "error"
            return None, {"message": str(cause), "error_class": error_class}, bool(told_by_runner)

    async def _finish(
        self,
        execution_id: str,
        status: RunStatus,
        at: datetime,
        output: Any,
        error: dict[str, Any] | None,
        run_id: str | None = None,
    ) -> int:
        def write() -> bool:
            with self._database.write() as session:
                return instances.finish(
                    session,
                    execution_id,
                    status=status,
                    completed_at=at,
                    output=output,
                    error=error,
                    event_data={"reconciled": True},
                    temporal_run_id=run_id,
                )

        changed = await asyncio.to_thread(write)
        if changed:
            _log.info("took over how a run ended", execution_id=execution_id, status=status)
        return int(changed)

    async def _reopen_what_goes_on(self, running: set[str]) -> int:
        """Rows that are over, of runs that Temporal runs: they were reset."""
        before = datetime.now(UTC) - SETTLING
        reopened = 0
        for execution_id in await asyncio.to_thread(self._over, sorted(running), before):
            description = await self._client.get_workflow_handle(execution_id).describe()
            if description.status is WorkflowExecutionStatus.RUNNING:
                reopened += await asyncio.to_thread(self._reopen, execution_id, description.run_id)
        return reopened

    def _over(self, execution_ids: list[str], before: datetime) -> list[str]:
        found = []
        with self._database.read() as session:
            for start in range(0, len(execution_ids), PAGE):
                rows = instances.by_ids(session, execution_ids[start : start + PAGE])
                found += [
                    row.execution_id
                    for row in rows
                    if row.status in FINAL_RUN_STATUSES and row.closed_at is not None and row.closed_at < before
                ]
        return found

    def _reopen(self, execution_id: str, run_id: str) -> int:
        with self._database.write() as session:
            reopened = instances.reopen(session, execution_id, run_id)
        if reopened:
            _log.info("a run that was over goes on in Temporal", execution_id=execution_id)
        return int(reopened)
