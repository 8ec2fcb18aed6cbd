"""Who holds how much of which pool, and when. Whoever changes that opens the book first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from store.scheduling_tables import BOOK, RESERVATIONS


@dataclass(frozen=True, slots=True)
class Taken:
    """Units of a pool that are not to be had from one moment to another."""

    pool: str
    begins_at: datetime
    ends_at: datetime
    amount: float


@dataclass(frozen=True, slots=True)
class Held(Taken):
    """Those that a step of a scheduled workflow holds."""

    workflow_id: UUID
    step_id: str


def open_book(session: Session) -> int:
    """Have pools and reservations alone until the transaction ends; returns the new edition."""
    statement = update(BOOK).values(edition=BOOK.c.edition + 1).returning(BOOK.c.edition)
    edition: int = session.execute(statement).scalar_one()
    return edition


def current_edition(session: Session) -> int:
    """The edition as it is; what was read with it holds as long as it is the same."""
    edition: int = session.execute(select(BOOK.c.edition)).scalar_one()
    return edition


def reserve(session: Session, reservations: Iterable[Held]) -> None:
    """Add reservations."""
    rows = [
        {
            "id": uuid4(),
            "workflow_id": each.workflow_id,
            "step_id": each.step_id,
            "pool": each.pool,
            "begins_at": each.begins_at,
            "ends_at": each.ends_at,
            "amount": each.amount,
        }
        for each in reservations
    ]
    if rows:
        session.execute(insert(RESERVATIONS), rows)


def release(session: Session, workflow_id: UUID) -> None:
    """Give back all that a workflow has reserved."""
    session.execute(delete(RESERVATIONS).where(RESERVATIONS.c.workflow_id == workflow_id))


def release_from(session: Session, workflow_id: UUID, moment: datetime) -> None:
    """A workflow is over: give back what begins later, and the rest of what is held at that moment."""
    columns = RESERVATIONS.c
    session.execute(delete(RESERVATIONS).where(columns.workflow_id == workflow_id, columns.begins_at >= moment))
    session.execute(
        update(RESERVATIONS).where(columns.workflow_id == workflow_id, columns.ends_at > moment).values(ends_at=moment)
    )


def list_held(session: Session, after: datetime) -> list[Held]:
    """What is held at some time after that moment, and by whom; by begin."""
    columns = RESERVATIONS.c
    statement = select(
        columns.pool, columns.begins_at, columns.ends_at, columns.amount, columns.workflow_id, columns.step_id
    ).where(columns.ends_at > after)
    rows = session.execute(statement.order_by(columns.begins_at, columns.workflow_id, columns.step_id, columns.pool))
    return [Held(*row) for row in rows]


def list_taken(
    session: Session,
    after: datetime,
    *,
    before: datetime | None = None,
    pools: Collection[str] | None = None,
    except_by: UUID | None = None,
) -> list[Taken]:
    """What is held at some time after `after` (and before `before`), whoever holds it, by begin. What is held of a pool
    from the same moment to the same is one. `pools` None: of all; `except_by`: a workflow that does not count."""
    columns = RESERVATIONS.c
    span = (columns.pool, columns.begins_at, columns.ends_at)
    statement = select(*span, func.sum(columns.amount)).where(columns.ends_at > after)
    if before is not None:
        statement = statement.where(columns.begins_at < before)
    if pools is not None:
        statement = statement.where(columns.pool.in_(pools))
    if except_by is not None:
        statement = statement.where(columns.workflow_id != except_by)
    rows = session.execute(statement.group_by(*span).order_by(columns.begins_at, columns.pool, columns.ends_at))
    return [Taken(*row) for row in rows]
