from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import pytest
from single_steps import Records

from activities.recording import Recorder
from activities.waiting import WaitingRecords
from definitions.ids import new_execution_id
from store.database import Database, Session, StoreUnavailable
from store.records import AttemptRecord, EventRecord, LogRecord, ProgressRecord

T = TypeVar("T")


class Failing:
    """The database, which can be made to fail."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.down = threading.Event()
        self.refused = threading.Event()

    def write(self) -> AbstractContextManager[Session]:
        if self.down.is_set():
            self.refused.set()
            raise StoreUnavailable("gone", passing=True, remedy="wait")
        return self.database.write()

    def run_write(self, work: Callable[[Session], T]) -> T:
        if self.down.is_set():
            self.refused.set()
            raise StoreUnavailable("gone", passing=True, remedy="wait")
        return self.database.run_write(work)


@pytest.fixture
def failing(database: Database) -> Failing:
    return Failing(database)


@pytest.fixture
def recorder(failing: Failing) -> Iterator[Recorder]:
    recorder = Recorder(cast("Database", failing))
    yield recorder
    recorder.close(1.0)


def now() -> datetime:
    return datetime.now(UTC)


def line(execution_id: str, message: str, metadata: dict[str, Any] | None = None) -> LogRecord:
    return LogRecord(execution_id, "s", 1, now(), "INFO", message, metadata or {})


def attempt(execution_id: str, **fields: Any) -> AttemptRecord:
    given: dict[str, Any] = {"start": 1, "attempt": 1, "max_attempts": 1, "status": "running", "started_at": now()}
    return AttemptRecord(execution_id, "s", **{**given, **fields})


def test_records_of_all_kinds_are_written_in_order(
    recorder: Recorder, records: Records, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    recorder.attempt_started(attempt(run, input_data={"a": 1}))
    recorder.log(line(run, "one"))
    recorder.progress(ProgressRecord(run, "s", 0.5, "half", now()))
    recorder.event(EventRecord(run, "custom", now()))
    assert recorder.flush(run, 90)
    [running] = records.attempts(run)
    assert (running.status, running.progress, running.input_data) == ("running", 0.5, {"a": 1})
    recorder.attempt_ended(
        attempt(run, status="failed", error_class="timeout", completed_at=now(), input_data={"a": 1})
    )
    assert recorder.flush(run, 90)
    assert [event.type for event in records.events(run)] == ["step.started", "custom", "step.failed"]
    assert records.events(run)[-1].data["error_class"] == "timeout"
    assert [found.message for found in records.lines(run)] == ["one"]


def test_an_attempt_told_twice_is_one_attempt_and_one_event(
    recorder: Recorder, records: Records, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    for _ in range(2):
        recorder.attempt_started(attempt(run))
        assert recorder.flush(run, 90)
    assert len(records.attempts(run)) == len(records.events(run)) == 1


def test_a_database_that_is_gone_loses_nothing(
    recorder: Recorder, failing: Failing, records: Records, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    failing.down.set()
    for number in range(50):
        recorder.log(line(run, str(number)))
    assert failing.refused.wait(90)
    assert not recorder.flush(run, 0.1)
    # What concerns nobody here is not waited for.
    assert recorder.flush(new_execution(), 0.1)
    failing.down.clear()
    assert recorder.flush(run, 90)
    assert [found.message for found in records.lines(run)] == [str(number) for number in range(50)]


def ending(run: str) -> Callable[[Session, Any], list[EventRecord]]:
    return lambda session, runs: [EventRecord(run, "run.completed", now())]


def test_what_is_written_after_a_database_was_gone_comes_after_what_waited_for_it(
    recorder: Recorder, failing: Failing, records: Records, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    failing.down.set()
    recorder.event(EventRecord(run, "one", now()))
    assert failing.refused.wait(90)
    # Long enough for pauses that are longer than a writer beside it would wait.
    assert not recorder.flush(run, 3.5)
    failing.down.clear()
    recorder.write_with(run, ending(run))
    assert [event.type for event in records.events(run)] == ["one", "run.completed"]


def test_who_writes_beside_another_of_the_same_run_comes_with_what_that_one_could_not_write(
    recorder: Recorder, failing: Failing, records: Records, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    begun, broken = threading.Event(), threading.Event()

    def breaking(session: Session, runs: Any) -> list[EventRecord]:
        begun.set()
        assert broken.wait(90)
        raise StoreUnavailable("gone", passing=False, remedy="wait")

    def write(beside: Callable[[Session, Any], list[EventRecord]]) -> None:
        with suppress(StoreUnavailable):
            recorder.write_with(run, beside)

    recorder.event(EventRecord(run, "one", now()))
    first = threading.Thread(target=write, args=(breaking,))
    first.start()
    assert begun.wait(90)
    second = threading.Thread(target=write, args=(ending(run),))
    second.start()
    broken.set()
    for thread in (first, second):
        thread.join(90)
    assert [event.type for event in records.events(run)] == ["one", "run.completed"]


def test_a_record_that_is_refused_takes_no_other_with_it(
    recorder: Recorder, records: Records, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    for number in range(20):
        recorder.log(line(run, str(number)))
        if number == 7:
            recorder.log(LogRecord(run, "s", 1, datetime(2026, 1, 1), "INFO", "no time zone"))  # noqa: DTZ001
    assert recorder.flush(run, 90)
    assert [found.message for found in records.lines(run)] == [str(number) for number in range(20)]


def test_records_of_a_run_without_a_row_are_dropped(recorder: Recorder) -> None:
    run = new_execution_id()
    recorder.log(line(run, "to nobody"))
    assert recorder.flush(run, 90)


def test_closing_writes_what_is_waiting_and_says_when_it_could_not(
    failing: Failing, records: Records, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    recorder = Recorder(cast("Database", failing))
    recorder.log(line(run, "last"))
    assert recorder.close(20.0)
    assert [found.message for found in records.lines(run)] == ["last"]
    failing.down.set()
    cut_off = Recorder(cast("Database", failing))
    cut_off.log(line(run, "lost"))
    assert not cut_off.close(0.3)


def test_what_waits_is_bounded_and_what_was_dropped_is_said() -> None:
    waiting = WaitingRecords(most=100, most_with_data=50)
    for number in range(300):
        waiting.add(line("run", str(number)))
        if number % 10 == 0:
            waiting.add(EventRecord("run", "event", now()))
        if number == 250:
            waiting.add(attempt("run", output_data="large", output_slots=[1]))
    assert len(waiting) <= 100
    note, *taken = waiting.take(1000)
    assert isinstance(note, LogRecord)
    kept = [record for record in taken if isinstance(record, LogRecord)]
    assert note.metadata == {"dropped": 300 - len(kept)}
    assert kept[-1].message == "299"
    assert sum(isinstance(record, EventRecord) for record in taken) == 30
    [stripped] = [record for record in taken if isinstance(record, AttemptRecord)]
    assert stripped.output_data is None
    assert not waiting.concerns("run")
    assert waiting.take(10) == []
