"""What is wrong with control steps is told at once, each with its path and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import Problem
from definitions.model import CONTROL_KEYS, MAX_NESTING
from definitions.validation import check, load


def document(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "w", "steps": list(steps), **fields}


def problems(*steps: Any, **fields: Any) -> list[Problem]:
    return check(document(*steps, **fields))


def told(*steps: Any, **fields: Any) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in problems(*steps, **fields)]


def loop(*steps: Any, over: Any = (1, 2), **fields: Any) -> dict[str, Any]:
    return {
        "id": "docs",
        "loop": {"iterate_over": list(over) if isinstance(over, tuple) else over, "steps": list(steps), **fields},
    }


EXAMPLES: dict[str, dict[str, Any]] = {
    "branch": {"if": "1 < 2", "then": [{"id": "x"}]},
    "loop": {"iterate_over": [1], "steps": [{"id": "x"}]},
    "parallel": {"steps": [{"id": "x"}]},
    "workflow": {"name": "other"},
    "wait": {"event": "go"},
    "approval": {"message": "?"},
}


@pytest.mark.parametrize("key", CONTROL_KEYS)
def test_each_kind_is_read_and_written_back(key: str) -> None:
    made = load(document({"id": "a", key: EXAMPLES[key]}))
    assert load(made.model_dump(mode="json", exclude_defaults=True)) == made


@pytest.mark.parametrize("key", CONTROL_KEYS)
@pytest.mark.parametrize(
    "other", [{"handler": "app.x"}, {"retry": {"max_attempts": 2}}, {"at_most_once": True}, {"local": True}]
)
def test_a_control_step_has_nothing_of_a_handler(key: str, other: dict[str, Any]) -> None:
    [problem] = problems({"id": "a", key: EXAMPLES[key], **other})
    assert problem.code == "bad_control"
    assert f"`{key}`" in problem.message
    assert f"`{next(iter(other))}`" in problem.message


def test_a_step_is_one_thing() -> None:
    [problem] = problems({"id": "a", "wait": 5, "workflow": {"name": "other"}})
    assert (problem.code, problem.message) == ("bad_control", "a step has `workflow` and `wait`")


@pytest.mark.parametrize(
    ("step", "code", "path"),
    [
        ({"loop": {"steps": [{"id": "x"}]}}, "bad_fields", "loop"),
        ({"loop": {"iterate_over": [1], "while": "1 < 2", "steps": [{"id": "x"}]}}, "bad_fields", "loop"),
        ({"loop": {"while": "1 < 2", "steps": [{"id": "x"}]}}, "bad_fields", "loop"),
        ({"loop": {"iterate_over": [1], "max_parallel": 2, "steps": [{"id": "x"}]}}, "bad_fields", "loop"),
        ({"loop": {"iterate_over": [1], "steps": []}}, "missing_field", "loop.steps"),
        ({"loop": {"iterate_over": 7, "steps": [{"id": "x"}]}}, "bad_fields", "loop.iterate_over"),
        ({"branch": {"iff": "1 < 2", "then": [{"id": "x"}]}}, "missing_field", "branch.if"),
        ({"branch": {"if": "open('x')", "then": [{"id": "x"}]}}, "expression_refused", "branch.if"),
        ({"wait": "soon"}, "bad_quantity", "wait.for"),
        ({"wait": {}}, "bad_fields", "wait"),
        ({"wait": {"for": 5, "event": "go"}}, "bad_fields", "wait"),
        ({"wait": {"until": "2026-07-02"}}, "bad_quantity", "wait"),
        ({"approval": {"message": "?", "form": {"type": "nope"}}}, "bad_form", "approval.form.type"),
        ({"approval": {"message": "?", "form": {"pattern": "(?=x)"}}}, "bad_form", "approval.form.pattern"),
        ({"approval": {"message": "?", "form": {"anyOf": [{"type": 5}]}}}, "bad_form", "approval.form.anyOf[0].type"),
        ({"approval": {"message": "?", "form": {"$ref": "#/$defs/none"}}}, "bad_form", "approval.form"),
        ({"approval": {"message": "?", "form": {"$schema": "draft-07"}}}, "bad_form", "approval.form.$schema"),
        ({"approval": {"message": "?", "on_timeout": "reject"}}, "bad_fields", "approval"),
        ({"approval": {}}, "missing_field", "approval.message"),
        ({"workflow": {}}, "missing_field", "workflow.name"),
    ],
)
def test_fields_that_make_no_sense_are_named(step: dict[str, Any], code: str, path: str) -> None:
    found = problems({"id": "a", **step})
    assert (code, f"steps[0].{path}") in [(problem.code, problem.path) for problem in found]


def test_references_lead_beside_or_around_never_inside() -> None:
    inside = {"id": "b", "input": {"top": "${a.result}", "beside": "${c.result}"}}
    assert told({"id": "a"}, loop(inside, {"id": "c"})) == []
    [problem] = problems(loop({"id": "c"}), {"id": "after", "input": {"x": "${c.result}"}})
    assert (problem.code, problem.path) == ("unknown_step", "steps[1].input.x")
    assert "refer to that step's result" in problem.remedy
    assert told(loop({"id": "c", "input": {"x": "${docs.result}"}})) == [
        ("refers_to_enclosing", "steps[0].loop.steps[0].input.x")
    ]


def test_a_control_step_waits_for_what_is_referred_to_in_it() -> None:
    first = loop({"id": "b", "input": {"x": "${late.result}"}})
    assert told(first, {"id": "late", "depends_on": ["docs"]})[0][0] == "cycle"
    assert told(first, {"id": "late"}) == []


def test_cycles_inside_of_blocks_are_found() -> None:
    [problem] = problems(loop({"id": "a", "depends_on": ["b"]}, {"id": "b", "depends_on": ["a"]}))
    assert (problem.code, problem.path) == ("cycle", "steps[0].loop.steps[0]")
    assert "a -> b -> a" in problem.message or "b -> a -> b" in problem.message


@pytest.mark.parametrize(
    "steps",
    [
        [{"id": "a"}, loop({"id": "a"})],
        [loop({"id": "docs"})],
        [loop({"id": "a"}, {"id": "a"})],
        [{"id": "r", "branch": {"if": "1 < 2", "then": [{"id": "a"}], "else": [{"id": "a"}]}}],
    ],
)
def test_an_id_is_there_once_along_each_path(steps: list[dict[str, Any]]) -> None:
    assert [code for code, _ in told(*steps)] == ["duplicate_id"]


def test_blocks_that_are_not_in_each_other_may_use_the_same_ids() -> None:
    assert told(loop({"id": "a"}), {"id": "both", "parallel": {"steps": [{"id": "a"}]}}) == []


@pytest.mark.parametrize(
    ("reference", "is_right"),
    [
        ("loop.index", True),
        ("loop.current_item.anything", True),
        ("loop.parent.index", False),
        ("loop.previous", False),
        ("loop.curent_item", False),
    ],
)
def test_it_is_known_what_a_loop_has(reference: str, is_right: bool) -> None:
    for field in ({"input": {"x": f"${{{reference}}}"}}, {"condition": f"{reference} == 1"}):
        found = told(loop({"id": "a", **field}))
        assert [code for code, _ in found] == ([] if is_right else ["bad_loop_reference"])


def test_outside_of_loops_there_is_no_loop() -> None:
    assert told({"id": "a", "input": {"x": "${loop.index}"}}) == [("bad_loop_reference", "steps[0].input.x")]


def test_eight_levels_are_allowed_and_the_ninth_is_named() -> None:
    made: dict[str, Any] = {"id": "x"}
    for level in range(MAX_NESTING):
        made = {"id": f"p{level}", "parallel": {"steps": [made]}}
    assert told(made) == []
    [problem] = problems({"id": "outermost", "parallel": {"steps": [made]}})
    assert problem.code == "too_deep"
    assert str(MAX_NESTING) in problem.message


def test_blocks_can_not_handle_errors() -> None:
    assert told({"id": "a"}, loop({"id": "x"}), error_handlers={"a": "docs"}) == [
        ("bad_error_handler", "steps[1].loop")
    ]
    assert told(loop({"id": "x"}), {"id": "b", "approval": {"message": "?"}}, error_handlers={"docs": "b"}) == []
