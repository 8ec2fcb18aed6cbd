from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import DefinitionInvalid, InputInvalid, Problem
from definitions.json_values import MAX_DEPTH
from definitions.validation import check, check_input, load


def document(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "w", "steps": list(steps) or [{"id": "a"}], **fields}


def codes(made: object, **options: Any) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in check(made, **options)]


def test_a_definition_is_loaded_with_times_in_seconds() -> None:
    made = load(document({"id": "a", "timeout": "1h30m", "retry": {"max_attempts": 2, "initial_interval": "PT5S"}}))
    assert made.steps[0].timeout == 5400
    assert made.steps[0].retry.initial_interval == 5
    assert made.steps[0].title == "a"


@pytest.mark.parametrize(
    "control",
    [
        {"loop": {"iterate_over": [1, 2], "steps": [{"id": "b"}]}},
        {"branch": {"if": "1 < 2", "then": [{"id": "b"}]}},
        {"parallel": {"steps": [{"id": "b"}]}},
        {"workflow": {"name": "other"}},
        {"wait": "10m"},
        {"approval": {"message": "is it?"}},
    ],
)
def test_each_kind_of_control_step_can_be_run(control: dict[str, Any]) -> None:
    made = document({"id": "a", **control})
    assert codes(made, check_handler=lambda _name: None) == []


def test_control_steps_are_not_local() -> None:
    assert ("bad_control", "steps[0]") in codes(document({"id": "a", "local": True, "wait": "1s"}))


def test_five_mistakes_are_five_problems() -> None:
    made = document(
        {"id": "load", "timeout": "soon"},
        {"id": "train", "depends_on": ["laod"]},
        {"id": "train", "input": {"x": "${load.output}"}},
        {"id": "report", "condition": "open('x')", "depends_on": ["train"]},
        {"id": "end", "retries": 3},
    )
    with pytest.raises(DefinitionInvalid) as invalid:
        load(made)
    problems = invalid.value.problems
    assert [(problem.code, problem.path) for problem in problems] == [
        ("bad_quantity", "steps[0].timeout"),
        ("unknown_step", "steps[1].depends_on[0]"),
        ("duplicate_id", "steps[2].id"),
        ("bad_reference", "steps[2].input.x"),
        ("expression_refused", "steps[3].condition"),
        ("unknown_key", "steps[4].retries"),
    ]
    assert problems[1].remedy == "did you mean `load`?"
    assert all(problem.message and problem.remedy for problem in problems)
    assert "6 problems" in str(invalid.value)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (None, [("not_a_mapping", "")]),
        ([], [("not_a_mapping", "")]),
        ({}, [("missing_field", "steps"), ("missing_field", "name")]),
        ({"name": "w", "steps": []}, [("missing_field", "steps")]),
        ({"name": "w", "steps": {"a": {}}}, [("invalid_value", "steps")]),
        ({"name": "", "steps": [{"id": "a"}]}, [("invalid_value", "name")]),
        (document(versoin="1"), [("unknown_key", "versoin")]),
        (document(version=1.0), [("invalid_value", "version")]),
        (document(priority=101), [("invalid_value", "priority")]),
        (document(expression_language="expr_v9"), [("invalid_value", "expression_language")]),
        (document(3, {"id": "a"}), [("invalid_value", "steps[0]")]),
        (document({"handler": "x"}), [("missing_field", "steps[0].id")]),
        (document({"id": "1a"}), [("bad_id", "steps[0].id")]),
        (document({"id": "a\n"}), [("bad_id", "steps[0].id")]),
        (document({"id": "workflow"}), [("reserved_id", "steps[0].id")]),
        (document({"id": "a", "depends_on": "b"}), [("invalid_value", "steps[0].depends_on")]),
        (document({"id": "a", "retry": {"max_atempts": 2}}), [("unknown_key", "steps[0].retry.max_atempts")]),
        (document({"id": "a", "timeout": 0}), [("invalid_value", "steps[0].timeout")]),
        (document({"id": "a", "input": {"x": "${b.result}"}}), [("unknown_step", "steps[0].input.x")]),
        (document({"id": "a", "condition": "step_outputs.b"}), [("unknown_step", "steps[0].condition")]),
        (document({"id": "a", "depends_on": ["a"]}), [("cycle", "steps[0]")]),
        (
            document({"id": "a", "at_most_once": True, "retry": {"max_attempts": 3}}),
            [("retry_at_most_once", "steps[0].retry.max_attempts")],
        ),
        (document({"id": "a", "local": True, "at_most_once": True}), [("bad_local", "steps[0]")]),
        (document({"id": "a", "local": True, "timeout": "61s"}), [("bad_local", "steps[0]")]),
        (document(error_handlers={"a": "h"}), [("unknown_step", "error_handlers.a")]),
        (document(error_handlers={"b": "a"}), [("unknown_step", "error_handlers.b")]),
        (document(error_handlers={"a": "a"}), [("bad_error_handler", "error_handlers.a")]),
        (
            document({"id": "a"}, {"id": "h"}, {"id": "i"}, error_handlers={"a": "h", "h": "i"}),
            [("bad_error_handler", "error_handlers.h")],
        ),
        (
            document({"id": "a"}, {"id": "b"}, {"id": "h", "depends_on": ["b"]}, error_handlers={"a": "h"}),
            [("bad_error_handler", "steps[2].depends_on[0]")],
        ),
        (
            document({"id": "a"}, {"id": "h", "input": {"x": "${a.result}"}}, error_handlers={"a": "h"}),
            [("bad_error_handler", "steps[1]")],
        ),
        (document(input_schema={"type": "strng"}), [("bad_input_schema", "input_schema.type")]),
        (document(context={"x": float("nan")}), [("not_json", "context.x")]),
        (document(context={"x": {1, 2}}), [("not_json", "context.x")]),
        (document(context={"x": {1: 2}}), [("not_json", "context.x")]),
        (document(context={"x": "a\x00"}), [("not_json", "context.x")]),
        (document(context={"x": "\ud800"}), [("not_json", "context.x")]),
    ],
)
def test_each_mistake_has_its_code_and_path(made: object, expected: list[tuple[str, str]]) -> None:
    assert codes(made) == expected


def test_an_error_handler_may_handle_several_and_name_what_it_handles() -> None:
    made = document(
        {"id": "a"},
        {"id": "b", "depends_on": ["a"]},
        {"id": "h", "depends_on": ["a"], "handler": "tell"},
        error_handlers={"a": "h", "b": "h"},
    )
    assert check(made) == []


def test_a_cycle_is_shown_as_a_path() -> None:
    made = document(
        {"id": "a", "input": {"x": "${c.result}"}},
        {"id": "b", "depends_on": ["a"]},
        {"id": "c", "condition": "step_outputs['b']['ok']"},
        {"id": "d", "depends_on": ["c"]},
    )
    (problem,) = check(made)
    assert problem.code == "cycle"
    assert "a -> b -> c -> a" in problem.message


def test_a_cycle_through_an_error_handler_is_one() -> None:
    made = document(
        {"id": "a", "depends_on": ["b"]}, {"id": "b", "depends_on": ["h"]}, {"id": "h"}, error_handlers={"a": "h"}
    )
    (problem,) = check(made)
    assert "a -> h -> b -> a" in problem.message


def test_the_caller_decides_about_handlers() -> None:
    def check_handler(name: str) -> Problem | None:
        return None if name == "known" else Problem("handler_not_allowed", "", f"{name} is not allowed", "allow it")

    made = document(
        {"id": "a", "handler": "known"}, {"id": "b", "handler": "os.system"}, {"id": "c", "handler": "os.system"}
    )
    assert codes(made, check_handler=check_handler) == [
        ("handler_not_allowed", "steps[1].handler"),
        ("handler_not_allowed", "steps[2].handler"),
    ]
    assert check(made) == []


def test_depth_and_size_have_limits() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert codes(document(context={"x": deep})) == [("too_deep", "context.x[0]")]
    shared: Any = ["x" * 100] * 100
    for _ in range(8):
        shared = [shared] * 10
    assert codes(document(context={"x": shared})) == [("too_large", "")]


def test_too_many_steps_are_one_problem() -> None:
    made = document(*({"id": f"s{index}"} for index in range(100_001)))
    assert codes(made) == [("too_many_steps", "steps")]


def test_a_definition_of_100_000_steps_loads() -> None:
    steps = [{"id": "s0"}]
    steps += [{"id": f"s{index}", "input": {"x": f"${{s{index - 1}.result.x}}"}} for index in range(1, 100_000)]
    assert len(load(document(*steps)).steps) == 100_000


def test_100_000_mistakes_are_told_briefly() -> None:
    problems = check(
        document(*({"id": f"s{index}", "depends_on": [f"x{index}"], "foo": 1} for index in range(100_000)))
    )
    assert problems[-1].code == "too_many_problems"
    assert len(problems) == 1001


def test_checking_changes_nothing() -> None:
    made = document({"id": "a", "input": {"x": ["${input_data.y}"]}}, input_schema={"type": "object"})
    before = copy.deepcopy(made)
    load(made)
    assert made == before


def test_input_is_checked_against_the_schema_all_at_once() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1}, "list": {"items": {"type": "string"}}},
        "required": ["who"],
    }
    made = load(document(input_schema=schema))
    check_input(made, {"who": "me", "n": 1})
    with pytest.raises(InputInvalid) as invalid:
        check_input(made, {"n": 0, "list": ["a", 2]})
    assert [problem.path for problem in invalid.value.problems] == ["n", "list[1]", ""]
    assert "'who' is a required property" in str(invalid.value)


def test_input_must_be_json() -> None:
    with pytest.raises(InputInvalid, match="not a number that JSON knows"):
        check_input(load(document()), {"x": float("inf")})


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["${a.result}", "a", "1 +"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "steps", "id", "depends_on", "input", "condition", "retry", "timeout", "error_handlers", "a"]
            )
            | st.integers(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
_steps = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b", "h"]) | _json},
        optional={
            "depends_on": _json,
            "input": _json,
            "condition": _json,
            "retry": _json,
            "handler": _json,
            "x": _json,
        },
    )
    | _json,
    max_size=4,
)


@given(
    _json
    | st.fixed_dictionaries(
        {"steps": _steps},
        optional={"name": _json, "error_handlers": _json, "input_schema": _json, "context": _json},
    )
)
def test_any_document_is_loaded_or_has_problems(made: object) -> None:
    problems = check(made)
    if problems:
        with pytest.raises(DefinitionInvalid):
            load(made)
    else:
        load(made)
