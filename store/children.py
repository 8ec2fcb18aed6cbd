"""Runs that are steps of other runs."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from definitions.ids import execution_id as id_of
from definitions.ids import to_uuid
from store.tables import INSTANCES


def waits_for_parent(session: Session, execution_id: str) -> bool:
    """Whether the run is a step of a run that is not over."""
    parent = select(INSTANCES.c.parent_id).where(INSTANCES.c.id == to_uuid(execution_id)).scalar_subquery()
    found = select(INSTANCES.c.id).where(INSTANCES.c.id == parent, INSTANCES.c.closed_at.is_(None))
    return session.scalar(found) is not None


def descendants(session: Session, execution_id: str) -> list[str]:
    """The runs that are steps of this one, or of these."""
    columns = INSTANCES.c
    found: list[str] = []
    around = [to_uuid(execution_id)]
    while around:
        statement = select(columns.id).where(columns.parent_id.in_(around)).order_by(columns.id)
        around = list(session.scalars(statement))
        found += [id_of(child) for child in around]
    return found


def open_children(session: Session, execution_id: str) -> list[str]:
    """The runs that are steps of this one and are not over, by id."""
    columns = INSTANCES.c
    statement = select(columns.id).where(columns.parent_id == to_uuid(execution_id), columns.closed_at.is_(None))
    return [id_of(child) for child in session.scalars(statement.order_by(columns.id))]
