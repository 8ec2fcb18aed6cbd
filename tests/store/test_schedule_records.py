"""Schedules and the times at which they were due, on each database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rows import NOON, Rows

from definitions.errors import NotFound
from definitions.ids import new_execution_id, to_uuid
from store import instances, occurrences, schedules, templates
from store.columns import now


@pytest.fixture
def workflow(rows: Rows) -> str:
    found = rows.template().workflow_id
    put(rows, found)
    return found


def put(rows: Rows, workflow: str, paused: bool | None = None, **document: Any) -> int:
    with rows.database.write() as session:
        return schedules.put_schedule(
            session, workflow, owner="ann", document=document, paused=paused, note="why"
        ).edition


def test_it_is_changed_in_place_and_told_until_the_last_edition_is_known(rows: Rows, workflow: str) -> None:
    assert put(rows, workflow, paused=True) == 2
    assert put(rows, workflow, n=1) == 3
    with rows.database.write() as session:
        row = schedules.get_schedule(session, workflow, owner="ann", lock=True)
        assert (row.paused, row.note, row.document) == (True, "why", {"n": 1})
        schedules.mark_applied(session, workflow, 2)
        assert [each.workflow_id for each in schedules.unapplied(session, now() + timedelta(seconds=1))] == [workflow]
        schedules.mark_applied(session, workflow, 3)
        assert schedules.unapplied(session, now() + timedelta(seconds=1)) == []
        with pytest.raises(NotFound):
            schedules.get_schedule(session, workflow, owner="bob")


def test_a_workflow_that_is_deleted_has_no_schedule(rows: Rows, workflow: str) -> None:
    with rows.database.write() as session:
        schedules.mark_applied(session, workflow, 1)
        templates.delete_template(session, workflow)
    with rows.database.write() as session:
        assert schedules.list_schedules(session, owner=None) == ([], 0)
        assert schedules.find_schedule(session, workflow) is None
        (row,) = schedules.unapplied(session, now() + timedelta(seconds=1))
        assert row.deleted
        schedules.mark_applied(session, workflow, row.edition)
        assert schedules.unapplied_one(session, workflow) is None


def test_what_is_settled_is_forgotten_and_open_runs_are_counted(rows: Rows, workflow: str) -> None:
    skipped, over, goes_on, waits = (new_execution_id() for _ in range(4))
    for run in (over, goes_on):
        rows.run(workflow_id=workflow, execution_id=run)
    states = {skipped: "skipped", over: "started", goes_on: "started", waits: "waiting"}
    with rows.database.write() as session:
        instances.finish(session, over, status="completed", completed_at=NOON)
        new = {"schedule_id": to_uuid(workflow), "due_at": NOON, "kind": "schedule"}
        each = [{**new, "id": to_uuid(run), "state": state} for run, state in states.items()]
        occurrences.add_occurrences(session, each)
        occurrences.add_occurrences(session, each)
    with rows.database.write() as session:
        assert occurrences.open_runs(session, to_uuid(workflow)) == [to_uuid(goes_on)]
        assert [row.execution_id for row in occurrences.waiting(session, to_uuid(workflow))] == [waits]
        assert occurrences.forget_occurrences(session, NOON) == 0
        assert occurrences.forget_occurrences(session, NOON + timedelta(seconds=1)) == 2
        left, total = occurrences.list_occurrences(session, to_uuid(workflow))
        assert ({row.execution_id for row, _ in left}, total) == ({goes_on, waits}, 2)
