"""The rows of runs, locked while something is recorded about them.

Whoever writes steps, events or log lines of a run holds its row: so events are numbered without gaps and seen in their
order. Rows are always locked in the order of their ids, so that two recorders never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from definitions.errors import NotFound
from definitions.ids import to_uuid
from store.tables import INSTANCES

T = TypeVar("T")

CHUNK = 500
"""How many values one statement lists: SQLite takes 32,766, and plans stay small."""


@dataclass(frozen=True, slots=True)
class Locked:
    """What is needed of a run's row to record something about it."""

    id: UUID
    status: str
    started_at: datetime | None
    closed: bool
    event_sequence: int


Runs = Mapping[str, Locked]
"""By execution id; ids without a row are not in it."""


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in slices that a statement can list."""
    for first in range(0, len(items), CHUNK):
        yield items[first : first + CHUNK]


def lock_runs(session: Session, execution_ids: Iterable[str]) -> Runs:
    """Locks the rows of these runs until the transaction ends. What is no id, or has no row, is left out."""
    named: dict[UUID, str] = {}
    for execution_id in set(execution_ids):
        try:
            named[to_uuid(execution_id)] = execution_id
        except NotFound:
            continue
    runs: dict[str, Locked] = {}
    columns = INSTANCES.c
    for ids in chunks(sorted(named)):
        rows = session.execute(
            select(columns.id, columns.status, columns.started_at, columns.closed_at, columns.event_sequence)
            .where(columns.id.in_(ids))
            .order_by(columns.id)
            .with_for_update(key_share=True)
        )
        for row in rows:
            runs[named[row.id]] = Locked(
                row.id, row.status, row.started_at, row.closed_at is not None, row.event_sequence
            )
    return runs
