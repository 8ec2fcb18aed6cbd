"""Statistics and queries equal a count by hand over 100 instances of every kind, on both databases."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from definitions.ids import new_execution_id, to_uuid, workflow_id
from engine.settings import Settings
from longpole import WorkflowEngine, WorkflowService
from longpole.workflow_engine.statuses import status_word
from store.database import Database
from store.instances import create_instance, finish, set_status
from store.sessions import session_url

INSTANCES = 100
STATUSES = ["pending", "running", "paused", "cancelling", "completed", "failed", "timed_out", "cancelled", "scheduled"]


class Rows:
    """100 instances as runs leave them, and what there is to count of each."""

    def __init__(self, engine: WorkflowEngine, db: Session) -> None:
        steps = {"steps": [{"id": "a"}]}
        self.templates = [engine.create_template(name, steps) for name in ("x", "x", "y")]
        self.rows: list[dict[str, Any]] = []
        chance = random.Random(4)
        database = Database(session_url(db))
        now = datetime.now(UTC)
        for number in range(INSTANCES):
            template = chance.choice(self.templates)
            row = {
                "template": template,
                "status": chance.choice(STATUSES),
                "priority": chance.randint(0, 100),
                "seconds": chance.uniform(1, 100),
                "created_at": now - timedelta(hours=number),
            }
            row["id"] = self._store(database, row)
            self.rows.append(row)
        database.dispose()

    def _store(self, database: Database, row: dict[str, Any]) -> Any:
        execution_id = new_execution_id()
        with database.write() as session:
            create_instance(
                session,
                execution_id=execution_id,
                workflow_id=workflow_id(row["template"].id),
                name=row["template"].name,
                revision=1,
                digest="sha256:0",
                input_data={},
                priority=row["priority"],
            )
            status, begun = row["status"], row["created_at"]
            if status in ("completed", "failed", "timed_out", "cancelled"):
                finish(
                    session,
                    execution_id,
                    status=status,
                    started_at=begun,
                    completed_at=begun + timedelta(seconds=row["seconds"]),
                )
            else:
                set_status(session, execution_id, status)
            moved = text("UPDATE workflow_instances SET created_at = :at WHERE id = :id")
            as_stored = (
                to_uuid(execution_id) if session.get_bind().dialect.name == "postgresql" else to_uuid(execution_id).hex
            )
            session.execute(
                moved,
                {
                    "at": begun
                    if session.get_bind().dialect.name == "postgresql"
                    else begun.strftime("%Y-%m-%d %H:%M:%S.%f"),
                    "id": as_stored,
                },
            )
        return to_uuid(execution_id)

    def counted(self, wanted: Any = lambda row: True) -> dict[str, Any]:
        """By hand."""
        chosen = [row for row in self.rows if wanted(row)]

        def having(*statuses: str) -> list[dict[str, Any]]:
            return [row for row in chosen if row["status"] in statuses]

        completed, failed = having("completed"), having("failed", "timed_out")
        ended = len(completed) + len(failed)
        return {
            "total_instances": len(chosen),
            "running_instances": len(having("running", "paused", "cancelling")),
            "completed_instances": len(completed),
            "failed_instances": len(failed),
            "cancelled_instances": len(having("cancelled")),
            "success_rate": pytest.approx(100 * len(completed) / ended if ended else 0.0),
            "avg_duration_seconds": pytest.approx(
                sum(row["seconds"] for row in completed) / len(completed) if completed else 0.0
            ),
        }


@pytest.fixture
def engine(each_db: Session, settings: Settings) -> Iterator[WorkflowEngine]:
    """Without anything that runs: nothing listens at its Temporal's address."""
    with WorkflowEngine(each_db, settings=settings, temporal_address="127.0.0.1:1") as made:
        yield made


@pytest.fixture
def rows(engine: WorkflowEngine, each_db: Session) -> Rows:
    return Rows(engine, each_db)


def test_statistics_equal_a_count_by_hand(rows: Rows, engine: WorkflowEngine) -> None:
    assert engine.get_statistics() == rows.counted()
    for template in rows.templates:
        wanted = rows.counted(lambda row, template=template: row["template"] is template)
        assert engine.get_statistics(template_id=template.id) == wanted
    by_name = rows.counted(lambda row: row["template"].name == "x")
    assert engine.get_statistics(template_name="x") == by_name
    assert rows.counted()["total_instances"] == INSTANCES
    empty = engine.create_template("nothing", {"steps": [{"id": "a"}]})
    assert set(engine.get_statistics(template_id=empty.id).values()) == {0}


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where local time can't be taken for UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_queries_equal_a_choice_by_hand(rows: Rows, engine: WorkflowEngine, settings: Settings) -> None:
    naive = datetime.now() - timedelta(hours=50, minutes=30)  # noqa: DTZ005 - what this is about
    aware = datetime.now(UTC) - timedelta(hours=70, minutes=30)
    first = rows.templates[0]
    cases: list[tuple[dict[str, Any], Any]] = [
        ({}, lambda row: True),
        *[
            ({"status": word}, lambda row, word=word: status_word(row["status"]) == word)
            for word in ("pending", "running", "completed", "failed", "cancelled")
        ],
        ({"template_id": first.id}, lambda row: row["template"] is first),
        ({"template_name": "x"}, lambda row: row["template"].name == "x"),
        ({"created_after": naive}, lambda row: row["created_at"] >= naive.astimezone()),
        ({"created_before": naive}, lambda row: row["created_at"] < naive.astimezone()),
        (
            {"created_after": aware, "created_before": naive},
            lambda row: aware <= row["created_at"] < naive.astimezone(),
        ),
        ({"priority_min": 80}, lambda row: row["priority"] >= 80),
        (
            {"priority_max": 20, "status": "failed"},
            lambda row: row["priority"] <= 20 and status_word(row["status"]) == "failed",
        ),
    ]
    for wanted, choice in cases:
        found, total = engine.query_instances(**wanted, limit=1000)
        chosen = [row["id"] for row in rows.rows if choice(row)]
        assert ([each.id for each in found], total) == (chosen, len(chosen)), wanted
    pages = [engine.query_instances(limit=30, page=page) for page in (1, 2, 3, 4, 5)]
    assert [(len(found), total) for found, total in pages] == [(30, 100), (30, 100), (30, 100), (10, 100), (0, 100)]
    assert [each.id for found, _ in pages for each in found] == [row["id"] for row in rows.rows]
    assert engine.query_instances(limit=30, offset=60) == pages[2]
    service = WorkflowService(engine.db, settings=settings, temporal_address="127.0.0.1:1")
    running = [row["id"] for row in rows.rows if status_word(row["status"]) == "running"]
    assert [each.id for each in service.get_running_workflows()] == running
    assert service.get_statistics(template_name="x") == engine.get_statistics(template_name="x")
