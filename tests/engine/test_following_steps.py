"""What is booked for steps that have begun, on each kind of database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from definitions.ids import new_execution_id
from engine.scheduling.following import AHEAD, follow_steps
from store import instances, reservations, steps, templates
from store.database import Database
from store.records import AttemptRecord
from store.reservations import Held
from tests.databases import database, url
from tests.store.rows import scheduled_workflow

__all__ = ["database", "url"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANNED = {"step_id": "a", "seconds": 600.0, "estimate": {"p50": 600.0, "p90": 900.0, "source": "given", "runs": 0}}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def attempt(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"attempt": number, "start": 1, "max_attempts": 3, "status": "running", "started_at": NOON, **fields}


def followed(
    database: Database,
    attempts: Sequence[dict[str, Any]],
    now: datetime,
    *,
    status: str = "running",
    ended: datetime | None = None,
    cost: float | None = None,
) -> tuple[float, float]:
    """From when to when step `a` is booked after that, in minutes; by plan it is from noon on for ten."""
    run = new_execution_id()
    with database.write() as session:
        template = templates.create_template(
            session, name=f"t{uuid4().hex}", definition={"steps": []}, source={}, digest="d"
        )
        given = {"execution_id": run, "name": "t", "revision": 1, "digest": "d", "input_data": {}}
        instances.create_instance(session, **given, workflow_id=template.workflow_id)
        records = [AttemptRecord(run, "a", **each) for each in attempts]
        steps.record_attempts(session, records)
    with database.write() as session:
        row = instances.get_instance(session, run)
        row.status, row.completed_at = status, ended
        session.add(row)
        workflow = scheduled_workflow(
            run,
            step_count=1,
            planned_start=NOON,
            planned_end=at(10),
            plan={"steps": [PLANNED]},
            critical_seconds=600,
            actual_cost=cost,
        )
        session.add(workflow)
        session.flush()
        mine: UUID = workflow.id
        reservations.reserve(
            session, [Held("gpu", NOON, at(10), 1.0, mine, "a"), Held("gpu", at(10), at(20), 1.0, mine, "b")]
        )
    with database.write() as session:
        follow_steps(session, now)
        assert follow_steps(session, now) == 0
        held = {each.step_id: each for each in reservations.list_held(session, at(-999)) if each.workflow_id == mine}
    # Of a run that is over, what had not begun is given back, too.
    given_back = ended is not None and cost is None
    assert (held["b"].begins_at, held["b"].ends_at) == ((ended, ended) if given_back else (at(10), at(20)))
    return tuple((each - NOON).total_seconds() / 60 for each in (held["a"].begins_at, held["a"].ends_at))


AHEAD_MINUTES = AHEAD.total_seconds() / 60
FAILED = {"status": "failed", "completed_at": at(3)}


CASES: list[tuple[list[dict[str, Any]], float, tuple[float, float]]] = [
    ([], 5, (0, 10)),
    ([attempt()], 5, (0, 10)),
    # Longer than planned: as nine of ten end, and after that a minute from now.
    ([attempt()], 10, (0, 15)),
    ([attempt()], 15, (0, 15 + AHEAD_MINUTES)),
    ([attempt()], 40, (0, 40 + AHEAD_MINUTES)),
    # Begun earlier, later, or after all that was booked.
    ([attempt(started_at=at(-3))], -2, (-3, 10)),
    ([attempt(started_at=at(4))], 5, (0, 14)),
    ([attempt(started_at=at(12))], 13, (12, 22)),
    # The last attempt counts, and between attempts it is booked, too.
    ([attempt(**FAILED), attempt(2, started_at=at(3))], 4, (0, 13)),
    ([attempt(**FAILED, will_retry=True)], 10, (0, 15)),
    ([attempt(**FAILED)], 12, (0, 10)),
    ([attempt(status="completed", completed_at=at(4))], 5, (0, 4)),
    ([attempt(status="completed", completed_at=at(11))], 12, (0, 10)),
]


def test_reservations_are_as_their_steps_run(database: Database) -> None:
    for attempts, now, booked in CASES:
        assert followed(database, attempts, at(now)) == pytest.approx(booked), (attempts, now)
    # Runs that are over hold nothing after their end; once they are settled nothing is done.
    over: dict[str, Any] = {"status": "failed", "ended": at(4)}
    assert followed(database, [attempt()], at(5), **over) == (0, 4)
    assert followed(database, [attempt()], at(5), **over, cost=1.0) == (0, 10)
