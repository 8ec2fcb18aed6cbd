"""The rows of runs, locked while something is recorded about them.

Whoever writes steps, events or log lines of a run holds its row: so events are numbered without gaps and seen in their
order. Rows are always locked in the order of their ids, so that two recorders never wait for each other in a circle.
What changes in such a row is gathered and written once, when everything else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from definitions.errors import NotFound
from definitions.ids import to_uuid
from store.columns import now
from store.tables import INSTANCES

T = TypeVar("T")

CHUNK = 500
"""How many values one statement lists: SQLite takes 32,766, and plans stay small."""


@dataclass(slots=True)
class LockedRun:
    """What is needed of a run's row to record something about it, and what is to change in it."""

    id: UUID
    status: str
    started_at: datetime | None
    completed_at: datetime | None
    closed_at: datetime | None
    temporal_run_id: str | None
    duration_seconds: float | None
    """Of an open run: what it took before it was continued (`store.continuing`)."""
    event_sequence: int
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """It is over."""
        return self.closed_at is not None

    def change(self, **columns: Any) -> None:
        """Set columns of the row; they are written with the rest, and seen here at once."""
        self.changes.update(columns)
        for name in _READ & columns.keys():
            setattr(self, name, columns[name])


_READ = frozenset(LockedRun.__slots__) - {"changes"}

Runs = Mapping[str, LockedRun]
"""By execution id; ids without a row are not in it."""


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in slices that a statement can list."""
    for first in range(0, len(items), CHUNK):
        yield items[first : first + CHUNK]


@contextmanager
def locked_runs(session: Session, execution_ids: Iterable[str], runs: Runs | None = None) -> Iterator[Runs]:
    """The rows of these runs, locked until the transaction ends; what was changed in them is written after the block.

    What is no id, or has no row, is left out. `runs`: the rows where an outer block has them, which then writes."""
    if runs is not None:
        yield runs
        return
    runs = _lock(session, execution_ids)
    yield runs
    by_columns: dict[frozenset[str], list[dict[str, Any]]] = {}
    for run in runs.values():
        if run.changes:
            row = {**run.changes, "run": run.id, "updated_at": now()}
            by_columns.setdefault(frozenset(row), []).append(row)
    for rows in by_columns.values():
        session.execute(_WRITE_CHANGES, rows)


_WRITE_CHANGES = update(INSTANCES).where(INSTANCES.c.id == bindparam("run"))


def _lock(session: Session, execution_ids: Iterable[str]) -> Runs:
    named: dict[UUID, str] = {}
    for execution_id in set(execution_ids):
        try:
            named[to_uuid(execution_id)] = execution_id
        except NotFound:
            continue
    runs: dict[str, LockedRun] = {}
    for ids in chunks(sorted(named)):
        for row in session.execute(_LOCK, {"ids": ids}):
            runs[named[row.id]] = LockedRun(*row)
    return runs


_LOCK = (
    select(
        INSTANCES.c.id,
        INSTANCES.c.status,
        INSTANCES.c.started_at,
        INSTANCES.c.completed_at,
        INSTANCES.c.closed_at,
        INSTANCES.c.temporal_run_id,
        INSTANCES.c.duration_seconds,
        INSTANCES.c.event_sequence,
    )
    .where(INSTANCES.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(INSTANCES.c.id)
    .with_for_update(key_share=True)
)
