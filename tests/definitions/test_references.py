from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import ReferenceInvalid, ReferenceUnresolved
from definitions.references import compile_template, find_references
from definitions.scope import Scope
from definitions.values import BlobRef, Text


@pytest.fixture
def scope() -> Scope:
    return Scope(
        input_data={"x": 5, "name": "Bo", "deep": {"list": [{"a key": True}]}, "evil": "${secrets.key} ${s.result}"},
        context={"region": "eu"},
        step_outputs={"s": {"label": "POSITIVE", "result": 7}, "step-2": [1, None], "big": BlobRef("d", 99)},
        skipped={"gone"},
        workflow={"id": "exec_1", "name": "w"},
        loop={"current_item": {"url": "u"}, "index": 3},
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${s.result}", {"label": "POSITIVE", "result": 7}),
        ("${s.result.label}", "POSITIVE"),
        ("${s.result.result}", 7),
        ("${step_outputs.s.result}", 7),
        ("${step-2.result[0]}", 1),
        ("${step-2.result}", [1, None]),
        ("${workflow.input.x}", 5),
        ("${input_data.x}", 5),
        ("${input_data['deep'].list[0]['a key']}", True),
        ("${context.region}", "eu"),
        ("${workflow.id}", "exec_1"),
        ("${loop.current_item.url}-${loop.index}", "u-3"),
        ("Hi ${input_data.name}: ${step-2.result}", "Hi Bo: [1,null]"),
        ("${input_data.x}${input_data.x}", "55"),
        ("$${s.result}", "${s.result}"),
        ("cost: $5 $${x} {y} ${input_data.x}", "cost: $5 ${x} {y} 5"),
        ("${gone.result}", None),
        ("${gone.result.any[3].thing}", None),
        ("was ${gone.result.x}", "was null"),
        ({"a": ["${s.result.label}", 1], "${s.result}": "b"}, {"a": ["POSITIVE", 1], "${s.result}": "b"}),
    ],
)
def test_references_are_looked_up(scope: Scope, written: Any, value: Any) -> None:
    result = compile_template(written).resolve(scope)
    assert result == value
    assert type(result) is type(value)


def test_what_a_value_contains_is_never_looked_at_again(scope: Scope) -> None:
    assert compile_template("${input_data.evil}").resolve(scope) == "${secrets.key} ${s.result}"
    assert compile_template("<${input_data.evil}>").resolve(scope) == "<${secrets.key} ${s.result}>"


def test_large_values_stay_references(scope: Scope) -> None:
    assert compile_template("${big.result.rows[0]}").resolve(scope) == BlobRef("d", 99, ("rows", 0))
    assert compile_template("rows: ${big.result}.").resolve(scope) == Text(("rows: ", BlobRef("d", 99), "."))


def test_a_template_without_references_is_the_value_itself(scope: Scope) -> None:
    value = {"a": [1, {"b": "text"}]}
    template = compile_template(value)
    assert template.resolve(scope) is value
    assert template.step_ids == ()


def test_resolving_changes_nothing_that_is_shared(scope: Scope) -> None:
    template = compile_template({"a": {"b": "${input_data.x}"}, "l": ["${input_data.x}", 1]})
    first = template.resolve(scope)
    first["a"]["b"] = first["l"][1] = "changed"
    assert template.resolve(scope) == {"a": {"b": 5}, "l": [5, 1]}


def test_the_steps_referred_to_are_known_in_order() -> None:
    template = compile_template(
        {"x": "${b.result} ${a.result.y}", "y": ["${step_outputs.c}", "${b.result}", "${input_data.q}"]}
    )
    assert template.step_ids == ("b", "a", "c")
    assert [reference.text for reference in find_references(["${a.result}", "$${b.result}"])] == ["${a.result}"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("${", r"\$\{ can't be read"),
        ("${}", r"\$\{\} can't be read"),
        ("${a.result", "has no closing }"),
        ("${a.b}", r"to read step `a` write \$\{a\.result\.b\}"),
        ("${a}", r"write \$\{a\.result\}"),
        ("${a.result..b}", "can't be read"),
        ("${a.result[x]}", "can't be read"),
        ("${a.result + 1}", "can't be read"),
        ("${workflow}", "names no field"),
        ("${step_outputs}", "names no step"),
        ("${step_outputs[0]}", "names no step"),
        ("${secrets.key}", "secrets are read by handlers"),
        ("${template.x}", "only a workflow template"),
        ("${a.result" + ".x" * 1000 + "}", "longer than 1000"),
    ],
)
def test_what_is_no_reference_is_refused_with_its_text(written: str, message: str) -> None:
    with pytest.raises(ReferenceInvalid, match=message):
        compile_template({"k": [written]})


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("${s.result.lable}", r"\$\{s\.result\.lable\}: .*no key `lable`.*did you mean `label`"),
        ("${late.result}", "`late` has no output: it has not completed"),
        ("${input_data.y.z}", "`input_data` has no key `y`"),
        ("${workflow.revision}", "no key `revision`"),
    ],
)
def test_a_reference_that_leads_nowhere_says_where(scope: Scope, written: str, message: str) -> None:
    with pytest.raises(ReferenceUnresolved, match=message):
        compile_template(written).resolve(scope)


def test_there_is_a_loop_only_inside_one(scope: Scope) -> None:
    scope.loop = None
    with pytest.raises(ReferenceUnresolved, match="no loop"):
        compile_template("${loop.index}").resolve(scope)


@given(st.text(st.sampled_from("${}.[]'\"0ab_- result")))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    try:
        template = compile_template(text)
    except ReferenceInvalid:
        return
    if "${" not in text:
        assert template.resolve(Scope({}, {}, {}, (), {})) == text
