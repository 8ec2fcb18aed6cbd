"""Control steps in mock runs: timers on the simulated clock, events, answers and workflows from the responses."""

from __future__ import annotations

from typing import Any

import pytest

from definitions import validation
from definitions.errors import DecisionRefused, LongpoleError
from engine.mock.responses import ResponsesInvalid, read_responses
from engine.mock.run import MockRun, mock_run


def _run(*steps: dict[str, Any], run_input: Any = None, **responses: Any) -> MockRun:
    definition = validation.load({"name": "w", "steps": list(steps)})
    return mock_run(definition, read_responses(responses, definition), run_input or {})


def _loop(*steps: dict[str, Any], over: Any = "${input_data.names}", **fields: Any) -> dict[str, Any]:
    return {"id": "docs", "loop": {"iterate_over": over, "steps": list(steps), **fields}}


def _step(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "handler": "app.work", **more}


def test_iterations_take_their_time_and_one_can_be_named() -> None:
    run = _run(
        _loop(_step("read", input={"of": "${loop.current_item}"})),
        run_input={"names": ["a", "b", "c"]},
        steps={"read": {"output": 1, "seconds": 10}, "docs[1].read": {"output": 2, "seconds": 100}},
    )
    assert (run.status, run.seconds, run.output) == ("completed", 120.0, [1, 2, 1])
    assert list(run.steps) == ["docs", "docs[0].read", "docs[1].read", "docs[2].read"]
    assert [(a.step_id, a.input) for a in run.attempts][1] == ("docs[1].read", {"of": "b"})
    assert run.steps["docs[1].read"].get("output") == 2


def test_waits_and_timeouts_take_no_time_really() -> None:
    run = _run(
        {"id": "pause", "wait": "30 days"},
        {"id": "go", "wait": {"event": "go", "timeout": "1h", "on_timeout": "continue"}, "depends_on": ["pause"]},
    )
    assert (run.status, run.seconds) == ("completed", 30 * 86_400 + 3_600.0)


def test_events_and_answers_come_from_the_responses() -> None:
    run = _run(
        {"id": "go", "wait": {"event": "go"}},
        {
            "id": "ask",
            "approval": {"message": "${go.result.what}?", "approvers": ["ann", "bob"], "values": {"n": 1}},
        },
        events=[{"name": "go", "after": "5m", "data": {"what": "now"}}],
        approvals={"ask": {"after": "10m", "comment": "ok", "values": {"n": 2}}},
    )
    assert (run.status, run.seconds) == ("completed", 900.0)
    assert run.output["approved"] is True
    assert (run.output["by"], run.output["comment"], run.output["values"]) == ("ann", "ok", {"n": 2})
    assert [event["type"] for event in run.events].count("approval.requested") == 1


def test_without_a_word_approvals_are_given_at_once() -> None:
    run = _run({"id": "ask", "approval": {"message": "?"}})
    assert (run.status, run.seconds) == ("completed", 0.0)


def test_nobody_may_answer() -> None:
    run = _run({"id": "ask", "approval": {"message": "?", "timeout": "2h"}}, approvals={"ask": {"approved": None}})
    assert (run.status, run.seconds) == ("failed", 7_200.0)


@pytest.mark.parametrize(
    ("step", "responses", "said"),
    [
        ({"id": "go", "wait": {"event": "deploy"}}, {}, "the event 'deploy'"),
        ({"id": "ask", "approval": {"message": "?"}}, {"approvals": {"ask": {"approved": None}}}, "an answer to 'ask'"),
    ],
)
def test_a_run_that_waits_for_what_never_comes_says_so(step: dict[str, Any], responses: Any, said: str) -> None:
    with pytest.raises(LongpoleError) as waits:
        _run(step, **responses)
    assert waits.value.code == "mock_waits"
    assert said.replace("'", "") in str(waits.value).replace("`", "").replace("'", "")


def test_answers_that_break_the_form_are_refused() -> None:
    form = {"type": "object", "properties": {"n": {"type": "integer"}}}
    with pytest.raises(DecisionRefused):
        _run(
            {"id": "ask", "approval": {"message": "?", "values": {"n": 1}, "form": form}},
            approvals={"ask": {"values": {"n": "x"}}},
        )


def test_workflows_return_what_the_responses_say() -> None:
    step = {"id": "child", "workflow": {"name": "other"}, "input": {"n": 1}}
    run = _run(step, workflows={"other": {"output": [1], "seconds": 60}})
    assert (run.output, run.seconds) == ([1], 60.0)
    failed = _run(step, workflows={"other": {"errors": ["broken"], "message": "no"}})
    assert failed.status == "failed"
    assert failed.attempts[0].error_class == "broken"


def test_large_results_are_told_whole() -> None:
    run = _run(
        _loop(_step("read"), over=list(range(100)), parallel=True),
        _step("join", input={"all": "${docs.result}"}),
        steps={"read": {"output": "x" * 2_000}, "join": {"output": 1}},
    )
    assert run.steps["docs"].get("output") == ["x" * 2_000] * 100
    assert run.attempts[-1].input == {"all": ["x" * 2_000] * 100}


def test_names_that_nothing_has_are_refused() -> None:
    with pytest.raises(ResponsesInvalid) as invalid:
        _run(
            _loop(_step("read")),
            run_input={"names": []},
            steps={"docs[0].reed": {}},
            workflows={"other": {}},
            approvals={"read": {}},
        )
    assert [problem.code for problem in invalid.value.problems] == [
        "unknown_step",
        "unknown_workflow",
        "unknown_approval",
    ]


@pytest.mark.parametrize("path", ["docs.read", "other[2].read", "docs[1].ask", "docs[0].read.read"])
def test_a_path_that_no_step_can_have_is_refused(path: str) -> None:
    with pytest.raises(ResponsesInvalid) as refused:
        _run(_loop(_step("read"), over=[1, 2]), steps={path: {"output": 1}})
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == ("unknown_step", f"steps.{path}")
    assert ("write `read` for all of its instances" in problem.remedy) is path.endswith("read")
