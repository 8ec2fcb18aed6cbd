from __future__ import annotations

from typing import Any

import pytest

from definitions.input_schema import input_problems, schema_problems


def test_patterns_take_linear_time() -> None:
    schema = {
        "patternProperties": {"^(a+)+$": {"type": "string"}},
        "additionalProperties": {"type": "string", "pattern": "^(a|aa)+$"},
    }
    assert schema_problems(schema) == []
    evil = "a" * 5_000 + "!"
    assert sorted(len(problem.path) for problem in input_problems(schema, {evil: evil, "aaa": 1})) == [3, 5005]


def test_additional_properties_are_named() -> None:
    schema = {"properties": {"a": {}}, "patternProperties": {"^x-": {}}, "additionalProperties": False}
    (problem,) = input_problems(schema, {"a": 1, "x-b": 2, "c": 3})
    assert problem.path == "c"
    assert "not a known field" in problem.message


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "strng"}, "strng"),
        ({"properties": {"x": {"pattern": "(?=a)"}}}, "not a pattern"),
        ({"patternProperties": {"(": {}}}, "not a pattern"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "another dialect"),
        ({"unevaluatedProperties": False, "patternProperties": {}}, "does not go with"),
        ({"required": "x"}, "not of type 'array'"),
        ({"properties": {"x": {"$ref": "#/$defs/none"}}, "$defs": {}}, "refers to '#/$defs/none', which is not in it"),
        ({"items": {"$ref": "http://localhost:1/x.json"}}, "refers to 'http://localhost:1/x.json'"),
    ],
)
def test_what_is_no_schema_is_refused(schema: Any, message: str) -> None:
    (problem,) = schema_problems(schema)
    assert problem.code == "bad_input_schema"
    assert message in problem.message


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"next": {"$ref": "#/$defs/a"}}}}},
        {"$id": "urn:x:whole", "$defs": {"a": {"$anchor": "here"}}, "items": {"$ref": "urn:x:whole#here"}},
        {"const": {"$ref": "#/nowhere"}, "properties": {"$ref": {"type": "string"}}},
        True,
    ],
)
def test_references_that_lead_somewhere_and_what_only_looks_like_one_are_taken(schema: Any) -> None:
    assert schema_problems(schema) == []


def _doubling() -> dict[str, Any]:
    levels = {f"l{level}": {"allOf": [{"$ref": f"#/$defs/l{level + 1}"}] * 2} for level in range(40)}
    return {"$ref": "#/$defs/l0", "$defs": {**levels, "l40": {}}}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#"}, "without an end"),
        ({"$dynamicRef": "#"}, "without an end"),
        (_doubling(), "without an end"),
        # Definitions that were stored when nobody looked for these:
        ({"$ref": "http://127.0.0.1:9/schema"}, "refers to 'http://127.0.0.1:9/schema'"),
        ({"$ref": "#/$defs/missing"}, "refers to"),
    ],
)
def test_references_are_bounded_and_never_fetched(schema: Any, message: str) -> None:
    problems = input_problems(schema, {"x": 1})
    assert message in problems[-1].message


def test_a_schema_may_refer_to_itself() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    assert input_problems(schema, {"next": {"next": {}}}) == []
    assert [problem.path for problem in input_problems(schema, {"next": {"next": {"x": 1}}})] == ["next.next.x"]
