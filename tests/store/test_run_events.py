from __future__ import annotations

import threading
from typing import Any

from rows import NOON, Rows, at, attempt

from definitions.ids import new_execution_id
from store import events, logs, recording, steps
from store.database import Database
from store.records import EventRecord, LogRecord, ProgressRecord


def _event(run: str, kind: str = "step.started", **fields: Any) -> EventRecord:
    return EventRecord(run, kind, NOON, **fields)


def _append(database: Database, *records: EventRecord) -> events.Appended:
    with database.write() as session:
        return events.append(session, records)


def _sequences(database: Database, run: str) -> list[int]:
    with database.read() as session:
        return [event.sequence for event in events.since(session, run, limit=10_000)]


class TestAppend:
    def test_numbers_each_runs_events_from_one(self, database: Database, rows: Rows) -> None:
        one, other = rows.run(), rows.run()
        _append(database, _event(one), _event(other, "run.paused", data={"by": "ann"}), _event(one))
        assert _sequences(database, one) == [1, 2]
        _append(database, _event(one, step_id="train"))
        with database.read() as session:
            rest = events.since(session, one, 2)
            (paused,) = events.since(session, other)
        assert [(event.sequence, event.step_id) for event in rest] == [(3, "train")]
        assert (paused.type, paused.data, paused.at) == ("run.paused", {"by": "ann"}, NOON)

    def test_a_key_is_stored_once(self, database: Database, rows: Rows) -> None:
        one, other = rows.run(), rows.run()
        first = _append(database, _event(one, key="k"), _event(one, key="k"), _event(other, key="k"), _event(one))
        again = _append(database, _event(one, key="k"), _event(one, key="new"))
        assert (first.stored, first.duplicates) == (3, 1)
        assert (again.stored, again.duplicates) == (1, 1)
        with database.read() as session:
            assert [event.key for event in events.since(session, one)] == ["k", None, "new"]
        assert _sequences(database, one) == [1, 2, 3]

    def test_what_has_no_run_is_counted(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        appended = _append(database, _event(new_execution_id()), _event(run), _event("../../etc/passwd"))
        assert (appended.stored, appended.dropped) == (1, 2)

    def test_racing_appenders_leave_no_gap(self, database: Database, rows: Rows) -> None:
        runs = [rows.run() for _ in range(3)]
        failures: list[BaseException] = []

        def append(writer: int) -> None:
            try:
                for turn in range(20):
                    order = runs if (writer + turn) % 2 else runs[::-1]
                    _append(database, *(_event(run, key=f"{turn}") for run in order), _event(order[0]))
            except BaseException as error:  # noqa: BLE001  # told by the assertion below
                failures.append(error)

        threads = [threading.Thread(target=append, args=(writer,)) for writer in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        told = [_sequences(database, run) for run in runs]
        assert [sequences == list(range(1, len(sequences) + 1)) for sequences in told] == [True] * 3
        assert sum(map(len, told)) == 3 * 20 + 6 * 20

    def test_pages_end_at_the_limit(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _append(database, *(_event(run) for _ in range(5)))
        with database.read() as session:
            assert [event.sequence for event in events.since(session, run, 1, limit=2)] == [2, 3]


class TestLogs:
    def test_are_filtered_and_paged(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        levels = ("DEBUG", "INFO", "WARN", "ERROR")
        lines = [
            LogRecord(run, f"s{n % 2}", 1, at(n), level, f"line {n}", {"n": n}) for n, level in enumerate(levels)
        ]  # fmt: skip
        with database.write() as session:
            assert logs.append(session, [*lines, LogRecord(new_execution_id(), None, None, NOON, "INFO", "lost")]) == 1
        with database.read() as session:

            def found(**wanted: Any) -> list[str]:
                return [line.message[-1] for line in logs.query(session, run, **wanted).lines]

            assert found() == ["0", "1", "2", "3"]
            assert found(step_id="s1") == ["1", "3"]
            assert found(levels=["WARN", "ERROR"]) == ["2", "3"]
            assert found(start=at(1), end=at(3)) == ["1", "2"]
            page = logs.query(session, run, limit=3)
            rest = logs.query(session, run, limit=3, cursor=page.cursor)
        assert [line.details["n"] for line in page.lines + rest.lines] == [0, 1, 2, 3]
        assert rest.cursor is None


class TestBatch:
    def test_records_of_all_kinds_go_together(self, database: Database, rows: Rows) -> None:
        run, gone = rows.run(), new_execution_id()
        batch = [
            _event(run, "step.started", key="a"),
            attempt(run),
            ProgressRecord(run, "train", 0.5, "half", NOON),
            LogRecord(run, "train", 1, NOON, "INFO", "hello"),
            attempt(gone),
            _event(gone),
            LogRecord(gone, None, None, NOON, "INFO", "lost"),
        ]
        with database.write() as session:
            recorded = recording.record(session, batch)
        assert (recorded.events, recorded.dropped) == (1, 3)
        with database.read() as session:
            (step,) = steps.list_steps(session, run)
            assert (step.status, step.progress) == ("running", 0.5)
            assert len(logs.query(session, run).lines) == 1
        assert rows.read(run).status == "running"

    def test_again_changes_nothing(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        for _ in range(2):
            with database.write() as session:
                recording.record(session, [_event(run, key="a"), attempt(run, status="completed")])
        with database.read() as session:
            assert len(steps.list_steps(session, run)) == 1
        assert _sequences(database, run) == [1]
