"""Events of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.ids import to_uuid
from store import webhook_outbox
from store.columns import storable_text
from store.locks import Runs, chunks, locked_runs
from store.records import EventRecord
from store.tables import EVENTS, WorkflowEvent


@dataclass(frozen=True)
class Appended:
    """How many are new, had a known key, had no run."""

    stored: int
    duplicates: int
    dropped: int


def append(session: Session, records: Sequence[EventRecord], *, runs: Runs | None = None) -> Appended:
    """Gives each event the next sequence number of its run (from 1, no gaps) and stores it, and for whoever wants to be
    told of it a delivery.

    `runs`: the rows if they are locked already (`store.locks`)."""
    with locked_runs(session, (record.execution_id for record in records), runs) as locked:
        taken = _taken_keys(session, records, locked)
        rows: list[dict[str, Any]] = []
        duplicates = dropped = 0
        for record in records:
            run = locked.get(record.execution_id)
            if run is None:
                dropped += 1
                continue
            key = None if record.key is None else storable_text(record.key)
            if key is not None and (run.id, key) in taken:
                duplicates += 1
                continue
            if key is not None:
                taken.add((run.id, key))
            run.change(event_sequence=run.event_sequence + 1)
            rows.append(
                {
                    "instance_id": run.id,
                    "sequence": run.event_sequence,
                    "type": record.type,
                    "at": record.at,
                    "step_id": record.step_id,
                    "data": record.data,
                    "key": key,
                }
            )
        if rows:
            session.execute(_APPEND, rows)
            webhook_outbox.post(session, rows, locked.values())
        return Appended(len(rows), duplicates, dropped)


def _taken_keys(session: Session, records: Sequence[EventRecord], runs: Runs) -> set[tuple[UUID, str]]:
    wanted = [
        (runs[record.execution_id].id, storable_text(record.key))
        for record in records
        if record.key is not None and record.execution_id in runs
    ]
    taken: set[tuple[UUID, str]] = set()
    for pairs in chunks(wanted):
        # Rows of all these runs with any of these keys: a little more than asked for, but an index finds it.
        of_these = {"runs": {run_id for run_id, _ in pairs}, "keys": {key for _, key in pairs}}
        taken.update((row.instance_id, row.key) for row in session.execute(_TAKEN, of_these))
    return taken


# Made once: to make them takes as long as to execute them.
_APPEND = insert(EVENTS)
_TAKEN = select(EVENTS.c.instance_id, EVENTS.c.key).where(
    EVENTS.c.instance_id.in_(bindparam("runs", expanding=True)), EVENTS.c.key.in_(bindparam("keys", expanding=True))
)


def since(
    session: Session, execution_id: str, sequence: int = 0, *, types: Collection[str] = (), limit: int = 1000
) -> list[WorkflowEvent]:
    """The run's events after that sequence number, in order, at most `limit`; `types`: only of these."""
    statement = select(WorkflowEvent).where(
        col(WorkflowEvent.instance_id) == to_uuid(execution_id), col(WorkflowEvent.sequence) > sequence
    )
    if types:
        statement = statement.where(col(WorkflowEvent.type).in_(types))
    return list(session.scalars(statement.order_by(col(WorkflowEvent.sequence)).limit(limit)))
