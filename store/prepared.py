"""Runs that are stored but not to be run before somebody says so.

Such a row is `pending` and not open: `closed_at` is set until it is released, so that neither relay nor reconciler
takes an interest in it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from definitions.ids import to_uuid
from store.columns import now
from store.instances import create_instance
from store.tables import INSTANCES, WorkflowInstance


def prepare(session: Session, **row: Any) -> WorkflowInstance:
    """The row of a run that waits to be released; takes what `create_instance` takes, and raises what that raises."""
    instance = create_instance(session, **row)
    session.execute(update(INSTANCES).where(INSTANCES.c.id == instance.id).values(closed_at=now()))
    return instance


def is_prepared(row: WorkflowInstance) -> bool:
    """Whether the run waits to be released."""
    return row.status == "pending" and row.closed_at is not None


def release(session: Session, execution_id: str, *, timeout_at: datetime | None) -> bool:
    """From now on the run is to happen. False: it was released before, or there is no such run."""
    released = session.execute(
        update(INSTANCES)
        .where(
            INSTANCES.c.id == to_uuid(execution_id),
            INSTANCES.c.status == "pending",
            INSTANCES.c.closed_at.is_not(None),
        )
        .values(closed_at=None, timeout_at=timeout_at, updated_at=now())
        .returning(INSTANCES.c.id)
    )
    return released.first() is not None


def any_open(session: Session) -> bool:
    """Whether a run is to happen, or goes on."""
    return session.scalar(select(INSTANCES.c.id).where(INSTANCES.c.closed_at.is_(None)).limit(1)) is not None
