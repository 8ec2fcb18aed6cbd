"""Runs that are over and go on, as the same execution, from what is done.

The row is opened again first, then Temporal starts a new run under the same id from a checkpoint; whatever dies in
between, the relay finishes. What the run goes on from is in the records alone, so that it is the same each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from temporalio.client import Client

from definitions.block import step_at
from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import CheckpointInvalid, Conflict, LongpoleError
from definitions.nearest import did_you_mean
from engine.account import Account, ask_for_account
from engine.checkpointed import AS_IT_WENT_ON, Checkpointed, checkpointed
from engine.dispatch import Dispatch
from engine.done_steps import refuse_repeats
from engine.failpoints import failpoint
from engine.views import Continuation
from store import continuing, instances
from store.blobs import BlobStore
from store.database import Database
from store.run_definitions import definition_of
from store.tables import WorkflowInstance
from store.timeouts import deadline

TOLD_STEPS = 100
"""How many of the steps that run again the events `run.continued` and `run.forked` name."""


class Continuing:
    """Opens runs that are over. Blocking database work runs in threads."""

    def __init__(self, database: Database, blobs: BlobStore, client: Client) -> None:
        self._database = database
        self._blobs = blobs
        self._client = client

    async def open(self, execution_id: str, repeat: Collection[str]) -> tuple[Dispatch, Continuation]:
        """Open the row, so that the run goes on whatever dies now; what is to be brought to Temporal, and what it is.

        Raises what `Executions.continue_run` raises."""
        row = await asyncio.to_thread(self._row, execution_id)
        if await self.account_for(row):
            row = await asyncio.to_thread(self._row, execution_id)
        plan = await asyncio.to_thread(self._plan, row, repeat)
        if not await asyncio.to_thread(self._open, row, plan):
            raise _not_over(execution_id, (await asyncio.to_thread(self._row_of, execution_id)).status)
        failpoint("after_reopening")
        done = plan.done
        return plan.run, Continuation(execution_id, done.reused, done.run_again, done.decided_again)

    async def account_for(self, row: WorkflowInstance) -> bool:
        """See to it that the records of a run that is over tell how each step stood; whether they had to be completed.

        Raises `CheckpointInvalid` (`run_state_lost`), `Conflict`, `ServiceUnavailable`."""
        if _is_accounted_for(row):
            return False
        await self._complete_records(row)
        return True

    def _row(self, execution_id: str) -> WorkflowInstance:
        row = self._row_of(execution_id)
        if row.status not in FINAL_RUN_STATUSES or row.status == "completed":
            raise _not_over(execution_id, row.status)
        return row

    def _row_of(self, execution_id: str) -> WorkflowInstance:
        with self._database.read() as session:
            return instances.get_instance(session, execution_id)

    async def _complete_records(self, row: WorkflowInstance) -> None:
        """Ask Temporal how the steps stood when the run ended without a word, e.g. because it was terminated."""
        account: Account | None = None
        if row.temporal_run_id:
            document = await asyncio.to_thread(self._document, row)
            handlers = set(document.get("error_handlers", {}).values())
            account = await ask_for_account(self._client, row.execution_id, error_handlers=handlers)
        await asyncio.to_thread(self._write_account, row, account)

    def _write_account(self, row: WorkflowInstance, account: Account | None) -> None:
        with self._database.write() as session:
            if account is None:
                attempts = continuing.last_attempts(session, row.execution_id).values()
                if any(not attempt.settled for attempt in attempts):
                    raise CheckpointInvalid(
                        f"nobody can tell any more how {row.execution_id} stood when it ended: Temporal does not have "
                        "it, or not in a form that this version can read, and it left no account of itself",
                        code="run_state_lost",
                        remedy="start a new run",
                    )
                document = definition_of(session, row).document
                state = row.execution_state or {"context": document.get("context", {})}
                account = Account((), state["context"])
            assert row.closed_at is not None  # noqa: S101 - it is over
            continuing.complete_records(session, row.execution_id, row.closed_at, account.steps, account.context)

    def _document(self, row: WorkflowInstance) -> dict[str, Any]:
        with self._database.read() as session:
            return definition_of(session, row).document

    def _plan(self, row: WorkflowInstance, repeat: Collection[str]) -> Checkpointed:
        with self._database.read() as session:
            plan = checkpointed(session, row, self._blobs)
        unknown = [path for path in repeat if step_at(plan.program.root, path) is None]
        if unknown:
            raise LongpoleError(
                f"{row.execution_id} has no step {unknown[0]!r} that could be repeated",
                code="unknown_step",
                remedy=did_you_mean(unknown[0], plan.program.order),
            )
        refuse_repeats(plan.program, plan.attempts, plan.done.run_again, repeat, reused=plan.reused_inside)
        return plan

    def _open(self, row: WorkflowInstance, plan: Checkpointed) -> bool:
        done = plan.done
        assert row.closed_at is not None  # noqa: S101 - it is over
        with self._database.write() as session:
            return continuing.open_to_continue(
                session,
                row.execution_id,
                closed_at=row.closed_at,
                event_sequence=row.event_sequence,
                execution_state={**(row.execution_state or {}), AS_IT_WENT_ON: row.temporal_run_id or ""},
                timeout_at=deadline(plan.program.definition),
                again=[
                    attempt.id
                    for step_id, attempt in plan.attempts.items()
                    if step_id in done.state.steps and done.state.steps[step_id].status != "completed"
                ],
                data={
                    "was": row.status,
                    "reused": len(done.reused),
                    "run_again": len(done.run_again),
                    "decided_again": len(done.decided_again),
                    "steps": list(done.run_again[:TOLD_STEPS]),
                },
            )


def _is_accounted_for(row: WorkflowInstance) -> bool:
    """Whether the run's state at its end is recorded: one that was terminated or lost left none."""
    state = row.execution_state
    return isinstance(state, dict) and "context" in state and AS_IT_WENT_ON not in state


_WHY_NOT = {
    "completed": ("completed: there is nothing left to do", "start a new run"),
    "paused": ("paused, not over", "let it go on with `resume`"),
    "pending": ("pending: it has yet to begin, or to go on", "wait for it"),
    "cancelling": ("still being cancelled", "wait until it is cancelled"),
}


def _not_over(execution_id: str, status: str) -> Conflict:
    said, remedy = _WHY_NOT.get(status, (f"{status}: it goes on already", "look at it with `longpole show`"))
    return Conflict(f"{execution_id} is {said}", code="invalid_status", remedy=remedy)
