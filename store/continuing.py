"""Runs that were over and go on from what is done: what the records have of their steps, and how rows are reopened.

An open row with a duration is that of a run which was continued: the duration is what it has taken so far. Until
Temporal has taken it, `temporal_run_id` is the Temporal run that it goes on from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from definitions.calls import StepOutcome
from definitions.ids import to_uuid
from store import events
from store.columns import now
from store.locks import LockedRun, chunks, locked_runs
from store.outcomes import record_outcome_steps
from store.records import EventRecord
from store.steps import seconds_between
from store.tables import EVENTS, STEPS, WorkflowInstance

CONTINUED = "run.continued"


@dataclass(frozen=True)
class LastAttempt:
    """The last attempt of a step; attempt 0 stands for a step that no attempt is known of."""

    id: UUID
    step_id: str
    attempt: int
    status: str
    reason: str
    started_at: datetime | None
    completed_at: datetime | None
    output: Any
    slots: list[Any] | None
    error_message: str | None
    error_class: str | None
    starts: int
    """How often the step has begun; a start that came no further than its condition or references counts, too."""
    settled: bool
    context: dict[str, Any] | None
    """What it added to the run's shared context, as far as is recorded."""
    artifacts: list[dict[str, Any]]


def last_attempts(session: Session, execution_id: str) -> dict[str, LastAttempt]:
    """Of each step that has records its last attempt, by step id."""
    columns, run_id = STEPS.c, to_uuid(execution_id)
    place = func.row_number().over(
        partition_by=columns.step_id, order_by=(columns.start.desc(), columns.attempt_number.desc())
    )
    began = columns.started_at.is_not(None)
    starts = func.max(case((began, columns.start), else_=0)).over(partition_by=columns.step_id)
    ranked = (
        select(columns.id, place.label("place"), starts.label("starts"))
        .where(columns.workflow_instance_id == run_id)
        .subquery()
    )
    rows = session.execute(
        select(
            columns.id,
            columns.step_id,
            columns.attempt_number.label("attempt"),
            columns.status,
            columns.reason,
            columns.started_at,
            columns.completed_at,
            columns.output_data.label("output"),
            columns.output_slots.label("slots"),
            columns.error_message,
            columns.error_class,
            ranked.c.starts,
            columns.settled,
            columns.context_data.label("context"),
            columns.artifacts,
        )
        .join(ranked, ranked.c.id == columns.id)
        .where(ranked.c.place == 1)
    )
    return {row["step_id"]: LastAttempt(**row) for row in rows.mappings()}


def complete_records(
    session: Session, execution_id: str, closed_at: datetime, outcomes: Sequence[StepOutcome], context: dict[str, Any]
) -> bool:
    """Writes how the steps of a run stood by the workflow's own account, where it ended without giving one.

    False, with nothing changed: the run is not there, or not the one any more that was closed at that moment."""
    with locked_runs(session, [execution_id]) as runs:
        run = runs.get(execution_id)
        if run is None or run.closed_at != closed_at:
            return False
        record_outcome_steps(session, run, outcomes)
        run.change(execution_state={"context": context})
        return True


def open_to_continue(
    session: Session,
    execution_id: str,
    *,
    closed_at: datetime,
    event_sequence: int,
    execution_state: dict[str, Any],
    timeout_at: datetime | None,
    again: Collection[UUID],
    data: Mapping[str, Any],
) -> bool:
    """Opens a run that is over, so that Temporal is to take it once more, and appends the event `run.continued`.

    `again`: the last attempts of steps that are not done. They stay as they were, and say that another follows; those
    of steps that never began go. False, with nothing changed: the run is no longer as it was when it closed then."""
    with locked_runs(session, [execution_id]) as runs:
        run = runs.get(execution_id)
        if run is None or (run.closed_at, run.event_sequence) != (closed_at, event_sequence):
            return False
        key = _key(run.temporal_run_id) if run.temporal_run_id else None
        events.append(session, [EventRecord(execution_id, CONTINUED, now(), data=dict(data), key=key)], runs=runs)
        run.change(
            status="pending",
            dispatched_at=None,
            output_data=None,
            output_slots=None,
            error=None,
            execution_state=execution_state,
            completed_at=None,
            duration_seconds=run.duration_seconds or 0.0,
            timeout_at=timeout_at,
            closed_at=None,
        )
        # What is recorded late of the attempts there have been must not change what was gone on from.
        session.execute(update(STEPS).where(STEPS.c.workflow_instance_id == run.id).values(settled=True))
        for ids in chunks(sorted(again)):
            session.execute(delete(STEPS).where(STEPS.c.id.in_(ids), STEPS.c.started_at.is_(None)))
            session.execute(update(STEPS).where(STEPS.c.id.in_(ids)).values(will_retry=True))
        return True


def waits_to_go_on(row: WorkflowInstance) -> bool:
    """Whether the run is to go on from an earlier Temporal run, and Temporal does not have it yet."""
    return row.closed_at is None and row.dispatched_at is None and row.temporal_run_id is not None


def is_superseded(session: Session, run: LockedRun, temporal_run_id: str | None) -> bool:
    """Whether the run has been continued from that Temporal run: how that one ended is no news any more."""
    if not temporal_run_id:
        return False
    another = run.temporal_run_id not in (None, temporal_run_id)
    if not (another if run.closed else run.duration_seconds is not None):
        return False  # nearly always: no need to ask
    found = select(EVENTS.c.sequence).where(EVENTS.c.instance_id == run.id, EVENTS.c.key == _key(temporal_run_id))
    return session.execute(found).first() is not None


def time_taken(session: Session, run: LockedRun, started_at: datetime | None, ended_at: datetime) -> float | None:
    """Seconds that an open run has taken when it ends at that moment, without those between an end and going on."""
    if run.duration_seconds is None:
        return seconds_between(started_at, ended_at)
    continued_at = session.scalar(
        select(EVENTS.c.at)
        .where(EVENTS.c.instance_id == run.id, EVENTS.c.type == CONTINUED)
        .order_by(EVENTS.c.sequence.desc())
        .limit(1)
    )
    return run.duration_seconds + (seconds_between(continued_at, ended_at) or 0.0)


def _key(temporal_run_id: str) -> str:
    return f"continued/{temporal_run_id}"
