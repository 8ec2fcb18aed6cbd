"""Runs with many events, recorded as a worker records them, without having run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from definitions.ids import new_execution_id
from engine.access.identity import LOCAL
from engine.core import Engine
from engine.outgoing import row_of
from store import instances
from store.recording import record
from store.records import AttemptRecord, EventRecord, Record

_BATCH = 100
DOCUMENT = {"name": "recorded", "steps": [{"id": "a", "handler": "steps.echo"}]}


async def recorded(engine: Engine, steps: int, *, execution_id: str | None = None) -> str:
    """A run with one attempt, and its event, for each of `steps` steps `s0`, `s1`, ..."""
    stored = await engine.definitions.save(DOCUMENT)
    execution_id = execution_id or new_execution_id()

    def write() -> None:
        with engine.database.write() as session:
            instances.create_instance(
                session, **row_of(stored, {}, execution_id=execution_id, owner=LOCAL, priority=None, tags=())
            )
            instances.mark_dispatched(session, {execution_id: "none"})
        for first in range(0, steps, _BATCH):
            records: list[Record] = []
            for number in range(first, min(first + _BATCH, steps)):
                records += _step(execution_id, f"s{number}")
            with engine.database.write() as session:
                record(session, records)

    await asyncio.to_thread(write)
    return execution_id


def _step(execution_id: str, step_id: str) -> list[Record]:
    now = datetime.now(UTC)
    attempt = AttemptRecord(execution_id, step_id, 1, 1, 1, "completed", now, now)
    key = f"{step_id}#1/1/step.completed"
    return [attempt, EventRecord(execution_id, "step.completed", now, step_id, {"attempt": 1}, key)]


async def finish(engine: Engine, execution_id: str, status: str = "completed") -> None:
    """End it."""

    def write() -> None:
        with engine.database.write() as session:
            instances.finish(session, execution_id, status=status, completed_at=datetime.now(UTC))

    await asyncio.to_thread(write)
