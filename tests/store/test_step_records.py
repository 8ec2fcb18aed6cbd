from __future__ import annotations

from typing import Any

import pytest
from rows import NOON, Rows, at, attempt

from definitions.calls import StepOutcome
from definitions.ids import new_execution_id
from store import instances, outcomes, steps
from store.database import Database
from store.locks import locked_runs
from store.records import AttemptRecord, ProgressRecord
from store.tables import WorkflowStepExecution


def _record(database: Database, *records: AttemptRecord) -> int:
    with database.write() as session:
        return steps.record_attempts(session, records)


def _settle(database: Database, run: str, *settled: StepOutcome) -> None:
    with database.write() as session, locked_runs(session, [run]) as runs:
        outcomes.record_outcome_steps(session, runs[run], settled)


def _steps(database: Database, run: str, **wanted: Any) -> list[WorkflowStepExecution]:
    with database.read() as session:
        return steps.list_steps(session, run, **wanted)


def _outcome(step_id: str = "train", status: str = "completed", **fields: Any) -> StepOutcome:
    return {
        "step_id": step_id,
        "status": status,
        "started_at": NOON.timestamp(),
        "completed_at": at(5).timestamp(),
    } | fields


class TestAttempts:
    def test_the_end_replaces_the_start_and_keeps_its_input(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(database, attempt(run, input_data={"n": 1}, input_slots=[{"at": ["x"]}], worker="one"))
        _record(database, attempt(run, status="completed", completed_at=at(2.5), output_data=[1], usage={"cpu": 2.0}))
        (step,) = _steps(database, run)
        assert (step.status, step.input_data, step.input_slots) == ("completed", {"n": 1}, [{"at": ["x"]}])
        assert (step.output_data, step.usage, step.duration_seconds) == ([1], {"cpu": 2.0}, 2.5)

    @pytest.mark.parametrize("together", [True, False])
    def test_running_never_replaces_an_end(self, database: Database, rows: Rows, together: bool) -> None:
        run = rows.run()
        late = [attempt(run, status="failed", completed_at=at(1), error_message="boom"), attempt(run)]
        if together:
            _record(database, *late)
        else:
            for record in late:
                _record(database, record)
        (step,) = _steps(database, run)
        assert (step.status, step.error_message) == ("failed", "boom")

    def test_the_first_one_starts_the_run(self, database: Database, rows: Rows) -> None:
        pending, paused = rows.run(), rows.run()
        with database.write() as session:
            instances.set_status(session, paused, "paused")
        _record(database, attempt(pending, "b", started_at=at(3)), attempt(pending, "a"), attempt(paused))
        _record(database, attempt(pending, "c", started_at=at(-9)))
        assert (rows.read(pending).status, rows.read(pending).started_at) == ("running", NOON)
        assert (rows.read(paused).status, rows.read(paused).started_at) == ("paused", NOON)

    def test_what_has_no_run_is_counted_and_the_rest_kept(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        assert _record(database, attempt(new_execution_id()), attempt("nonsense"), attempt(run)) == 2
        assert len(_steps(database, run)) == 1

    def test_nothing_a_record_may_hold_loses_the_batch(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        odd = {"nan": float("nan"), "set": {1}, 3: "nul\x00", "half": "\udc80"}
        _record(database, attempt(run, "odd", output_data=odd, error_message="nul\x00", status="failed"), attempt(run))
        step = _steps(database, run, wanted=steps.StepFilter(statuses=["failed"]))[0]
        assert step.output_data == {"nan": "nan", "set": "{1}", "3": "nul\x00", "half": "\udc80"}
        assert step.error_message == "nul\ufffd"
        assert len(_steps(database, run)) == 2

    def test_a_batch_of_thousands(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(database, *(attempt(run, f"s{n}", status="completed", started_at=at(n)) for n in range(2000)))
        assert [step.step_id for step in _steps(database, run, limit=2, offset=1998)] == ["s1998", "s1999"]

    def test_of_each_step_the_last_attempt_can_be_listed(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(
            database,
            attempt(run, "a", 1, status="failed"),
            attempt(run, "a", 2, status="failed", started_at=at(1)),
            attempt(run, "a", 1, start=2, started_at=at(2)),
            attempt(run, "b", status="completed"),
        )
        last = [(step.step_id, step.start, step.attempt_number) for step in _steps(database, run, last_only=True)]
        assert last == [("b", 1, 1), ("a", 2, 1)]
        assert [
            step.step_id for step in _steps(database, run, last_only=True, wanted=steps.StepFilter(statuses=["failed"]))
        ] == []


class TestProgress:
    def test_is_kept_on_the_running_attempt(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(database, attempt(run, status="failed"), attempt(run, number=2))
        told = [ProgressRecord(run, "train", fraction, f"epoch {fraction}", at(fraction)) for fraction in (0.5, 0.25)]
        with database.write() as session:
            assert steps.record_progress(session, [*told, ProgressRecord(new_execution_id(), "x", 0.1, "", NOON)]) == 1
        first, second = _steps(database, run)
        assert (first.progress, second.progress, second.progress_label) == (None, 0.5, "epoch 0.5")


class TestOutcome:
    def test_settles_the_last_attempt(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(
            database,
            attempt(run, status="failed", error_message="first", will_retry=True),
            attempt(run, number=2, input_data={"n": 1}, usage={"cpu": 1.0}, started_at=at(1)),
        )
        _settle(database, run, _outcome(attempts=2, output={"acc": 0.9}))
        first, second = _steps(database, run)
        assert (first.status, first.error_message) == ("failed", "first")
        assert (second.status, second.output_data, second.input_data) == ("completed", {"acc": 0.9}, {"n": 1})
        assert (second.usage, second.duration_seconds, second.attempt_number) == ({"cpu": 1.0}, 4.0, 2)

    def test_an_end_that_the_attempt_told_itself_keeps_its_time(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(database, attempt(run, status="completed", completed_at=at(3)), attempt(run, "other"))
        _settle(database, run, _outcome(), _outcome("other"))
        ends = {step.step_id: (step.completed_at, step.duration_seconds) for step in _steps(database, run)}
        assert ends == {"train": (at(3), 3.0), "other": (at(5), 5.0)}

    def test_makes_rows_where_none_were_recorded(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        told = [
            _outcome("ran", attempts=2, lost=1),
            _outcome("left_out", "skipped", reason="condition", started_at=None, completed_at=None),
            _outcome("broke", "failed", error={"message": "boom", "error_class": "timeout", "traceback": "..."}),
        ]
        for _ in range(2):  # it is retried until it holds
            _settle(database, run, *told)
        found = {step.step_id: step for step in _steps(database, run)}
        assert len(found) == len(_steps(database, run)) == 3
        assert (found["ran"].attempt_number, found["ran"].duration_seconds) == (3, 5.0)
        assert (found["left_out"].attempt_number, found["left_out"].status, found["left_out"].reason) == (
            0, "skipped", "condition",
        )  # fmt: skip
        broke = found["broke"]
        assert (broke.error_message, broke.error_class, broke.error_traceback) == ("boom", "timeout", "...")

    def test_an_attempt_whose_end_was_never_told_was_lost(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(database, attempt(run), attempt(run, number=2, started_at=at(1)))
        _settle(database, run, _outcome(attempts=1, lost=1))
        first, second = _steps(database, run)
        assert (first.status, first.error_class, second.status) == ("failed", outcomes.WORKER_LOST, "completed")

    def test_counts_attempts_over_restarts(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(database, attempt(run, status="failed"), attempt(run, start=2, started_at=at(1)))
        _settle(database, run, _outcome(attempts=2))
        assert [(step.start, step.attempt_number, step.status) for step in _steps(database, run)] == [
            (1, 1, "failed"),
            (2, 1, "completed"),
        ]

    def test_tells_of_the_start_that_it_says(self, database: Database, rows: Rows) -> None:
        """As in a run that was continued: its earlier start stays as it was, recorded or not what came after."""
        run = rows.run()
        _record(database, attempt(run, status="failed", error_message="first"))
        for _ in range(2):
            _settle(database, run, _outcome(start=2, output=7))
        told = [(step.start, step.attempt_number, step.status, step.error_message) for step in _steps(database, run)]
        assert told == [(1, 1, "failed", "first"), (2, 1, "completed", None)]
        never = _outcome("train", "cancelled", start=3, attempts=0, started_at=None, completed_at=None)
        for _ in range(2):
            _settle(database, run, never)
        told = [(step.start, step.attempt_number, step.status, step.error_message) for step in _steps(database, run)]
        assert told[:2] == [(1, 1, "failed", "first"), (2, 1, "completed", None)]
        assert told[2:] == [(3, 0, "cancelled", None)]

    def test_an_output_that_is_not_told_stays_as_recorded(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _record(
            database,
            attempt(run, status="completed", output_data={"n": 1}, output_slots=[{"at": ["x"]}]),
            attempt(run, "null", status="completed", output_data={"n": 1}),
            attempt(run, "cut", status="completed", output_data={"n": 1}),
        )
        _settle(
            database, run, _outcome(), _outcome("null", output=None), _outcome("cut", "cancelled"), _outcome("late")
        )
        _record(database, attempt(run, "late", status="completed", output_data="late"))
        outputs = {step.step_id: (step.output_data, step.output_slots) for step in _steps(database, run)}
        assert outputs == {
            "train": ({"n": 1}, [{"at": ["x"]}]), "null": (None, None), "cut": (None, None), "late": ("late", None),
        }  # fmt: skip

    def test_late_records_fill_in_but_change_nothing(self, database: Database, rows: Rows) -> None:
        run = rows.run()
        _settle(database, run, _outcome("train", "cancelled", reason="abandoned", attempts=1))
        late = attempt(run, status="completed", output_data="late", input_data={"n": 1}, worker="w", completed_at=at(9))
        _record(database, late)
        (step,) = _steps(database, run)
        assert (step.status, step.output_data, step.reason) == ("cancelled", None, "abandoned")
        assert (step.input_data, step.worker, step.completed_at) == ({"n": 1}, "w", at(5))
