"""Attempts of steps on a real Temporal server: results, retries, timeouts, cancellation, poison."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from single_steps import CANARY, Records, Steps, failure_of
from step_worker import step_worker
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, CancelledError

from definitions.values import BlobRef, pack, unpack
from tests.polling import eventually


async def flushed(steps: Steps) -> None:
    assert steps.recorder is not None
    assert await asyncio.to_thread(steps.recorder.flush, None, 90.0)


async def noted(steps: Steps, text: str) -> None:
    async def noticed() -> bool:
        return steps.notes.exists() and text in steps.notes.read_text()

    await eventually(noticed)


@pytest.mark.parametrize("handler", ["echo", "echo_plain", "wrapped_async"])
async def test_a_handler_gets_its_input_and_runs_off_the_workers_event_loop(steps: Steps, handler: str) -> None:
    result = await steps.result(handler, {"a": [1, None, "ü"]})
    output = result["output"]
    assert set(result) == {"output"}
    assert output["got"] == {"a": [1, None, "ü"]}
    assert output["attempt"] == 1
    assert (output.get("loop") or output.get("thread")).startswith("longpole-")


async def test_what_a_handler_tells_is_returned_and_recorded(steps: Steps, records: Records) -> None:
    result = await steps.result("tells", {"best": "svm"}, context={"given": 7}, title="Tell", max_attempts=2)
    report = steps.data_dir / "artifacts" / steps.last / "report.txt"
    artifact = {"uri": report.as_uri(), "name": "report.txt", "media_type": "text/plain", "metadata": {"pages": 1}}
    assert result == {
        "output": {"seen": 7},
        "context": {"best": "svm"},
        "usage": {"tokens": 7, "cost": 0.5},
        "artifacts": [artifact],
    }
    assert report.read_text() == "hello"

    await flushed(steps)
    [attempt] = records.attempts(steps.last)
    assert (attempt.status, attempt.attempt_number, attempt.max_attempts) == ("completed", 1, 2)
    assert attempt.input_data == {"best": "svm"}
    assert attempt.output_data == {"seen": 7}
    assert attempt.usage == {"tokens": 7, "cost": 0.5}
    assert attempt.artifacts == [artifact]
    assert attempt.worker == "tester"
    assert attempt.duration_seconds is not None
    lines = records.lines(steps.last)
    assert [(line.level, line.message, line.details) for line in lines] == [
        ("INFO", "half way", {"rows": 3}),
        ("ERROR", "it is broken", {"at": "2026-01-02 00:00:00+00:00"}),
    ]
    events = records.events(steps.last)
    assert [event.type for event in events] == ["step.started", "step.completed"]
    assert events[0].data["title"] == "Tell"


async def test_the_idempotency_key_names_run_step_and_iteration(steps: Steps, records: Records) -> None:
    result = await steps.result("echo", None, iteration="[3]")
    assert result["output"]["key"] == f"{steps.last}/s[3]"
    await flushed(steps)
    assert [attempt.step_id for attempt in records.attempts(steps.last)] == ["s[3]"]


async def test_failed_attempts_are_counted_and_spaced_as_the_policy_says(steps: Steps, records: Records) -> None:
    policy: dict[str, Any] = {"max_attempts": 4, "initial_interval": 0.2, "backoff_coefficient": 3.0}
    given = {"good": 4, "how": "temporary", "notes": str(steps.notes)}
    result = await steps.result("fails_until", given, max_interval=0.7, **policy)
    assert result == {"output": {"attempt": 4}, "attempts": 4}
    lines = [line.split() for line in steps.notes.read_text().splitlines()]
    assert [int(number) for number, _ in lines] == [1, 2, 3, 4]
    times = [float(at) for _, at in lines]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    # Timers never fire early; how late they fire is the machine's affair.
    assert gaps[0] >= 0.19
    assert gaps[1] >= 0.59
    assert gaps[2] >= 0.69

    await flushed(steps)
    attempts = records.attempts(steps.last)
    assert [attempt.status for attempt in attempts] == ["failed"] * 3 + ["completed"]
    assert [attempt.will_retry for attempt in attempts] == [True] * 3 + [False]
    assert attempts[0].error_class == "temporary_failure"
    kinds = [event.type for event in records.events(steps.last)]
    assert kinds == ["step.started", "step.retrying"] * 3 + ["step.started", "step.completed"]


async def test_the_last_attempt_fails_the_step(steps: Steps, records: Records) -> None:
    given = {"good": 9, "how": "temporary", "notes": str(steps.notes)}
    failure = await steps.failure("fails_until", given, max_attempts=3, initial_interval=0.05)
    assert failure.type == "temporary_failure"
    assert failure.message == "attempt 3 fails"
    [detail] = failure.details
    assert (detail["attempts"], detail["lost"], detail["error_class"]) == (3, 0, "temporary_failure")
    assert "in fails_until" in detail["traceback"]
    assert "handler_loop" not in detail["traceback"]
    assert len(steps.notes.read_text().splitlines()) == 3
    await flushed(steps)
    assert [event.type for event in records.events(steps.last)][-1] == "step.failed"


@pytest.mark.parametrize(
    ("how", "policy"),
    [
        ("permanent", {}),
        ("input", {}),
        ("temporary", {"retry_on_errors": ["timeout"]}),
        ("temporary", {"at_most_once": True}),
    ],
)
async def test_no_attempt_follows_where_none_is_worth_it(steps: Steps, how: str, policy: dict[str, Any]) -> None:
    given = {"good": 9, "how": how, "notes": str(steps.notes)}
    await steps.failure("fails_until", given, max_attempts=3, initial_interval=0.05, **policy)
    assert len(steps.notes.read_text().splitlines()) == 1


async def test_a_rate_limit_says_how_long_to_wait(steps: Steps) -> None:
    given = {"notes": str(steps.notes)}
    result = await steps.result("rate_limited", given, max_attempts=2, initial_interval=0.05)
    assert result["output"]["waited"] >= 1.4


@pytest.mark.parametrize("handler", ["sleeps", "waits_for_flag", "deaf", "blocks"])
async def test_a_timeout_is_the_attempts_own(steps: Steps, handler: str) -> None:
    given = {"seconds": 6.0, "notes": str(steps.notes)}
    failure = await steps.failure(handler, given, timeout=0.3, max_attempts=2, retry_on_timeout=False)
    assert failure.type == "timeout"
    assert "0.3 s" in failure.message
    assert steps.notes.read_text().count("started") == 1
    # A handler that blocks the loop of async handlers does not keep later ones waiting.
    assert (await steps.result("echo", 1))["output"]["got"] == 1


async def test_a_timeout_is_retried_when_the_policy_says_so(steps: Steps) -> None:
    given = {"seconds": 60, "notes": str(steps.notes)}
    failure = await steps.failure("sleeps", given, timeout=0.2, max_attempts=2, initial_interval=0.05)
    assert failure.details[0]["attempts"] == 2
    assert steps.notes.read_text() == "started 1\ncleaned up\nstarted 2\ncleaned up\n"


@pytest.mark.parametrize("handler", ["sleeps", "waits_for_flag"])
async def test_a_cancelled_handler_is_told_and_cleans_up(steps: Steps, records: Records, handler: str) -> None:
    handle = await steps.start(handler, {"seconds": 60, "notes": str(steps.notes)})
    await noted(steps, "started")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    cause: BaseException | None = caught.value.cause
    assert isinstance(cause.cause if isinstance(cause, ActivityError) else cause, CancelledError)
    assert "cleaned up" in steps.notes.read_text()
    await flushed(steps)
    assert [attempt.status for attempt in records.attempts(steps.last)] == ["cancelled"]
    assert [event.type for event in records.events(steps.last)] == ["step.started", "step.cancelled"]


async def test_a_handler_that_was_done_before_it_noticed_keeps_its_result(steps: Steps) -> None:
    # Longer than it takes to tell it, and well within the time that it has from then on.
    handle = await steps.start("deaf", {"seconds": 2.0, "notes": str(steps.notes)})
    await noted(steps, "started")
    await handle.cancel()
    assert (await handle.result())["output"] == "done all the same"


async def test_a_handler_that_blocks_stalls_no_heartbeat_and_no_plain_handler(steps: Steps) -> None:
    # Longer than the heartbeat timeout: it would run twice if heartbeats stopped.
    handle = await steps.start("blocks", {"seconds": 7.0, "notes": str(steps.notes)})
    await noted(steps, "started")
    other = await steps.result("echo_plain", 1)
    assert other["output"]["got"] == 1
    assert (await handle.describe()).status is not None
    assert await handle.result() == {"output": "done"}


@pytest.mark.parametrize("which", ["datetime", "nan", "infinity", "key", "cycle", "deep", "surrogate", "bytes"])
async def test_what_json_cannot_hold_is_a_typed_failure(steps: Steps, which: str) -> None:
    failure = await steps.failure("returns_poison", {"which": which}, max_attempts=3)
    assert failure.type == "result_not_json"
    assert failure.message.startswith("`result")
    assert failure.details[0]["attempts"] == 1
    if which == "datetime":
        assert failure.message == "`result.rows[1].at` is a datetime, which JSON can't hold; use `.isoformat()`"


@pytest.mark.parametrize("which", ["set", "generator", "function", "number", "evil", "stopping"])
async def test_results_that_fight_back_are_failures_too(steps: Steps, which: str) -> None:
    failure = await steps.failure("returns_poison", {"which": which})
    assert failure.type in ("result_not_json", "error")


@pytest.mark.parametrize("handler", ["raises_poison", "raises_poison_plain"])
async def test_whatever_is_raised_is_a_bounded_typed_failure(steps: Steps, records: Records, handler: str) -> None:
    expected = {
        "exit": "error",
        "interrupt": "error",
        "generator_exit": "error",
        "stop": "error",
        "unprintable": "error",
        "unpicklable": "error",
        "group": "error",
        "huge": "error",
        "nul": "error",
        "cancelled": "cancelled",
        "timeout": "timeout",
        "connection": "temporary_failure",
        "assertion": "error",
        "recursion": "error",
    }
    handles = {which: await steps.start(handler, {"which": which}) for which in expected}
    for which, handle in handles.items():
        failure = await failure_of(handle)
        assert failure.type == expected[which], which
        assert len(failure.message.encode()) <= 4096
        assert len(failure.details[0]["traceback"].encode()) <= 8192
        assert failure.message
        assert failure.cause is None
    assert (await steps.result("echo", 1))["output"]["got"] == 1


async def test_a_task_that_tries_to_end_the_process_does_not(steps: Steps) -> None:
    assert (await steps.result("task_exits", None))["output"] == "still here"
    assert (await steps.result("echo", 1))["output"]["got"] == 1


async def test_three_megabytes_travel_by_reference_and_arrive(steps: Steps, records: Records) -> None:
    result = await steps.result("sized", {"bytes": 3_000_000, "dict": True})
    assert result["output"] == {"small": 1, "large": None, "flag": True}
    reference = unpack(result["output"], result["slots"])["large"]
    assert isinstance(reference, BlobRef)
    assert reference.size == 3_000_002
    await flushed(steps)
    [attempt] = records.attempts(steps.last)
    assert attempt.output_slots == result["slots"]

    call = pack({"value": reference})
    assert (await steps.result("length", call.json, slots=call.slots))["output"]["length"] == 3_000_000
    await flushed(steps)
    [attempt] = records.attempts(steps.last)
    assert attempt.input_data == {"value": None}
    assert attempt.input_slots == call.slots

    whole = await steps.result("sized", {"bytes": 3_000_000})
    assert isinstance(unpack(whole["output"], whole["slots"]), BlobRef)


async def test_a_hundred_megabytes_are_a_typed_failure(steps: Steps) -> None:
    failure = await steps.failure("sized", {"bytes": 100_000_000}, max_attempts=3)
    assert failure.type == "result_too_large"
    assert failure.details[0]["attempts"] == 1


@pytest.mark.parametrize(
    ("slots", "error_class"),
    [
        ([{"at": ["value"], "blob": [f"sha256:{'0' * 64}", 9, []]}], "blob_missing"),
        ([{"at": ["value"], "blob": ["sha256:../../etc/passwd", 9, []]}], "blob_missing"),
    ],
)
async def test_a_blob_that_is_not_there_is_a_typed_failure(steps: Steps, slots: list[Any], error_class: str) -> None:
    assert (await steps.failure("length", {"value": None}, slots=slots)).type == error_class


@pytest.mark.parametrize(
    ("handler", "error_class"),
    [
        ("os.system", "handler_not_allowed"),
        ("attempt_handlers.absent", "handler_not_found"),
        ("attempt_handlers._poison", "handler_not_allowed"),
        ("attempt_handlers.no_arguments", "error"),
    ],
)
async def test_handlers_that_cannot_be_called(steps: Steps, handler: str, error_class: str) -> None:
    assert (await steps.failure(handler, None)).type == error_class


@pytest.mark.parametrize("fail", [False, True])
async def test_secrets_are_nowhere_to_be_found(steps: Steps, records: Records, fail: bool) -> None:
    basic = base64.b64encode(f"user:{CANARY}".encode()).decode()
    handle = await steps.start("leaks", {"basic": basic, "fail": fail})
    told = repr((await failure_of(handle)).details) if fail else json.dumps(await handle.result())
    # What later steps of the run say is masked too.
    later = f"{CANARY} {quote(CANARY, safe='')}"
    again = await steps.result("leaks_later", {"text": later}, execution_id=steps.last)
    assert again == {"output": {"again": "*** ***"}}
    await flushed(steps)
    history = (await handle.fetch_history()).to_json()
    stored = b"".join(
        path.read_bytes()
        for path in steps.data_dir.rglob("*")
        if path.is_file() and (path.name.startswith("test.db") or "blobs" in path.parts)
    )
    inside = base64.b64encode(f"user:{CANARY}".encode()).decode()[8:-4]
    for form in (CANARY, json.dumps(CANARY)[1:-1], quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode()):
        assert form not in told
        assert form.encode() not in stored
        # Payloads in the history are base64 themselves.
        assert form not in decoded(history)
    assert inside.encode() not in stored
    assert "***" in told
    assert len(records.lines(steps.last)) == 2


def decoded(history: str) -> str:
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("data"), str):
                found.append(base64.b64decode(value["data"]).decode())
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, str):
            found.append(value)

    walk(json.loads(history))
    return "\n".join(found)


async def test_a_worker_that_stops_lets_short_steps_end(idle_steps: Steps, tmp_path: Path) -> None:
    steps = idle_steps
    async with step_worker(steps.client, steps.task_queue, steps.database, tmp_path, grace=10.0):
        handle = await steps.start("deaf", {"seconds": 1.0, "notes": str(steps.notes)})
        await noted(steps, "started")
    async with step_worker(steps.client, steps.task_queue, steps.database, tmp_path):
        assert await handle.result() == {"output": "done all the same"}


@pytest.mark.parametrize("at_most_once", [False, True])
async def test_a_step_that_its_stopping_worker_cut_off_is_lost_not_failed(
    idle_steps: Steps, tmp_path: Path, at_most_once: bool
) -> None:
    steps = idle_steps
    async with step_worker(steps.client, steps.task_queue, steps.database, tmp_path, grace=0.2):
        given = {"gate": str(tmp_path / "gate"), "notes": str(steps.notes)}
        handle = await steps.start("sleeps_until", given, at_most_once=at_most_once)
        await noted(steps, "started")
    (tmp_path / "gate").touch()
    async with step_worker(steps.client, steps.task_queue, steps.database, tmp_path):
        if at_most_once:
            assert (await failure_of(handle)).type == "worker_lost"
        else:
            assert await handle.result() == {"output": "slept", "lost": 1}
    assert "cleaned up" in steps.notes.read_text()
