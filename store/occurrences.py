"""The times at which schedules were due: what came of each, and which runs of a schedule are open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.ids import to_uuid
from store.dialects import insert_into
from store.schedule_tables import OCCURRENCES, ScheduleOccurrence
from store.tables import INSTANCES

_CHUNK = 200


def get_occurrence(session: Session, execution_id: str) -> ScheduleOccurrence | None:
    """By the id of its run, as it is now."""
    return session.get(ScheduleOccurrence, to_uuid(execution_id), populate_existing=True)


def change_occurrence(session: Session, execution_id: str, **columns: Any) -> None:
    """Columns of one."""
    session.execute(update(OCCURRENCES).where(OCCURRENCES.c.id == to_uuid(execution_id)).values(**columns))


def add_occurrences(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Those that are not there yet. Each has at least `id`, `schedule_id`, `due_at`, `kind` and `state`."""
    whole = [{**_EMPTY, **row} for row in rows]
    for start in range(0, len(whole), _CHUNK):
        insert = insert_into(session, OCCURRENCES).values(whole[start : start + _CHUNK])
        session.execute(insert.on_conflict_do_nothing(index_elements=[OCCURRENCES.c.id]))


_EMPTY: dict[str, Any] = {
    "reason": "",
    "message": "",
    "overlap": None,
    "launcher_id": "",
    "launcher_run": "",
    "launched_at": None,
    "decided_at": None,
    "count": 1,
}


def ask_again(session: Session, ids: Iterable[UUID], *, kind: str, overlap: str | None) -> None:
    """Those among them that were skipped, or only asked for, are to be launched."""
    wanted = list(ids)
    for start in range(0, len(wanted), _CHUNK):
        session.execute(
            update(OCCURRENCES)
            .where(
                OCCURRENCES.c.id.in_(wanted[start : start + _CHUNK]), OCCURRENCES.c.state.in_(("skipped", "requested"))
            )
            .values(
                state="requested",
                kind=kind,
                overlap=overlap,
                reason="",
                message="",
                launcher_run="",
                decided_at=None,
                count=1,
            )
        )


def remove_requested(session: Session, execution_id: str) -> None:
    """One that was asked for and that nobody has launched."""
    occurrence = OCCURRENCES.c
    session.execute(
        delete(OCCURRENCES).where(
            occurrence.id == to_uuid(execution_id), occurrence.state == "requested", occurrence.launcher_run == ""
        )
    )


def open_runs(session: Session, schedule: UUID) -> list[UUID]:
    """The runs of a schedule that are not over, the oldest start first."""
    statement = (
        select(OCCURRENCES.c.id)
        .join(INSTANCES, INSTANCES.c.id == OCCURRENCES.c.id)
        .where(OCCURRENCES.c.schedule_id == schedule, OCCURRENCES.c.state == "started", INSTANCES.c.closed_at.is_(None))
    )
    return list(session.scalars(statement.order_by(OCCURRENCES.c.decided_at, OCCURRENCES.c.id)))


def waiting(session: Session, schedule: UUID) -> list[ScheduleOccurrence]:
    """Those of a schedule that wait for their turn, the one that is due first before the others."""
    rows = ScheduleOccurrence
    statement = select(rows).where(col(rows.schedule_id) == schedule, col(rows.state) == "waiting")
    return list(session.scalars(statement.order_by(col(rows.due_at), col(rows.id))))


def recorded(session: Session, ids: Collection[UUID]) -> dict[UUID, str]:
    """State by id, of those that are there."""
    found: dict[UUID, str] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), _CHUNK):
        statement = select(OCCURRENCES.c.id, OCCURRENCES.c.state).where(
            OCCURRENCES.c.id.in_(wanted[start : start + _CHUNK])
        )
        found.update((row.id, row.state) for row in session.execute(statement))
    return found


def list_occurrences(
    session: Session, schedule: UUID, *, states: Collection[str] | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[tuple[ScheduleOccurrence, str | None]], int]:
    """One page with the status of each run, the latest due first, and how many there are in all."""
    rows = ScheduleOccurrence
    conditions = [col(rows.schedule_id) == schedule]
    if states:
        conditions.append(col(rows.state).in_(states))
    total = session.scalar(select(func.count()).select_from(OCCURRENCES).where(*conditions)) or 0
    statement = (
        select(rows, INSTANCES.c.status)
        .outerjoin(INSTANCES, INSTANCES.c.id == col(rows.id))
        .where(*conditions)
        .order_by(col(rows.due_at).desc(), col(rows.id))
    )
    found = session.execute(statement.limit(limit).offset(offset))
    return [(row, status) for row, status in found], total


def forget_occurrences(session: Session, before: datetime) -> int:
    """Remove those that were due before that moment and are settled; returns how many."""
    settled = OCCURRENCES.c.state.in_(("started", "skipped"))
    over = ~select(INSTANCES.c.id).where(INSTANCES.c.id == OCCURRENCES.c.id, INSTANCES.c.closed_at.is_(None)).exists()
    statement = delete(OCCURRENCES).where(OCCURRENCES.c.due_at < before, settled, over).returning(OCCURRENCES.c.id)
    return len(session.execute(statement).all())
