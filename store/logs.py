"""Log lines of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.ids import to_uuid
from store.locks import Runs, locked_runs
from store.records import LogRecord
from store.tables import LOG_LINES, WorkflowLogLine


@dataclass(frozen=True)
class LogPage:
    """`cursor` is what to ask with for the lines after these; None: there were no more."""

    lines: list[WorkflowLogLine]
    cursor: int | None


def append(session: Session, records: Sequence[LogRecord], *, runs: Runs | None = None) -> int:
    """Stores the lines in the order given; returns how many were dropped because their run has no row."""
    with locked_runs(session, (record.execution_id for record in records), runs) as locked:
        rows = [
            {
                "instance_id": locked[record.execution_id].id,
                "step_id": record.step_id,
                "attempt": record.attempt,
                "at": record.at,
                "level": record.level,
                "message": record.message,
                "metadata": record.metadata,
            }
            for record in records
            if record.execution_id in locked
        ]
        if rows:
            session.execute(insert(LOG_LINES), rows)
        return len(records) - len(rows)


def query(
    session: Session,
    execution_id: str,
    *,
    step_id: str | None = None,
    levels: Collection[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 1000,
    cursor: int | None = None,
) -> LogPage:
    """Lines of a run in the order they were stored. `start <= at < end`; `levels` None: all."""
    statement = select(WorkflowLogLine).where(*_wanted(execution_id, step_id, levels, start, end))
    if cursor is not None:
        statement = statement.where(col(WorkflowLogLine.id) > cursor)
    lines = list(session.scalars(statement.order_by(col(WorkflowLogLine.id)).limit(limit + 1)))
    return LogPage(lines[:limit], lines[limit - 1].id if len(lines) > limit else None)


def count(
    session: Session,
    execution_id: str,
    *,
    step_id: str | None = None,
    levels: Collection[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> int:
    """How many lines of a run there are on all pages."""
    conditions = _wanted(execution_id, step_id, levels, start, end)
    return session.scalar(select(func.count()).select_from(LOG_LINES).where(*conditions)) or 0


def _wanted(
    execution_id: str,
    step_id: str | None,
    levels: Collection[str] | None,
    start: datetime | None,
    end: datetime | None,
) -> list[ColumnElement[bool]]:
    columns = LOG_LINES.c
    conditions: list[ColumnElement[bool]] = [columns.instance_id == to_uuid(execution_id)]
    if step_id is not None:
        conditions.append(columns.step_id == step_id)
    if levels is not None:
        conditions.append(columns.level.in_(levels))
    if start is not None:
        conditions.append(columns.at >= start)
    if end is not None:
        conditions.append(columns.at < end)
    return conditions
