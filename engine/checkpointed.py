"""Runs that begin with steps that are done: those that go on after they were over, and reruns.

What is done is in the run's own records alone, so that whoever brings it to Temporal, the caller or the relay after a
crash, brings the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from activities.offloading import offload
from activities.outputs import put
from activities.parcel import parcel_of
from definitions.block import around
from definitions.by_reference import reference
from definitions.checkpoint_values import movable, put_back
from definitions.open_state import OpenState
from definitions.program import Program, programs
from definitions.reading_open import read_begun
from definitions.run_state import MOST_INFLATED, deflated, require_room
from definitions.values import digests_in, json_size, pack, unpack
from engine.begun_steps import kept_outside, reading, with_starts
from engine.dispatch import Dispatch
from engine.done_steps import Attempts, DoneSteps, done_steps
from engine.outgoing import dispatch_of
from engine.rerun_plan import RunAsItWas, rerun_plan
from store import continuing
from store.blobs import BlobMissing, BlobStore
from store.database import Session
from store.run_definitions import definition_of
from store.tables import WorkflowInstance
from workflows.timing import SMALL_CHECKPOINT_BYTES

AS_IT_WENT_ON = "continues"
"""A key of a run's recorded state while that is not how it ended but what it goes on with."""

BEGUN = "begun"
"""A key of a rerun's recorded state: what control steps that run in part will find done in them."""


@dataclass(frozen=True)
class Checkpointed:
    """What Temporal is told of a run, and what of it is done."""

    run: Dispatch
    done: DoneSteps
    attempts: dict[str, continuing.LastAttempt]
    program: Program
    reused_inside: frozenset[str]
    """The path ids of steps that are done in control steps that are not."""


def dispatch_of_row(session: Session, row: WorkflowInstance, blobs: BlobStore) -> Dispatch:
    """What Temporal is told of a run that it does not have yet, or has as one that is over.

    Raises `BlobMissing`, `CheckpointInvalid`."""
    if continuing.waits_to_go_on(row) or _is_to_be_forked(row):
        return checkpointed(session, row, blobs).run
    stored = definition_of(session, row)
    parcel = parcel_of(stored.document, row.input_data, blobs)
    return dispatch_of(row, stored.document, parcel, digest=stored.digest)


def checkpointed(session: Session, row: WorkflowInstance, blobs: BlobStore) -> Checkpointed:
    """What a run goes on from by its records. Raises `BlobMissing`, `CheckpointInvalid`."""
    stored = definition_of(session, row)
    parcel = parcel_of(stored.document, row.input_data, blobs)
    run = dispatch_of(row, stored.document, parcel, digest=stored.digest)
    program = programs.get(stored.document, stored.digest)
    attempts = continuing.last_attempts(session, row.execution_id)
    if _is_to_be_forked(row):
        # It may run already though nobody has noted so: what it has done meanwhile is not what it begins with.
        attempts = {step_id: attempt for step_id, attempt in attempts.items() if attempt.settled}
    starts_anew = not row.temporal_run_id and row.forked_from is None  # Temporal never had it
    done = done_steps(
        program,
        attempts,
        run_input=None if starts_anew else unpack(parcel.input, parcel.slots),
        context=(row.execution_state or {}).get("context") or {},
        started_at=row.started_at.timestamp() if row.started_at else 0.0,
    )
    reused_inside: frozenset[str] = frozenset()
    if _is_to_be_forked(row):
        done.state.begun = read_begun(program.root, (row.execution_state or {}).get(BEGUN) or {})
    elif not starts_anew:
        done.state.begun, reused_inside = _done_inside(program, row, attempts, done, blobs)
    if not starts_anew:
        # The run's input is in the checkpoint.
        checkpoint = checkpoint_of(done, program, blobs)
        run = run.going_on(checkpoint, continues=row.temporal_run_id or "")
    return Checkpointed(run, done, attempts, program, reused_inside)


def _done_inside(
    program: Program, row: WorkflowInstance, attempts: Attempts, done: DoneSteps, blobs: BlobStore
) -> tuple[dict[str, OpenState], frozenset[str]]:
    """What is done in control steps that are not, and the path ids of these steps."""
    if all(program.steps[step_id].control is None for step_id in done.run_again):
        return {}, frozenset()
    state = done.state
    before = RunAsItWas(row.execution_id, program, attempts, state.input, state.context, reading(blobs))
    plan = rerun_plan(before, program, state.input)
    begun = {path: each for path, each in plan.begun.items() if around(f"{path}.")[0] not in done.reused}
    return with_starts(program.root, kept_outside(begun, blobs), attempts, done.reused), frozenset(plan.reused)


def checkpoint_of(done: DoneSteps, program: Program, blobs: BlobStore) -> dict[str, Any]:
    """The checkpoint of what is done, in as little room as it takes: as a run makes one that goes on in a new history
    (`workflows.history_length`).

    Raises `BlobMissing`, `CheckpointInvalid`."""
    _require_blobs(done, blobs)
    checkpoint = done.state.checkpoint()
    if json_size(checkpoint) > SMALL_CHECKPOINT_BYTES:
        put_back(checkpoint, offload(movable(checkpoint, program.looked_into), blobs))
        require_room(checkpoint, {}, MOST_INFLATED)
        checkpoint = deflated(checkpoint)
    if json_size(checkpoint) > SMALL_CHECKPOINT_BYTES:
        checkpoint = reference(put(checkpoint, blobs).digest)
    return checkpoint


def _is_to_be_forked(row: WorkflowInstance) -> bool:
    return row.forked_from is not None and row.temporal_run_id is None


def _require_blobs(done: DoneSteps, blobs: BlobStore) -> None:
    for step_id in sorted(done.needed):
        for digest in digests_in(pack(done.state.outputs.get(step_id)).slots):
            try:
                blobs.require(digest)
            except BlobMissing as error:
                raise BlobMissing(
                    digest,
                    f"the output of step {step_id!r} is lost, and needed to go on: {error.message}",
                    remedy="restore it from a backup, or run that step again (`longpole rerun RUN --from STEP`)",
                ) from error
