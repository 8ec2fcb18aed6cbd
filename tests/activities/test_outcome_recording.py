from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from single_steps import Records
from temporalio.testing import ActivityEnvironment

from activities.masking import Masker
from activities.outcome import OutcomeWriter
from activities.recording import Recorder
from activities.run_events import RunEventActivities
from activities.step_outcomes import StepOutcomeActivities
from definitions.calls import EventBatch, OutcomePage, RunEvent
from store.database import Database
from store.instances import get_instance
from store.records import EventRecord
from store.tables import WorkflowInstance

SECRET = "very secret"


@pytest.fixture
def recorder(database: Database) -> Iterator[Recorder]:
    recorder = Recorder(database)
    yield recorder
    recorder.close()


@pytest.fixture
def masker() -> Masker:
    return Masker()


@pytest.fixture
def writer(recorder: Recorder, masker: Masker) -> Iterator[OutcomeWriter]:
    writer = OutcomeWriter(recorder, masker)
    yield writer
    writer.close()


def read(database: Database, execution_id: str) -> WorkflowInstance:
    with database.read() as session:
        return get_instance(session, execution_id)


def test_an_outcome_is_written_once_however_often_it_comes(
    writer: OutcomeWriter,
    database: Database,
    records: Records,
    masker: Masker,
    new_execution: Callable[[], str],
) -> None:
    run = new_execution()
    masker.register(run, SECRET)
    first = OutcomePage(
        run,
        [{"step_id": "a", "status": "completed", "output": f"x {SECRET}", "started_at": 1.0, "completed_at": 2.0}],
        False,
    )
    last = OutcomePage(
        run,
        [{"step_id": "b", "status": "failed", "error": {"message": SECRET, "error_class": "error"}}],
        True,
        status="failed",
        error={"message": f"b: {SECRET}", "error_class": "error"},
        context={"k": SECRET},
        started_at=1.0,
        completed_at=3.0,
    )
    writer.submit([first, last])
    assert writer.close()
    masker.register(run, SECRET)
    writer.write([first, first, last])

    instance = read(database, run)
    assert (instance.status, instance.duration_seconds) == ("failed", 2.0)
    assert instance.error == {"message": "b: ***", "error_class": "error"}
    assert instance.execution_state == {"context": {"k": "***"}}
    steps = {attempt.step_id: attempt for attempt in records.attempts(run)}
    assert steps["a"].output_data == "x ***"
    assert steps["b"].error_message == "***"
    assert [event.type for event in records.events(run)] == ["run.failed"]


async def test_steps_are_recorded_while_their_run_goes_on(
    writer: OutcomeWriter, database: Database, records: Records, masker: Masker, new_execution: Callable[[], str]
) -> None:
    run = new_execution()
    masker.register(run, SECRET)
    under_way = OutcomePage(
        run,
        [
            {"step_id": "a", "status": "completed", "output": f"x {SECRET}", "started_at": 1.0, "completed_at": 2.0},
            {"step_id": "b", "status": "skipped", "reason": "condition", "completed_at": 2.0},
        ],
        False,
        temporal_run_id="first history",
    )
    for _ in range(2):
        await ActivityEnvironment().run(StepOutcomeActivities(writer).record_steps, vars(under_way))
    assert read(database, run).completed_at is None
    assert [(each.step_id, each.status, each.output_data) for each in records.attempts(run)] == [
        ("a", "completed", "x ***"),
        ("b", "skipped", None),
    ]

    writer.write([OutcomePage(run, [{"step_id": "c", "status": "completed"}], True, completed_at=3.0)])
    assert read(database, run).status == "completed"
    assert {each.step_id: each.reason for each in records.attempts(run)} == {"a": "", "b": "condition", "c": ""}
    await ActivityEnvironment().run(StepOutcomeActivities(writer).record_steps, vars(under_way))
    assert read(database, run).status == "completed"


async def test_events_come_after_what_was_recorded_before_them(
    database: Database,
    recorder: Recorder,
    masker: Masker,
    records: Records,
    new_execution: Callable[[], str],
) -> None:
    run = new_execution()
    recorder.event(EventRecord(run, "step.started", datetime.now(UTC)))
    batch = EventBatch(
        run,
        "batch-1",
        [{"type": "step.skipped", "step_id": "s", "at": 5.0}, {"type": "run.paused", "at": 6.0, "data": {"by": "me"}}],
        status="paused",
    )
    for _ in range(2):
        await ActivityEnvironment().run(RunEventActivities(recorder, masker).record_events, vars(batch))
    found = records.events(run)
    assert [event.type for event in found] == ["step.started", "step.skipped", "run.paused"]
    assert [event.step_id for event in found] == [None, "s", None]
    assert found[2].data == {"by": "me"}
    assert read(database, run).status == "paused"


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_control_step_that_has_ended_took_from_its_start_to_its_end(
    recorder: Recorder, masker: Masker, records: Records, new_execution: Callable[[], str], at_once: bool
) -> None:
    run = new_execution()
    started: RunEvent = {"type": "step.started", "step_id": "w", "at": 10.0, "data": {"start": 1}}
    ended: RunEvent = {"type": "step.completed", "step_id": "w", "at": 14.0, "data": {"start": 1}}
    batches = [[started, ended]] if at_once else [[started], [ended]]
    for number, events in enumerate([*batches, batches[-1]]):
        batch = EventBatch(run, f"batch-{number}", events)
        await ActivityEnvironment().run(RunEventActivities(recorder, masker).record_events, vars(batch))
    [attempt] = records.attempts(run)
    assert (attempt.status, attempt.duration_seconds) == ("completed", 4.0)


def test_a_run_that_the_store_does_not_have_is_no_error(writer: OutcomeWriter) -> None:
    writer.write([OutcomePage(f"exec_{'0' * 32}", [{"step_id": "a", "status": "completed"}], True)])


def test_outcomes_wait_while_the_database_is_away(tmp_path: Path) -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    recorder = Recorder(database)
    writer = OutcomeWriter(recorder, Masker())
    writer.submit([OutcomePage(f"exec_{'0' * 32}", [], True)])
    assert not writer.close(0.5)
    recorder.close(0.1)
    database.dispose()
