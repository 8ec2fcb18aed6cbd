"""A batch of records of all kinds in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from store import events, logs, steps
from store.locks import lock_runs
from store.records import AttemptRecord, EventRecord, LogRecord, ProgressRecord, Record
from store.tables import WorkflowEvent


@dataclass(frozen=True)
class Recorded:
    """The events that were new, numbered, and how many records were dropped because their run has no row."""

    events: list[WorkflowEvent]
    dropped: int


def record(session: Session, records: Sequence[Record]) -> Recorded:
    """Stores the batch with a handful of statements, whatever its size. Safe to repeat, but that log lines double."""
    runs = lock_runs(session, (record.execution_id for record in records))
    attempts = [record for record in records if isinstance(record, AttemptRecord)]
    progress = [record for record in records if isinstance(record, ProgressRecord)]
    lines = [record for record in records if isinstance(record, LogRecord)]
    happened = [record for record in records if isinstance(record, EventRecord)]
    dropped = 0
    if attempts:
        dropped += steps.record_attempts(session, attempts, runs=runs)
    if progress:
        dropped += steps.record_progress(session, progress, runs=runs)
    if lines:
        dropped += logs.append(session, lines, runs=runs)
    if not happened:
        return Recorded([], dropped)
    appended = events.append(session, happened, runs=runs)
    return Recorded(appended.stored, dropped + appended.dropped)
