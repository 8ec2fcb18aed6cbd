"""What is taken of pools, whoever has it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from rows import NOON, Rows, at, scheduled_workflow

from store.database import Database
from store.reservations import Held, Taken, list_held, list_taken, reserve
from store.scheduled_workflows import add_scheduled
from store.scheduling_tables import ScheduledWorkflow


@pytest.fixture
def workflows(database: Database, rows: Rows) -> tuple[UUID, UUID]:
    """Two of them; the one's steps a and b run together, c after them; the other's d from when c begins."""
    one, other = uuid4(), uuid4()
    held = [
        Held("cpu", at(0), at(60), 2.0, one, "a"),
        Held("cpu", at(0), at(60), 1.5, one, "b"),
        Held("memory", at(0), at(60), 4.0, one, "a"),
        Held("cpu", at(60), at(90), 1.0, one, "c"),
        Held("cpu", at(60), at(90), 3.0, other, "d"),
    ]
    for workflow_id in (one, other):
        run = rows.run()
        with database.write() as session:
            add_scheduled(session, _scheduled(workflow_id, run))
            reserve(session, [each for each in held if each.workflow_id == workflow_id])
    return one, other


def _scheduled(workflow_id: UUID, run: str) -> ScheduledWorkflow:
    return scheduled_workflow(
        run,
        id=workflow_id,
        cost_optimization=True,
        step_count=3,
        planned_end=NOON + timedelta(seconds=90),
        critical_seconds=90.0,
    )


def test_what_is_held_from_the_same_moment_to_the_same_is_told_as_one(
    database: Database, workflows: tuple[UUID, UUID]
) -> None:
    one, other = workflows
    early, late = Taken("cpu", at(0), at(60), 3.5), Taken("cpu", at(60), at(90), 4.0)
    memory = Taken("memory", at(0), at(60), 4.0)
    with database.read() as session:
        assert list_taken(session, at(-10)) == [early, memory, late]
        assert list_taken(session, at(60)) == [late]
        assert list_taken(session, at(-10), before=at(60)) == [early, memory]
        assert list_taken(session, at(-10), pools=["memory", "gpu"]) == [memory]
        assert list_taken(session, at(-10), pools=[]) == []
        assert list_taken(session, at(-10), except_by=other) == [early, memory, Taken("cpu", at(60), at(90), 1.0)]
        assert list_taken(session, at(-10), except_by=one) == [Taken("cpu", at(60), at(90), 3.0)]
        assert sum(each.amount for each in list_held(session, at(-10))) == 11.5
