"""Attempts of steps, as the worker saw them and as the workflow settles them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Subquery, Update, and_, bindparam, case, func, not_, null, or_, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.ids import to_uuid
from store.dialects import insert_class, is_postgres
from store.locks import Runs, chunks, locked_runs
from store.records import AttemptRecord, ProgressRecord
from store.tables import STEPS, WorkflowStepExecution

_AttemptKey = tuple[str, str, int, int]

_REPLACED = (
    "status",
    "output_data",
    "output_slots",
    "error_message",
    "error_traceback",
    "error_class",
    "will_retry",
    "completed_at",
    "duration_seconds",
    "usage",
    "artifacts",
)


def record_attempts(session: Session, records: Sequence[AttemptRecord], *, runs: Runs | None = None) -> int:
    """Stores attempts: a newer record replaces the older, but `running` never replaces an end, and what the workflow
    has settled is only filled in (input, worker). The first sets the run's start and its status, pending to running.

    Returns how many were dropped because their run has no row. `runs`: the rows, if they are locked already."""
    with locked_runs(session, (record.execution_id for record in records), runs) as locked:
        # A run that has ended learns nothing from an attempt that is said to have begun.
        news = _newest(
            [
                record
                for record in records
                if record.execution_id in locked
                and not (record.status == "running" and locked[record.execution_id].closed)
            ]
        )
        if news:
            rows = [_attempt_row(record, locked[record.execution_id].id) for record in news]
            session.execute(_upsert(is_postgres(session)), rows)
            _start_runs(news, locked)
        return sum(record.execution_id not in locked for record in records)


def _newest(records: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    newest: dict[_AttemptKey, AttemptRecord] = {}
    for record in records:
        key = (record.execution_id, record.step_id, record.start, record.attempt)
        if record.status != "running" or key not in newest:
            newest[key] = record
    return list(newest.values())


@cache
def _upsert(for_postgres: bool) -> Any:
    # Made once: to make it takes as long as to execute it.
    statement = insert_class(for_postgres)(STEPS)
    new, old = statement.excluded, STEPS.c
    changes: dict[str, Any] = {name: case((old.settled, old[name]), else_=new[name]) for name in _REPLACED}
    # The workflow keeps not every output to its end: what it settled without is filled in.
    unsaid = and_(old.output_data.is_(null()), old.output_slots.is_(null()), old.status == "completed")
    for name in ("output_data", "output_slots"):
        changes[name] = case(
            (and_(old.settled, not_(and_(unsaid, new.status == "completed"))), old[name]), else_=new[name]
        )
    for name in ("input_data", "input_slots", "context_data", "measured"):
        changes[name] = func.coalesce(new[name], old[name])
    changes |= {
        "started_at": func.coalesce(old.started_at, new.started_at),
        "max_attempts": new.max_attempts,
        "worker": new.worker,
    }
    return statement.on_conflict_do_update(
        index_elements=[old.workflow_instance_id, old.step_id, old.start, old.attempt_number],
        set_=changes,
        where=or_(new.status != "running", old.status == "running"),
    )


def _attempt_row(record: AttemptRecord, run_id: UUID) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "workflow_instance_id": run_id,
        "step_id": record.step_id,
        "status": record.status,
        "attempt_number": record.attempt,
        "max_attempts": record.max_attempts,
        "input_data": record.input_data,
        "input_slots": record.input_slots or None,
        "output_data": record.output_data,
        "output_slots": record.output_slots or None,
        "context_data": record.context_data,
        "error_message": record.error_message,
        "error_traceback": record.error_traceback,
        "started_at": record.started_at,
        "completed_at": record.completed_at,
        "duration_seconds": seconds_between(record.started_at, record.completed_at),
        "start": record.start,
        "will_retry": record.will_retry,
        "error_class": record.error_class,
        "usage": record.usage,
        "measured": record.measured,
        "artifacts": record.artifacts,
        "progress": None,
        "progress_label": "",
        "reason": "",
        "worker": record.worker,
        "settled": False,
    }


def begun_at(session: Session, execution_id: str, step_ids: Collection[str]) -> dict[tuple[str, int], datetime]:
    """When these steps of a run have begun, by path and start, as far as is recorded."""
    columns = STEPS.c
    found: dict[tuple[str, int], datetime] = {}
    for ids in chunks(sorted(step_ids)):
        rows = session.execute(
            select(columns.step_id, columns.start, columns.started_at).where(
                columns.workflow_instance_id == to_uuid(execution_id),
                columns.step_id.in_(ids),
                columns.started_at.is_not(None),
            )
        )
        found |= {(row.step_id, row.start): row.started_at for row in rows}
    return found


def seconds_between(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    """How long something took; None while an end of it is not known. Never negative, though clocks differ."""
    if started_at is None or ended_at is None:
        return None
    return max(0.0, (ended_at - started_at).total_seconds())


def _start_runs(records: Sequence[AttemptRecord], runs: Runs) -> None:
    for record in sorted(records, key=lambda record: record.started_at):
        run = runs[record.execution_id]
        if run.closed:
            continue
        if run.started_at is None:
            run.change(started_at=record.started_at)
        if run.status in ("scheduled", "pending"):
            run.change(status="running")


def record_progress(session: Session, records: Sequence[ProgressRecord], *, runs: Runs | None = None) -> int:
    """Stores what running steps last said; returns how many were dropped because their run has no row."""
    with locked_runs(session, (record.execution_id for record in records), runs) as locked:
        known = [record for record in records if record.execution_id in locked]
        newest = sorted(known, key=lambda record: record.at)
        last = {(locked[record.execution_id].id, record.step_id): record for record in newest}
        if last:
            session.execute(
                _PROGRESS,
                [
                    {
                        "run": run_id,
                        "step": step_id,
                        "fraction": record.fraction,
                        "label": record.label,
                        "used": record.usage,
                        "seen": record.measured,
                    }
                    for (run_id, step_id), record in last.items()
                ],
            )
        return len(records) - len(known)


_PROGRESS: Update = (
    update(STEPS)
    .where(
        STEPS.c.workflow_instance_id == bindparam("run"),
        STEPS.c.step_id == bindparam("step"),
        STEPS.c.status == "running",
    )
    .values(
        progress=bindparam("fraction"),
        progress_label=bindparam("label"),
        usage=func.coalesce(bindparam("used", type_=STEPS.c.usage.type), STEPS.c.usage),
        measured=func.coalesce(bindparam("seen", type_=STEPS.c.measured.type), STEPS.c.measured),
    )
)


@dataclass(frozen=True)
class StepFilter:
    """Which attempts of a run. `inner`: only those of steps that are inside of control steps, or only those of the
    outermost ones; `within`: only of steps inside of the step with that path; `path`: only of that step; `statuses`: of
    the attempts listed."""

    inner: bool | None = None
    within: str | None = None
    path: str | None = None
    statuses: Collection[str] | None = None

    @property
    def of_steps(self) -> list[ColumnElement[bool]]:
        """The conditions that hold for all attempts of a step, or for none."""
        path = STEPS.c.step_id
        conditions: list[ColumnElement[bool]] = []
        if self.inner is not None:
            conditions.append(path.like("%.%") if self.inner else path.not_like("%.%"))
        if self.within is not None:
            # Not `like`, which takes small letters for capitals on SQLite.
            begins = [func.substr(path, 1, len(self.within) + 1) == self.within + mark for mark in ".["]
            conditions.append(or_(*begins))
        if self.path is not None:
            conditions.append(path == self.path)
        return conditions


def list_steps(
    session: Session,
    execution_id: str,
    *,
    last_only: bool = False,
    wanted: StepFilter | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[WorkflowStepExecution]:
    """The attempts of a run in the order they began, those of steps that never ran at the end.

    `last_only`: of each step only the last attempt."""
    rows = WorkflowStepExecution
    wanted = wanted or StepFilter()
    run_id = to_uuid(execution_id)
    statement = select(rows).where(col(rows.workflow_instance_id) == run_id, *wanted.of_steps)
    if last_only:
        ranked = _last_attempts(run_id, wanted)
        statement = statement.join(ranked, ranked.c.id == col(rows.id)).where(ranked.c.rank == 1)
    if wanted.statuses is not None:
        statement = statement.where(col(rows.status).in_(wanted.statuses))
    statement = statement.order_by(
        col(rows.started_at).is_(None),
        col(rows.started_at),
        col(rows.step_id),
        col(rows.start),
        col(rows.attempt_number),
    )
    return list(session.scalars(statement.limit(limit).offset(offset)))


@dataclass(frozen=True, slots=True)
class BegunAttempt:
    """When an attempt ran, and what it has used."""

    run_id: UUID
    step_id: str
    started_at: datetime
    completed_at: datetime | None
    usage: dict[str, float]


def begun_attempts(session: Session, run_ids: Collection[UUID]) -> list[BegunAttempt]:
    """All attempts of some runs that have begun, in no order."""
    columns = STEPS.c
    statement = select(
        columns.workflow_instance_id, columns.step_id, columns.started_at, columns.completed_at, columns.usage
    ).where(columns.workflow_instance_id.in_(run_ids), columns.started_at.is_not(None))
    return [BegunAttempt(*row) for row in session.execute(statement)]


def count_steps(session: Session, execution_id: str, wanted: StepFilter) -> dict[str, int]:
    """How many steps there are of which the last attempt has each status."""
    ranked = _last_attempts(to_uuid(execution_id), wanted)
    statement = select(ranked.c.status, func.count()).where(ranked.c.rank == 1).group_by(ranked.c.status)
    if wanted.statuses is not None:
        statement = statement.where(ranked.c.status.in_(wanted.statuses))
    return dict(session.execute(statement.order_by(ranked.c.status)).all())


def _last_attempts(run_id: UUID, wanted: StepFilter) -> Subquery:
    """The attempts of a run, of which the last of each step has `rank` 1."""
    columns = STEPS.c
    place = func.row_number().over(
        partition_by=columns.step_id, order_by=(columns.start.desc(), columns.attempt_number.desc())
    )
    statement = select(columns.id, columns.status, place.label("rank"))
    return statement.where(columns.workflow_instance_id == run_id, *wanted.of_steps).subquery()
