"""Schedules of workflows: their rows, changed one edition at a time until Temporal has each."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.errors import NotFound
from definitions.ids import to_uuid
from store.columns import now
from store.dialects import insert_into
from store.schedule_tables import SCHEDULES, WorkflowSchedule


def find_schedule(session: Session, workflow_id: str, *, lock: bool = False) -> WorkflowSchedule | None:
    """The schedule of a workflow, as it is now. `lock`: nobody else changes it, or starts a run of it, until the
    transaction ends."""
    found = session.get(
        WorkflowSchedule, to_uuid(workflow_id), populate_existing=True, with_for_update=True if lock else None
    )
    return None if found is None or found.deleted else found


def get_schedule(
    session: Session, workflow_id: str, *, owner: str | None = None, lock: bool = False
) -> WorkflowSchedule:
    """The same; another owner's is not found. Raises `NotFound` (`schedule_not_found`)."""
    found = find_schedule(session, workflow_id, lock=lock)
    if found is None or owner not in (None, found.owner):
        raise NotFound(
            f"there is no schedule of {workflow_id}",
            code="schedule_not_found",
            remedy="make one, or activate the workflow where its document has one",
            foreign=found is not None,
        )
    return found


def put_schedule(
    session: Session, workflow_id: str, *, owner: str, document: dict[str, Any], paused: bool | None, note: str
) -> WorkflowSchedule:
    """The schedule made, or changed in place. `paused` None: as it is."""
    moment = now()
    state = {} if paused is None else {"paused": paused, "note": note}
    row = {
        "id": to_uuid(workflow_id),
        "owner": owner,
        "document": document,
        "paused": bool(paused),
        "note": note,
        "deleted": False,
        "edition": 1,
        "applied_edition": 0,
        "missed_seen": 0,
        "due_since": moment,
        "checked_at": moment,
        "created_at": moment,
        "updated_at": moment,
    }
    changed = {
        "document": document,
        "edition": SCHEDULES.c.edition + 1,
        "due_since": moment,
        "updated_at": moment,
        "deleted": False,
        **state,
    }
    insert = insert_into(session, SCHEDULES).values(row)
    session.execute(insert.on_conflict_do_update(index_elements=[SCHEDULES.c.id], set_=changed))
    return get_schedule(session, workflow_id)


def delete_schedule(session: Session, schedule: UUID) -> None:
    """From now on there is none; Temporal has to be told, and then the row is removed with its occurrences."""
    session.execute(
        update(SCHEDULES)
        .where(SCHEDULES.c.id == schedule, SCHEDULES.c.deleted.is_(False))
        .values(edition=SCHEDULES.c.edition + 1, updated_at=now(), deleted=True)
    )


def change_schedule(session: Session, row: WorkflowSchedule, **changed: Any) -> None:
    """Another edition of it, which Temporal has to be told of."""
    session.execute(
        update(SCHEDULES)
        .where(SCHEDULES.c.id == row.id)
        .values(edition=SCHEDULES.c.edition + 1, updated_at=now(), **changed)
    )


def note_schedule(session: Session, workflow_id: str, **columns: Any) -> None:
    """Columns that Temporal need not be told of."""
    session.execute(update(SCHEDULES).where(SCHEDULES.c.id == to_uuid(workflow_id)).values(**columns))


def mark_applied(session: Session, workflow_id: str, edition: int) -> None:
    """Temporal has this edition, or no longer has what was deleted with it."""
    same = SCHEDULES.c.id == to_uuid(workflow_id)
    session.execute(update(SCHEDULES).where(same).values(applied_edition=edition))
    session.execute(delete(SCHEDULES).where(same, SCHEDULES.c.deleted, SCHEDULES.c.edition == edition))


def unapplied(session: Session, older_than: datetime, *, limit: int = 100) -> list[WorkflowSchedule]:
    """Schedules, deleted ones too, of which Temporal has another edition; changed before that moment."""
    rows = WorkflowSchedule
    statement = select(rows).where(col(rows.applied_edition) != col(rows.edition), col(rows.updated_at) < older_than)
    return list(session.scalars(statement.order_by(col(rows.updated_at)).limit(limit)))


def unapplied_one(session: Session, workflow_id: str) -> WorkflowSchedule | None:
    """The row of a schedule, deleted or not, to be told to Temporal."""
    return session.get(WorkflowSchedule, to_uuid(workflow_id), populate_existing=True)


def longest_unchecked(session: Session, *, before: datetime, limit: int) -> list[WorkflowSchedule]:
    """Those whose missed starts were looked for longest ago."""
    rows = WorkflowSchedule
    statement = select(rows).where(col(rows.deleted).is_(False), col(rows.checked_at) < before)
    return list(session.scalars(statement.order_by(col(rows.checked_at)).limit(limit)))


def list_schedules(
    session: Session, *, owner: str | None, limit: int = 50, offset: int = 0
) -> tuple[list[WorkflowSchedule], int]:
    """One page, newest first, and how many there are in all. `owner` None: everybody's."""
    rows = WorkflowSchedule
    statement = select(rows).where(col(rows.deleted).is_(False))
    if owner is not None:
        statement = statement.where(col(rows.owner) == owner)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    page = statement.order_by(col(rows.created_at).desc(), col(rows.id)).limit(limit).offset(offset)
    return list(session.scalars(page)), total


def active_schedules(session: Session) -> list[WorkflowSchedule]:
    """All that are neither paused nor deleted, everybody's."""
    rows = WorkflowSchedule
    statement = select(rows).where(col(rows.paused).is_(False), col(rows.deleted).is_(False))
    return list(session.scalars(statement.order_by(col(rows.id))))
