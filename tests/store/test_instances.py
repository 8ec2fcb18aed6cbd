from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from rows import NOON, Rows, at, attempt

from definitions.errors import Conflict, DefinitionNotFound, ExecutionNotFound
from definitions.ids import new_execution_id, new_workflow_id
from store import events, instances, outcomes, steps
from store.database import Database
from store.instances import InstanceFilter
from store.locks import locked_runs


def _finish(database: Database, run: str, status: str = "completed", **fields: object) -> bool:
    with database.write() as session:
        return instances.finish(
            session, run, **({"status": status, "completed_at": at(10), "started_at": NOON} | fields)
        )


class TestCreate:
    def test_twice_is_once(self, rows: Rows) -> None:
        run = rows.run(input_data={"a": [1, None]}, tags=["x"], priority=80)
        assert rows.run(execution_id=run) == run
        row = rows.read(run)
        assert (row.execution_id, row.status, row.input_data, row.tags) == (run, "pending", {"a": [1, None]}, ["x"])
        assert row.created_at.tzinfo is UTC

    def test_another_runs_id_is_refused(self, rows: Rows) -> None:
        run = rows.run()
        with pytest.raises(Conflict) as refused:
            rows.run(execution_id=run, digest="sha256:1")
        assert refused.value.code == "execution_exists"

    def test_of_a_workflow_that_is_not_there_is_refused(self, rows: Rows) -> None:
        with pytest.raises(DefinitionNotFound):
            rows.run(workflow_id=new_workflow_id())

    def test_a_time_without_zone_is_refused(self, rows: Rows) -> None:
        with pytest.raises(Exception, match="no time zone"):
            rows.run(timeout_at=datetime(2026, 1, 1))  # noqa: DTZ001

    def test_is_seen_by_its_owner(self, database: Database, rows: Rows) -> None:
        run = rows.run(owner="ann")
        with database.read() as session:
            assert instances.get_instance(session, run, owner="ann").owner == "ann"
            with pytest.raises(ExecutionNotFound):
                instances.get_instance(session, run, owner="bob")
            with pytest.raises(ExecutionNotFound):
                instances.get_instance(session, new_execution_id())


class TestQuery:
    def test_every_filter(self, database: Database, rows: Rows) -> None:
        other = rows.template("other").workflow_id
        start = datetime.now(UTC)
        low = rows.run(priority=10, tags=["x"])
        high = rows.run(priority=90, tags=["x", "y"], owner="ann", workflow_id=other)
        with database.write() as session:
            instances.set_status(session, high, "running")
        later = datetime.now(UTC) + timedelta(hours=1)
        with database.read() as session:

            def found(**wanted: object) -> list[str]:
                items, total = instances.query_instances(session, InstanceFilter(**wanted))
                assert total == len(items)
                return [item.execution_id for item in items]

            assert found() == [high, low]
            assert found(status="running") == [high]
            assert found(statuses=("pending", "scheduled")) == [low]
            assert found(statuses=()) == []
            assert found(workflow_id=other) == found(template_name="other") == found(owner="ann") == [high]
            assert found(priority_min=50) == [high]
            assert found(priority_max=50) == [low]
            assert found(created_after=start, created_before=later) == [high, low]
            assert found(created_after=later) == found(created_before=start) == []
            assert found(tags=("y",)) == [high]
            assert found(tags=("x",), owner="") == [low]
            assert found(template_name="' OR 1=1 --") == []

    def test_pages_tell_the_whole_number(self, database: Database, rows: Rows) -> None:
        runs = [rows.run() for _ in range(5)]
        with database.read() as session:
            page, total = instances.query_instances(session, InstanceFilter(), limit=2, offset=2)
            some = instances.by_ids(session, [runs[0], runs[4], new_execution_id()])
        assert {row.execution_id for row in some} == {runs[0], runs[4]}
        assert ([row.execution_id for row in page], total) == ([runs[2], runs[1]], 5)


class TestStatistics:
    def test_counts_rates_and_durations(self, database: Database, rows: Rows) -> None:
        for seconds, status in (
            (10, "completed"),
            (20, "completed"),
            (99, "failed"),
            (99, "timed_out"),
            (1, "cancelled"),
        ):
            _finish(database, rows.run(), status, completed_at=at(seconds))
        paused = rows.run()
        with database.write() as session:
            instances.set_status(session, paused, "paused")
        rows.run()
        with database.read() as session:
            told = instances.statistics(session, InstanceFilter())
            none = instances.statistics(session, InstanceFilter(owner="ann"))
        assert (told.total_instances, told.running_instances, told.completed_instances) == (7, 1, 2)
        assert (told.failed_instances, told.cancelled_instances) == (2, 1)
        assert (told.success_rate, told.avg_duration_seconds) == (50.0, pytest.approx(15.0))
        assert (none.total_instances, none.success_rate, none.avg_duration_seconds) == (0, 0.0, 0.0)


class TestFinish:
    def test_writes_the_end_and_its_event_once(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        assert _finish(database, run, output={"best": "svm"}, slots=[{"at": []}], execution_state={"context": {}})
        assert not _finish(database, run, "failed", error={"message": "late"})
        row = rows.read(run)
        assert (row.status, row.output_data, row.output_slots, row.error) == (
            "completed", {"best": "svm"}, [{"at": []}], None,
        )  # fmt: skip
        assert (row.started_at, row.completed_at, row.duration_seconds) == (NOON, at(10), 10.0)
        with database.read() as session:
            told = events.since(session, run)
        assert [(event.sequence, event.type, event.at) for event in told] == [(1, "run.completed", at(10))]

    def test_an_end_is_never_overwritten_by_what_comes_late(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _finish(database, run, "cancelled")
        with database.write() as session:
            assert not instances.set_status(session, run, "running")
            assert not instances.mark_dispatched(session, {run: "late"})
            steps.record_attempts(session, [attempt(run)])
        row = rows.read(run)
        assert (row.status, row.dispatched_at) == ("cancelled", None)
        with database.read() as session:
            assert steps.list_steps(session, run) == []

    def test_ends_attempts_that_nobody_ended(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        with database.write() as session:
            steps.record_attempts(session, [attempt(run)])
        _finish(database, run, "failed", error={"message": "terminated"})
        with database.read() as session:
            (step,) = steps.list_steps(session, run)
        assert (step.status, step.reason) == ("cancelled", instances.RUN_ENDED)

    def test_of_nothing_says_so(self, database: Database) -> None:
        assert not _finish(database, new_execution_id())

    def test_only_ends_end(self, database: Database, rows: Rows) -> None:
        with pytest.raises(ValueError, match="set_status"):
            _finish(database, rows.run(), "paused")
        run = rows.run()
        with pytest.raises(ValueError, match="finish"), database.write() as session:
            instances.set_status(session, run, "completed")

    def test_racing_ends_give_one(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        won: list[bool] = []
        threads = [threading.Thread(target=lambda: won.append(_finish(database, run))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == [False] * 5 + [True]
        with database.read() as session:
            assert len(events.since(session, run)) == 1

    def test_a_run_that_was_reset_goes_on_and_ends_again(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        with database.write() as session:
            instances.mark_dispatched(session, {run: "first"})
            with locked_runs(session, [run]) as runs:
                outcomes.record_outcome_steps(
                    session, runs[run], [{"step_id": "train", "status": "failed", "attempts": 1}]
                )
        _finish(database, run, "failed", error={"message": "no"})
        with database.write() as session:
            assert not instances.reopen(session, run, "first")
            assert instances.reopen(session, run, "second")
        row = rows.read(run)
        assert (row.status, row.error, row.completed_at, row.temporal_run_id) == ("running", None, None, "second")
        with database.write() as session:
            steps.record_attempts(session, [attempt(run, status="completed", output_data="again")])
        assert _finish(database, run)
        with database.read() as session:
            assert [step.output_data for step in steps.list_steps(session, run)] == ["again"]
            assert [event.type for event in events.since(session, run)] == [
                "run.failed",
                "run.reopened",
                "run.completed",
            ]


class TestDispatch:
    def test_the_relay_sees_what_temporal_has_not_taken(self, database: Database, rows: Rows) -> None:
        waiting, taken, over = rows.run(), rows.run(), rows.run()
        with database.write() as session:
            assert instances.mark_dispatched(session, {taken: "run-1"})
        _finish(database, over, "cancelled")
        soon = datetime.now(UTC) + timedelta(minutes=1)
        with database.read() as session:
            assert [row.execution_id for row in instances.undispatched(session, soon)] == [waiting]
            assert instances.undispatched(session, soon - timedelta(hours=1)) == []
            assert [row.execution_id for row in instances.open_instances(session)] == [taken]
        row = rows.read(taken)
        assert (row.status, row.temporal_run_id) == ("pending", "run-1")

    def test_two_relays_are_given_different_runs(self, database: Database, rows: Rows) -> None:
        if database.is_sqlite:
            pytest.skip("SQLite has one writer at a time")
        runs = {rows.run() for _ in range(4)}
        soon = datetime.now(UTC) + timedelta(minutes=1)
        with database.write() as one, database.write() as other:
            first = {row.execution_id for row in instances.undispatched(one, soon, limit=2, claim=True)}
            second = {row.execution_id for row in instances.undispatched(other, soon, claim=True)}
        assert (len(first), first | second, first & second) == (2, runs, set())

    def test_open_runs_come_in_pages(self, database: Database, rows: Rows) -> None:
        runs = sorted(rows.run() for _ in range(5))
        with database.write() as session:
            for run in runs:
                instances.mark_dispatched(session, {run: "run"})
        seen: list[str] = []
        with database.read() as session:
            while page := instances.open_instances(session, after=seen[-1] if seen else None, limit=2):
                seen += [row.execution_id for row in page]
        assert seen == runs
