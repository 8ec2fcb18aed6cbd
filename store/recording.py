"""A batch of records of all kinds in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from store import events, logs, steps
from store.locks import Runs, locked_runs
from store.records import AttemptRecord, EventRecord, LogRecord, ProgressRecord, Record


@dataclass(frozen=True)
class Recorded:
    """How many events were new, and how many records were dropped because their run has no row."""

    events: int
    dropped: int


Beside = Callable[[Session, Runs], Sequence[EventRecord]]
"""Writes something more about the locked runs in the same transaction; returns events to append after the others."""


def record(
    session: Session, records: Sequence[Record], *, execution_id: str | None = None, beside: Beside | None = None
) -> Recorded:
    """Stores the batch with a handful of statements, whatever its size. Safe to repeat, but that log lines double.

    `beside` is called after the records are stored and before events are, with that execution's row locked too."""
    concerned = {record.execution_id for record in records} | ({execution_id} if execution_id else set())
    with locked_runs(session, concerned) as runs:
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
        if beside is not None:
            happened += beside(session, runs)
        if not happened:
            return Recorded(0, dropped)
        appended = events.append(session, happened, runs=runs)
        return Recorded(appended.stored, dropped + appended.dropped)
