"""Which blobs the records lead to, and since when runs may lead to others that no record knows of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from definitions.values import digests_in
from store.tables import INSTANCES, STEPS

_PAGE = 1_000
_COLUMNS = (STEPS.c.input_slots, STEPS.c.output_slots, INSTANCES.c.output_slots)


def recorded_digests(session: Session) -> Iterator[str]:
    """The digests in all records of runs and attempts; one may come more than once."""
    for column in _COLUMNS:
        rows = session.execute(select(column).where(column.is_not(None)).execution_options(yield_per=_PAGE))
        for (slots,) in rows:
            yield from digests_in(slots or [])


def needed_since(session: Session, closed_after: datetime) -> datetime | None:
    """When the oldest of those runs was created that are open, or were closed after that moment; None: there are none.
    In their histories, and in what they go on with, may be blobs that no record leads to."""
    columns = INSTANCES.c
    found: datetime | None = session.scalar(
        select(func.min(columns.created_at)).where(or_(columns.closed_at.is_(None), columns.closed_at > closed_after))
    )
    return found
