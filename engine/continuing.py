"""Runs that are over and go on, as the same execution, from what is done.

The row is opened again first, then Temporal starts a new run under the same id from a checkpoint; whatever dies in
between, the relay finishes. What the run goes on from is in the records alone, so that it is the same each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from activities.offloading import offload
from activities.parcel import parcel_of
from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import CheckpointInvalid, Conflict, LongpoleError
from definitions.ids import workflow_id
from definitions.nearest import did_you_mean
from definitions.program import Program, programs
from definitions.run_state import deflated, require_room
from definitions.values import json_size, pack, unpack
from engine.account import Account, ask_for_account
from engine.dispatch import Dispatch
from engine.done_steps import DoneSteps, done_steps, refuse_repeats
from engine.failpoints import failpoint
from engine.outgoing import dispatch_of
from engine.views import Continuation
from store import continuing, instances, templates
from store.blobs import BlobMissing, BlobStore
from store.database import Database, Session
from store.tables import WorkflowInstance
from workflows.timing import MAX_CHECKPOINT_BYTES, SMALL_CHECKPOINT_BYTES

TOLD_STEPS = 100
"""How many of the steps that run again the event `run.continued` names."""
_AS_IT_WENT_ON = "continues"
"""A key of a run's recorded state while that is not how it ended but how it went on."""


@dataclass(frozen=True)
class _Plan:
    run: Dispatch
    done: DoneSteps
    attempts: dict[str, continuing.LastAttempt]
    program: Program


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
        if not _is_accounted_for(row):
            await self._complete_records(row)
            row = await asyncio.to_thread(self._row, execution_id)
        plan = await asyncio.to_thread(self._plan, row, repeat)
        if not await asyncio.to_thread(self._open, row, plan):
            raise _not_over(execution_id, (await asyncio.to_thread(self._row_of, execution_id)).status)
        failpoint("after_reopening")
        done = plan.done
        return plan.run, Continuation(execution_id, done.reused, done.run_again, done.decided_again)

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
                document = _document_of(session, row)
                state = row.execution_state or {"context": document.get("context", {})}
                account = Account((), state["context"])
            assert row.closed_at is not None  # noqa: S101 - it is over
            continuing.complete_records(session, row.execution_id, row.closed_at, account.steps, account.context)

    def _document(self, row: WorkflowInstance) -> dict[str, Any]:
        with self._database.read() as session:
            return _document_of(session, row)

    def _plan(self, row: WorkflowInstance, repeat: Collection[str]) -> _Plan:
        document = self._document(row)
        with self._database.read() as session:
            plan = _planned(session, row, document, self._blobs)
        unknown = [step_id for step_id in repeat if step_id not in plan.program.steps]
        if unknown:
            raise LongpoleError(
                f"{row.execution_id} has no step {unknown[0]!r} that could be repeated",
                code="unknown_step",
                remedy=did_you_mean(unknown[0], plan.program.order),
            )
        refuse_repeats(plan.program, plan.attempts, plan.done.run_again, repeat)
        return plan

    def _open(self, row: WorkflowInstance, plan: _Plan) -> bool:
        done = plan.done
        timeout = plan.program.definition.timeout
        assert row.closed_at is not None  # noqa: S101 - it is over
        with self._database.write() as session:
            return continuing.open_to_continue(
                session,
                row.execution_id,
                closed_at=row.closed_at,
                event_sequence=row.event_sequence,
                execution_state={**(row.execution_state or {}), _AS_IT_WENT_ON: row.temporal_run_id or ""},
                timeout_at=datetime.now(UTC) + timedelta(seconds=timeout) if timeout else None,
                again=[
                    attempt.id
                    for step_id, attempt in plan.attempts.items()
                    if done.state.steps[step_id].status != "completed"
                ],
                data={
                    "was": row.status,
                    "reused": len(done.reused),
                    "run_again": len(done.run_again),
                    "decided_again": len(done.decided_again),
                    "steps": list(done.run_again[:TOLD_STEPS]),
                },
            )


def dispatch_of_continued(
    session: Session, row: WorkflowInstance, document: dict[str, Any], blobs: BlobStore
) -> Dispatch:
    """What Temporal is told of a run whose row is open again. Raises `BlobMissing`, `CheckpointInvalid`."""
    return _planned(session, row, document, blobs).run


def _planned(session: Session, row: WorkflowInstance, document: dict[str, Any], blobs: BlobStore) -> _Plan:
    run = dispatch_of(row, document, parcel_of(document, row.input_data, blobs))
    starts_anew = not row.temporal_run_id  # Temporal never had it
    program = programs.get(document, row.digest)
    attempts = continuing.last_attempts(session, row.execution_id)
    done = done_steps(
        program,
        attempts,
        run_input=None if starts_anew else unpack(run.input, run.slots),
        context=(row.execution_state or {}).get("context") or {},
        started_at=row.started_at.timestamp() if row.started_at else 0.0,
    )
    if starts_anew:
        return _Plan(run, done, attempts, program)
    _require_blobs(done, blobs)
    checkpoint = done.state.checkpoint()
    if json_size(checkpoint) > SMALL_CHECKPOINT_BYTES:
        checkpoint["outputs"] = offload(checkpoint["outputs"], blobs)
        checkpoint = deflated(checkpoint)
    require_room(checkpoint, run.definition, MAX_CHECKPOINT_BYTES)
    # The run's input is in the checkpoint.
    goes_on = replace(run, input=None, slots=[], continues=row.temporal_run_id or "", checkpoint=checkpoint)
    return _Plan(goes_on, done, attempts, program)


def _require_blobs(done: DoneSteps, blobs: BlobStore) -> None:
    for step_id in sorted(done.needed):
        for digest in _digests(pack(done.state.outputs.get(step_id)).slots):
            try:
                blobs.require(digest)
            except BlobMissing as error:
                raise BlobMissing(
                    digest,
                    f"the output of step {step_id!r} is lost, and needed to go on: {error.message}",
                    remedy="restore it from a backup, or start a new run",
                ) from error


def _digests(slots: list[Any]) -> Iterator[str]:
    for slot in slots:
        if "blob" in slot:
            yield slot["blob"][0]
        else:
            yield from _digests(slot["slots"])


def _document_of(session: Session, row: WorkflowInstance) -> dict[str, Any]:
    return templates.get_revision(session, workflow_id(row.template_id), row.revision).definition


def _is_accounted_for(row: WorkflowInstance) -> bool:
    """Whether the run's state at its end is recorded: one that was terminated or lost left none."""
    state = row.execution_state
    return isinstance(state, dict) and "context" in state and _AS_IT_WENT_ON not in state


_WHY_NOT = {
    "completed": ("completed: there is nothing left to do", "start a new run"),
    "paused": ("paused, not over", "let it go on with `resume`"),
    "pending": ("pending: it has yet to begin, or to go on", "wait for it"),
    "cancelling": ("still being cancelled", "wait until it is cancelled"),
}


def _not_over(execution_id: str, status: str) -> Conflict:
    said, remedy = _WHY_NOT.get(status, (f"{status}: it goes on already", "look at it with `longpole show`"))
    return Conflict(f"{execution_id} is {said}", code="invalid_status", remedy=remedy)
