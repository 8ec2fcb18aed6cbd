"""Mock runs follow the rules of real ones, on a clock that jumps."""

from __future__ import annotations

from typing import Any

import pytest

from definitions import validation
from definitions.errors import InputInvalid
from definitions.model import Definition
from engine.mock.responses import ResponsesInvalid, read_responses
from engine.mock.run import MockRun, mock_run


def _definition(*steps: dict[str, Any], **more: Any) -> Definition:
    return validation.load({"name": "w", "steps": list(steps), **more})


def _run(definition: Definition, responses: dict[str, Any] | None = None, run_input: Any = None) -> MockRun:
    return mock_run(definition, read_responses(responses or {}, definition), run_input or {})


def _step(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": "app.work", **more}


def _retries(step_id: str, attempts: int, **more: Any) -> dict[str, Any]:
    return _step(step_id, retry={"max_attempts": attempts, "initial_interval": 10, "backoff_coefficient": 2}, **more)


def test_outputs_flow_and_time_is_that_of_the_longest_path() -> None:
    definition = _definition(
        _step("load", estimated_duration="1m"),
        _step("left", depends_on=["load"], input={"rows": "${load.result.rows}"}),
        _step("right", depends_on=["load"]),
        _step("join", depends_on=["left", "right"], input={"got": "${left.result}"}),
    )
    run = _run(
        definition,
        {
            "steps": {
                "load": {"output": {"rows": 7}},
                "left": {"output": "l", "seconds": "2 minutes"},
                "right": {"seconds": 5},
                "join": {"output": "done", "context": {"seen": 1}},
            }
        },
    )
    assert (run.status, run.output, run.seconds, run.context) == ("completed", "done", 180.0, {"seen": 1})
    assert [(a.step_id, a.started_at, a.ended_at) for a in run.attempts] == [
        ("load", 0.0, 60.0),
        ("right", 60.0, 65.0),
        ("left", 60.0, 180.0),
        ("join", 180.0, 180.0),
    ]
    assert {a.step_id: a.input for a in run.attempts}["left"] == {"rows": 7}
    assert run.steps["load"].get("output") == {"rows": 7}, "kept, though nothing needs it any more"


def test_attempts_follow_the_retry_policy() -> None:
    definition = _definition(_retries("call", 4))
    run = _run(definition, {"steps": {"call": {"errors": ["rate_limit", "timeout"], "seconds": 1, "output": "ok"}}})
    assert [(a.attempt, a.started_at, a.status, a.error_class) for a in run.attempts] == [
        (1, 0.0, "retrying", "rate_limit"),
        (2, 11.0, "retrying", "timeout"),
        (3, 32.0, "completed", None),
    ]
    assert run.steps["call"]["attempts"] == 3


def test_what_always_fails_uses_up_its_attempts_and_permanent_errors_do_not() -> None:
    definition = _definition(_retries("a", 3), _retries("b", 3))
    run = _run(definition, {"steps": {"a": {"always_fails": "error"}, "b": {"always_fails": "invalid_input"}}})
    assert (run.status, run.steps["a"]["attempts"], run.steps["b"]["attempts"]) == ("failed", 3, 1)
    assert run.error is not None
    assert "made up" in run.error["message"]


def test_an_attempt_that_takes_too_long_times_out() -> None:
    definition = _definition(_step("slow", timeout=30))
    run = _run(definition, {"handlers": {"app.work": {"seconds": "1h"}}})
    (attempt,) = run.attempts
    assert (run.status, attempt.ended_at, attempt.error_class) == ("failed", 30.0, "timeout")
    assert attempt.error_message == "it takes 3600 s and may take 30 s"


def test_conditions_skips_and_error_handlers() -> None:
    definition = _definition(
        _step("check"),
        _step("big", depends_on=["check"], condition="step_outputs.check.n > 10"),
        _step("work", depends_on=["check"]),
        _step("rescue"),
        _step("after", depends_on=["work"], input={"x": "${work.result.x}"}),
        error_handlers={"work": "rescue"},
    )
    run = _run(
        definition,
        {
            "steps": {
                "check": {"output": {"n": 3}},
                "work": {"always_fails": "error"},
                "rescue": {"output": {"recovered": True, "x": 5}},
            }
        },
    )
    assert run.status == "completed"
    assert {step_id: step["status"] for step_id, step in run.steps.items()}["big"] == "skipped"
    assert {a.step_id: a.input for a in run.attempts}["after"] == {"x": 5}


def test_the_timeout_of_the_run_ends_what_runs_and_what_waits_for_another_attempt() -> None:
    definition = _definition(_step("long"), _retries("again", 9), _step("never", depends_on=["long"]), timeout=100)
    run = _run(definition, {"steps": {"long": {"seconds": 1000}, "again": {"always_fails": "error"}}})
    assert (run.status, run.seconds) == ("timed_out", 100.0)
    assert {step_id: step["status"] for step_id, step in run.steps.items()} == dict.fromkeys(
        ("long", "again", "never"), "cancelled"
    )


def test_a_limit_of_parallel_steps_is_kept() -> None:
    definition = _definition(*[_step(f"s{n}", estimated_duration=10) for n in range(6)], max_parallel_steps=2)
    assert _run(definition).seconds == 30.0


def test_many_steps_take_no_time() -> None:
    definition = _definition(
        *[_step(f"s{n}", depends_on=[f"s{n - 1}"] if n else [], estimated_duration=3600) for n in range(2000)]
    )
    assert _run(definition).seconds == 2000 * 3600.0


def test_what_is_wrong_with_responses_is_told_all_at_once() -> None:
    definition = _definition(_step("train"))
    with pytest.raises(ResponsesInvalid) as wrong:
        read_responses({"steps": {"trian": {}}, "handlers": {"app.wrok": {}}}, definition)
    assert [(problem.code, problem.path) for problem in wrong.value.problems] == [
        ("unknown_step", "steps.trian"),
        ("unknown_handler", "handlers.app.wrok"),
    ]
    assert "did you mean `train`?" in str(wrong.value)
    with pytest.raises(ResponsesInvalid, match="secnds"):
        read_responses({"default": {"secnds": 1}}, definition)


def test_the_input_is_checked() -> None:
    definition = _definition(_step("a"), input_schema={"type": "object", "required": ["x"]})
    with pytest.raises(InputInvalid):
        _run(definition)
