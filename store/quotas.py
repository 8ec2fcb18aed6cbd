"""Quotas that hold over all processes: one statement counts and decides."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, delete, or_, select
from sqlalchemy.orm import Session

from store.access_tables import QUOTA_USES
from store.dialects import insert_into


def use_quota(
    session: Session, owner: str, kind: str, *, limit: int, window: timedelta, at: datetime
) -> datetime | None:
    """Use one of `limit` in a window that begins with the first use. None: done; else nothing is left until then."""
    columns = QUOTA_USES.c
    over = columns.began_at <= at - window
    insert = insert_into(session, QUOTA_USES).values(owner=owner, kind=kind, began_at=at, used=1)
    counted = insert.on_conflict_do_update(
        index_elements=[columns.owner, columns.kind],
        set_={"used": case((over, 1), else_=columns.used + 1), "began_at": case((over, at), else_=columns.began_at)},
        where=or_(over, columns.used < limit),
    ).returning(columns.used)
    if session.execute(counted).first() is not None:
        return None
    began_at: datetime = session.execute(
        select(columns.began_at).where(columns.owner == owner, columns.kind == kind)
    ).scalar_one()
    return began_at + window


def forget_old_uses(session: Session, before: datetime) -> None:
    """Remove what began before that moment, and so has nothing to say any more."""
    session.execute(delete(QUOTA_USES).where(QUOTA_USES.c.began_at < before))
