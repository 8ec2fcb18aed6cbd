"""Runs that are over go on from what is done."""

from __future__ import annotations

import asyncio
import base64
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from continued_runs import WAITING, attempts, becomes, forgotten_by_temporal, gated, noted, run_events, step, until

from activities.masking import Masker
from activities.outcome import OutcomeWriter
from activities.recording import Recorder
from definitions.calls import OutcomePage
from definitions.errors import Conflict, ExecutionNotFound, LongpoleError
from definitions.ids import new_execution_id
from engine.account import outcome_pages
from engine.core import Engine
from engine.reconciler import QUERY_TIMEOUT
from engine.service import working
from store.blobs import BlobMissing
from tests.running import begin, ended, histories, run, statuses


async def test_a_run_that_failed_goes_on_as_the_same_run(on_each_database: Engine, tmp_path: Path) -> None:
    engine, log, missing = on_each_database, tmp_path / "log", tmp_path / "missing"
    document = {
        "name": "repaired",
        "context": {"colour": "red"},
        "steps": [
            noted("once", log),
            step("remember", "remember", "once", colour="blue"),
            step("left_out", "give", "once", value=1, condition="context.colour == 'green'"),
            step("load", "read", "once", file=str(missing), retry={"max_attempts": 2, "initial_interval": 0.05}),
            step("big", "big", bytes=200_000, small=7),
            noted("after", log, "load"),
            step("last", "echo", "after", "remember", text="${load.result.text}", colour="${context.colour}",
                 big="${big.result.small}", left_out="${left_out.result}"),
        ],
    }  # fmt: skip
    failed = await run(engine, document, {"n": 1})
    execution_id = failed.execution_id
    assert failed.status == "failed"
    assert log.read_text() == "once\n"
    missing.write_text("here")

    continuation = await engine.executions.continue_run(execution_id)
    assert continuation.reused == ("once", "remember", "big")
    assert continuation.run_again == ("load", "after", "last")
    assert continuation.decided_again == ("left_out",)
    result = {"text": "here", "colour": "blue", "big": 7, "left_out": None}
    assert await engine.executions.result(execution_id) == result

    done = await engine.executions.get(execution_id)
    assert (done.status, done.error, done.revision, done.input) == ("completed", None, failed.revision, {"n": 1})
    assert statuses(done) == {each["id"]: "completed" for each in document["steps"]} | {"left_out": "skipped"}
    assert {each.step_id: each.output for each in done.steps}["big"] == {"text": "x" * 200_000, "small": 7}
    assert log.read_text() == "once\nafter\n"
    assert await attempts(engine, execution_id, "once") == [(1, 1, "completed")]
    assert await attempts(engine, execution_id, "load") == [(1, 1, "failed"), (1, 2, "failed"), (2, 1, "completed")]
    assert await attempts(engine, execution_id, "left_out") == [(1, 0, "skipped")]
    assert await run_events(engine, execution_id) == ["run.failed", "run.continued", "run.completed"]
    (again,) = [event for event in await engine.executions.events(execution_id) if event.type == "run.continued"]
    assert again.data == {
        "was": "failed", "reused": 3, "run_again": 3, "decided_again": 1, "steps": ["load", "after", "last"],
    }  # fmt: skip
    # What it took is what it took before, and since it was continued; the time in between does not count.
    assert failed.duration_seconds is not None
    assert done.duration_seconds is not None
    assert done.completed_at is not None
    assert done.started_at == failed.started_at
    since = (done.completed_at - again.at).total_seconds()
    assert done.duration_seconds == pytest.approx(failed.duration_seconds + since, abs=1e-3)
    told = await engine.executions.statistics()
    assert (told.total_instances, told.completed_instances, told.failed_instances) == (1, 1, 0)
    assert told.avg_duration_seconds == pytest.approx(done.duration_seconds)
    scheduled = [
        event.activity_task_scheduled_event_attributes.activity_id
        for history in await histories(engine, execution_id)
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled == ["load#2", "after", "last"]


async def test_a_run_can_go_on_again_and_again(service: Engine, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    document = {"name": "stubborn", "steps": [step("a", "give", value=1), step("b", "read", "a", file=str(missing))]}
    execution_id = (await run(service, document)).execution_id
    await service.executions.continue_run(execution_id)
    assert (await ended(service, execution_id)).status == "failed"
    missing.write_text("x")
    assert (await service.executions.continue_run(execution_id)).run_again == ("b",)
    done = await ended(service, execution_id)
    assert (done.status, done.output) == ("completed", {"text": "x"})
    assert await attempts(service, execution_id, "b") == [(1, 1, "failed"), (2, 1, "failed"), (3, 1, "completed")]
    assert await attempts(service, execution_id, "a") == [(1, 1, "completed")]


async def test_of_many_callers_one_continues_it(on_each_database: Engine, tmp_path: Path) -> None:
    engine, missing, log = on_each_database, tmp_path / "missing", tmp_path / "log"
    document = {"name": "raced", "steps": [step("a", "read", file=str(missing)), noted("b", log, "a")]}
    execution_id = (await run(engine, document)).execution_id
    missing.write_text("x")
    answers = await asyncio.gather(
        *(engine.executions.continue_run(execution_id) for _ in range(8)), return_exceptions=True
    )
    refused = [each for each in answers if isinstance(each, Conflict)]
    assert (len(answers), len(refused)) == (8, 7)
    assert all(each.code == "invalid_status" and each.remedy for each in refused)
    assert (await ended(engine, execution_id)).status == "completed"
    assert log.read_text() == "b\n"
    assert await run_events(engine, execution_id) == ["run.failed", "run.continued", "run.completed"]


async def test_a_run_that_is_not_over_or_completed_is_refused(service: Engine) -> None:
    go_on = service.executions.continue_run
    completed = await run(service, {"name": "echo", "steps": [step("a", "echo")]})
    with pytest.raises(Conflict, match="is completed: there is nothing left to do"):
        await go_on(completed.execution_id)
    assert await service.executions.get(completed.execution_id) == completed
    execution_id = await begin(service, WAITING)
    await until(service, execution_id, a="running")
    with pytest.raises(Conflict, match="is running: it goes on already"):
        await go_on(execution_id)
    await service.executions.pause(execution_id)
    await becomes(service, execution_id, "paused")
    with pytest.raises(Conflict, match="is paused, not over") as caught:
        await go_on(execution_id)
    assert "`resume`" in caught.value.remedy
    await service.executions.cancel(execution_id)
    await ended(service, execution_id)
    with pytest.raises(LongpoleError, match="no step 'b'") as unknown:
        await go_on(execution_id, repeat=["b"])
    assert unknown.value.code == "unknown_step"
    with pytest.raises(ExecutionNotFound):
        await go_on(new_execution_id())


async def test_a_run_that_timed_out_gets_its_whole_time_again(service: Engine, tmp_path: Path) -> None:
    steps = [step("a", "give", value=1), gated("b", tmp_path / "gate", "a")]
    timed_out = await run(service, {"name": "slow", "timeout": 6, "steps": steps})
    assert timed_out.status == "timed_out"
    again_from = datetime.now(UTC)
    assert (await service.executions.continue_run(timed_out.execution_id)).reused == ("a",)
    assert (await service.executions.get(timed_out.execution_id)).timeout_at >= again_from + timedelta(seconds=6)
    await until(service, timed_out.execution_id, b="running")
    (tmp_path / "gate").touch()
    done = await ended(service, timed_out.execution_id)
    assert done.status == "completed"
    assert await attempts(service, done.execution_id, "b") == [(1, 1, "cancelled"), (2, 1, "completed")]


async def test_a_paused_run_that_was_cancelled_goes_on_unpaused(service: Engine, tmp_path: Path) -> None:
    document = {"name": "paused", "steps": [gated("a", tmp_path / "gate"), step("b", "echo", "a")]}
    execution_id = await begin(service, document)
    await until(service, execution_id, a="running")
    await service.executions.pause(execution_id)
    await becomes(service, execution_id, "paused")
    (tmp_path / "gate").touch()
    await until(service, execution_id, a="completed")
    await service.executions.cancel(execution_id)
    assert (await ended(service, execution_id)).status == "cancelled"
    assert (await service.executions.continue_run(execution_id)).run_again == ("b",)
    assert (await ended(service, execution_id)).status == "completed"
    assert await attempts(service, execution_id, "b") == [(1, 1, "completed")]


async def test_steps_that_begin_again_are_pending_until_they_do(engine: Engine) -> None:
    document = {"name": "pending", "steps": [step("a", "give", value=1), step("b", "wait", "a", seconds=60)]}
    async with working(engine):
        execution_id = await begin(engine, document)
        await until(engine, execution_id, b="running")
        await engine.executions.cancel(execution_id)
        cancelled = await ended(engine, execution_id)
        assert statuses(cancelled) == {"a": "completed", "b": "cancelled"}
    await engine.executions.continue_run(execution_id)
    waiting = await engine.executions.get(execution_id)
    assert (waiting.status, waiting.error, waiting.output) == ("pending", None, None)
    assert statuses(waiting) == {"a": "completed", "b": "pending"}
    assert await attempts(engine, execution_id, "b") == [(1, 1, "cancelled")]


async def test_error_handlers_run_again_only_for_what_fails_again(service: Engine, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    document = {
        "name": "handled",
        "steps": [
            step("bad", "fail"),
            step("fixed", "read", file=str(missing)),
            step("still", "fail"),
            step("after", "echo", "bad", was="${bad.result.was}"),
            {"id": "mend", "handler": "steps.recover"},
            {"id": "tell", "handler": "steps.notify"},
            {"id": "tell_too", "handler": "steps.notify"},
        ],
        "error_handlers": {"bad": "mend", "fixed": "tell", "still": "tell_too"},
    }
    execution_id = (await run(service, document)).execution_id
    missing.write_text("x")
    told = await service.executions.continue_run(execution_id)
    assert (told.reused, told.run_again) == (("bad", "after", "mend"), ("fixed", "still"))
    assert told.decided_again == ("tell", "tell_too")
    done = await ended(service, execution_id)
    assert done.status == "failed"
    assert statuses(done) == {
        "bad": "completed", "fixed": "completed", "still": "failed", "after": "completed", "mend": "completed",
        "tell": "skipped", "tell_too": "completed",
    }  # fmt: skip
    assert {each.step_id: each.reason for each in done.steps if each.reason} == {
        "bad": "recovered", "tell": "not_needed",
    }  # fmt: skip
    assert await attempts(service, execution_id, "mend") == [(1, 1, "completed")]
    assert await attempts(service, execution_id, "tell") == [(1, 1, "completed"), (2, 0, "skipped")]
    assert await attempts(service, execution_id, "tell_too") == [(1, 1, "completed"), (2, 1, "completed")]


async def test_what_may_run_once_is_not_begun_again_unasked(service: Engine) -> None:
    document = {"name": "charged", "steps": [step("charge", "fail", at_most_once=True)]}
    failed = await run(service, document)
    with pytest.raises(Conflict, match="charge") as caught:
        await service.executions.continue_run(failed.execution_id)
    assert caught.value.code == "at_most_once"
    assert await service.executions.get(failed.execution_id) == failed
    await service.executions.continue_run(failed.execution_id, repeat=["charge"])
    await ended(service, failed.execution_id)
    assert await attempts(service, failed.execution_id, "charge") == [(1, 1, "failed"), (2, 1, "failed")]


async def test_a_lost_value_is_named_and_nothing_has_changed(service: Engine) -> None:
    document = {
        "name": "lost",
        "steps": [step("big", "big", bytes=200_000), step("b", "fail", "big", text="${big.result.text}")],
    }
    failed = await run(service, document)
    blobs = [path for path in (service.settings.data_dir / "blobs").rglob("*") if path.is_file()]
    kept = {path: path.read_bytes() for path in blobs}
    for path in kept:
        path.unlink()
    with pytest.raises(BlobMissing, match="the output of step 'big' is lost, and needed to go on") as caught:
        await service.executions.continue_run(failed.execution_id)
    assert (caught.value.code, bool(caught.value.remedy)) == ("blob_missing", True)
    for path, content in kept.items():
        path.write_bytes(content)
    assert await service.executions.get(failed.execution_id) == failed
    await service.executions.continue_run(failed.execution_id)
    assert (await ended(service, failed.execution_id)).status == "failed"


async def test_a_run_goes_on_whose_history_is_gone(service: Engine, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    document = {
        "name": "forgotten",
        "steps": [*(step(f"s{n}", "big", bytes=30_000) for n in range(40)),
                  step("a", "read", *(f"s{n}" for n in range(40)), file=str(missing)),
                  step("b", "length", "a", text="".join(f"${{s{n}.result.text}}" for n in range(40)))],
    }  # fmt: skip
    execution_id = (await run(service, document)).execution_id
    missing.write_text("x")
    await forgotten_by_temporal(service, execution_id)
    assert len((await service.executions.continue_run(execution_id)).reused) == 40
    done = await ended(service, execution_id)
    assert (done.status, done.output) == ("completed", 1_200_000)
    # Outputs that the workflow had no room for any more are still in the records.
    assert all(each.output == {"text": "x" * 30_000, "small": 1} for each in done.steps[:40])


async def test_a_run_with_a_large_context_goes_on(service: Engine) -> None:
    """Outputs are moved out of the way; the context can't be, and goes with all the rest."""
    values = {f"k{n}": base64.b64encode(random.Random(n).randbytes(45_000)).decode() for n in range(31)}
    steps = [
        *({**step(f"r{n}", "remember"), "input": {key: f"${{input_data.{key}}}"}} for n, key in enumerate(values)),
        step("bad", "fail", *(f"r{n}" for n in range(len(values)))),
    ]
    failed = await run(service, {"name": "large", "steps": steps}, values)
    assert {each.status for each in failed.steps[:-1]} == {"completed"}
    assert len((await service.executions.continue_run(failed.execution_id)).reused) == len(values)
    again = await ended(service, failed.execution_id)
    assert (again.status, again.context) == ("failed", failed.context)


async def test_what_expressions_look_into_stays_at_hand(service: Engine, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    large = [f"s{n}" for n in range(10)]
    condition = " and ".join(f"len(step_outputs['{each}']['text']) == 30000" for each in large)
    steps = [
        *(step(each, "big", bytes=30_000) for each in large),
        step("a", "read", *large, file=str(missing)),
        step("b", "give", "a", value="looked", condition=condition),
    ]
    execution_id = (await run(service, {"name": "looking", "steps": steps})).execution_id
    missing.write_text("x")
    await service.executions.continue_run(execution_id)
    done = await ended(service, execution_id)
    assert (done.status, done.output) == ("completed", "looked")


async def test_an_end_that_is_told_late_is_no_news(service: Engine, tmp_path: Path) -> None:
    """Some worker that the database was away from still writes how the run ended before it was continued."""
    missing, gate = tmp_path / "missing", tmp_path / "gate"
    document = {"name": "late", "steps": [step("a", "read", file=str(missing)), gated("b", gate, "a")]}
    failed = await run(service, document)
    handle = service.client.get_workflow_handle(failed.execution_id)
    old = await outcome_pages(handle, "outcome", QUERY_TIMEOUT)
    missing.write_text("x")
    recorder = Recorder(service.database)
    writer = OutcomeWriter(recorder, Masker())
    try:
        await service.executions.continue_run(failed.execution_id)
        await asyncio.to_thread(writer.write, old)
        await until(service, failed.execution_id, b="running")
        await asyncio.to_thread(writer.write, old)
        assert await service.executions.status(failed.execution_id) == "running"
        gate.touch()
        done = await ended(service, failed.execution_id)
        await asyncio.to_thread(writer.write, old)
    finally:
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(recorder.close)
    assert done.status == "completed"
    assert await service.executions.get(failed.execution_id) == done
    assert isinstance(old[-1], OutcomePage)
    assert await run_events(service, failed.execution_id) == ["run.failed", "run.continued", "run.completed"]
