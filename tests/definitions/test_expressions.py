from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import ConditionError, ExpressionRefused
from definitions.expressions import compile_expression
from definitions.scope import Scope
from definitions.values import BlobRef, Text


@pytest.fixture
def scope() -> Scope:
    return Scope(
        input_data={
            "region": "eu",
            "n": 3,
            "flags": [True, False],
            "nothing": None,
            "quote": "' or True or '",
            "reference": "${secrets.key}",
            "long": "x" * 60_000,
            "rows": list(range(30_000)),
            "a": {"b": [{"c": 1}]},
        },
        context={"region": "eu"},
        step_outputs={
            "a": {"ok": True, "score": 0.7},
            "previous_step": {"success": True},
            "sentiment": {"label": "POSITIVE"},
            "big": BlobRef("d", 99_999),
            "part": {"of": BlobRef("d", 99_999, ("x",)), "text": Text(("x", BlobRef("d", 9)))},
        },
        skipped={"gone"},
        workflow={"id": "exec_1", "name": "w"},
        loop={"current_item": "c", "index": 2},
    )


def evaluate(text: str, scope: Scope) -> Any:
    return compile_expression(text).evaluate(scope)


@pytest.mark.parametrize(
    "text",
    [
        "step_outputs['previous_step']['success'] == True",
        "step_outputs['a']['ok'] == True",
        "step_outputs.get('a', {}).get('score', 0) > 0.5 and input_data.region == 'eu'",
        "${sentiment.result.label} == 'POSITIVE'",
    ],
)
def test_documented_conditions_hold(scope: Scope, text: str) -> None:
    assert compile_expression(text).test(scope) is True
    assert evaluate(text, scope) is True


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("7 // 2 + 7 % 4", 6),
        ("-input_data.n", -3),
        ("'a' + 'b'", "ab"),
        ("[1] + [2, [3]]", [1, 2, [3]]),
        ("(1, 'x')", [1, "x"]),
        ("{'k': input_data.n, 'l': [None]}", {"k": 3, "l": [None]}),
        ("input_data['a'].b[0]['c']", 1),
        ("input_data.rows[-1]", 29_999),
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("'a' < 'b'", True),
        ("1 == 1.0 == True", True),
        ("[1, {'a': 2}] == [1.0, {'a': 2}]", True),
        ("{'a': 1} != {'a': 1, 'b': 2}", True),
        ("1 == '1'", False),
        ("2 in [1, 2]", True),
        ("[1] in [[1], 2]", True),
        ("'region' in input_data", True),
        ("'e' not in 'eu'", False),
        ("None is None", True),
        ("input_data.nothing is not None", False),
        ("0 or 'x'", "x"),
        ("0 and 1 / 0", 0),
        ("not []", True),
        ("'yes' if input_data.n > 2 else 1 / 0", "yes"),
        ("len('abc') + len([1]) + len({'a': 1})", 5),
        ("abs(-2) + min(3, 1) + max([1, 5])", 8),
        ("min('b', 'a')", "a"),
        ("round(2.567, 1)", 2.6),
        ("round(2.5)", 2),
        ("any(input_data.flags) and not all(input_data.flags)", True),
        ("'Bob'.startswith('B') and 'Bob'.lower().endswith('b')", True),
        ("'bob'.upper()", "BOB"),
        ("input_data.get('missing')", None),
        ("input_data.get('missing', 4)", 4),
        ("input_data.get('missing').get('more', 5)", 5),
        ("input_data.get('missing').more", None),
        ("input_data.get('n', 1 / 0)", 3),
        ("workflow.id + workflow.input.region + workflow['name']", "exec_1euw"),
        ("loop.index + len(loop.current_item)", 3),
        ("${loop.index} + ${workflow.input.n}", 5),
        ("${input_data.a.b[0].c}", 1),
        ("[${context.region}, '$${x}']", ["eu", "${x}"]),
        ("input_data.a.b[loop.index - 2].c", 1),
    ],
)
def test_values(scope: Scope, text: str, value: Any) -> None:
    result = evaluate(text, scope)
    assert result == value
    assert type(result) is type(value)
    assert compile_expression(text).test(scope) is bool(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("step_outputs.gone", None),
        ("step_outputs['gone']['x'].y[0]", None),
        ("${gone.result.x.y}", None),
        ("step_outputs.gone.x is None", True),
        ("step_outputs.get('gone')", None),
        ("step_outputs.get('gone').x", None),
        ("step_outputs.get('gone', {}).get('score', 0) > 0.5", False),
        ("step_outputs.gone.get('x', 'default')", "default"),
        ("'gone' in step_outputs", False),
        ("'a' in step_outputs and 'gone' not in step_outputs", True),
    ],
)
def test_a_path_through_a_skipped_step_is_null(scope: Scope, text: str, value: Any) -> None:
    assert evaluate(text, scope) == value


def test_the_steps_looked_at_are_known_in_order() -> None:
    text = "step_outputs['b'].x and ${a.result} or step_outputs.get('c', 1) or 'd' in step_outputs or step_outputs.b"
    assert compile_expression(text).step_ids == ("b", "a", "c", "d")
    assert compile_expression("input_data.x").step_ids == ()


def test_looked_up_values_stay_data(scope: Scope) -> None:
    assert evaluate("${input_data.quote} == 'x'", scope) is False
    assert evaluate("input_data.quote", scope) == "' or True or '"
    assert evaluate("${input_data.reference}", scope) == "${secrets.key}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step_outputs.a.okk", r"`step_outputs\.a\.okk` leads nowhere: .*no key `okk`.*`ok`"),
        ("${a.result.okk} == 1", r"`step_outputs\.a\.okk` leads nowhere"),
        ("input_data['a']['b'][4]", r"has 1 items, so no index 4"),
        ("step_outputs.late.x", "`late` has no output"),
        ("input_data.n['x']", "is a number, which has no key"),
        ("input_data.region[0]", "is a string, which has no index"),
        ("input_data.n / 0 > 1", "`input_data.n / 0`: division by zero"),
        ("1.0 % 0", "division by zero"),
        ("input_data.n < None", "`input_data.n < None`: a number and null have no order"),
        ("[1] < [2]", "no order"),
        ("input_data.region * 3", "needs two numbers, not a string and a number"),
        ("input_data.region % 3", "needs two numbers"),
        ("input_data.rows * 2", "needs two numbers"),
        ("input_data.n + 'x'", "a number and a string can't be added"),
        ("1 in 2", "can't search for a number in a number"),
        ("-input_data.region", "needs a number, not a string"),
        ("len(3)", "`len` needs"),
        ("min([])", "empty list"),
        ("max(1, 'a')", "numbers only or strings only"),
        ("min({'a': 1})", "needs a list"),
        ("any({'a': 1})", "needs a list"),
        ("round(1, 400)", "places"),
        ("round('x')", "needs a number"),
        ("abs(None)", "needs a number"),
        ("input_data.n.lower()", "needs a string"),
        ("input_data.n.get('x')", "needs a dictionary"),
        ("input_data.get(1)", "a key is a string"),
        ("input_data[[1]]", "can't be looked into with a list"),
        ("input_data.flags[True]", "can't be looked into with a truth value"),
        ("input_data.long + input_data.long", "too large"),
        ("[input_data.long, input_data.long]", "larger than 65536 bytes"),
        ("input_data.rows", "larger than 65536 bytes"),
        ("input_data.rows == input_data.rows", "too much data"),
        ("1e308 * 10", "too large for a number"),
        ("10000000000000000000000000000000000000 * " * 3 + "1", "256 bits"),
        ("round(1e300)", "256 bits"),
        ("step_outputs.big.x", "too large to look into"),
        ("${big.result} == 1", "too large to look into"),
        ("len(step_outputs.big)", "too large to look into"),
        ("step_outputs.big", "too large to look into"),
        ("not step_outputs.part.of", "too large to look into"),
        ("step_outputs.part.text + 'x'", "too large to look into"),
    ],
)
def test_what_can_not_be_answered_is_a_condition_error(scope: Scope, text: str, message: str) -> None:
    with pytest.raises(ConditionError, match=message) as failed:
        evaluate(text, scope)
    assert failed.value.code == "condition_error"
    assert text[:100] in str(failed.value)


def test_a_large_value_counts_as_true_and_is_not_null(scope: Scope) -> None:
    assert compile_expression("step_outputs.big").test(scope)
    assert evaluate("step_outputs.big is None", scope) is False
    assert evaluate("True if step_outputs.big else False", scope) is True
    assert compile_expression("input_data").test(scope)


HOSTILE = [
    ("__import__('os').system('id')", "`system` can't be called"),
    ("().__class__.__bases__[0].__subclasses__()", "`__subclasses__` can't be called"),
    ("step_outputs.__class__", "begin with _"),
    ("input_data._private", "begin with _"),
    ("_", "begin with _"),
    ("__builtins__", "begin with _"),
    ("open('/etc/passwd').read()", "`read` can't be called"),
    ("eval('1')", "`eval` can't be called"),
    ("getattr(input_data, 'x')", "`getattr` can't be called"),
    ("'{0.__class__}'.format(1)", "`format` can't be called"),
    ("'%2000000000d' % 1", "for numbers"),
    ("'a' * 1000000000", "for numbers"),
    ("[0] * 1000000000", "for numbers"),
    ("3999999 ** 3999999", "powers"),
    ("pow(9, 9)", "can't be called"),
    ("1 << 100000", "`LShift` is not allowed"),
    ("~1", "`Invert` is not allowed"),
    ("+1", "`UAdd` is not allowed"),
    ("1 @ 2", "not allowed"),
    ("f'{input_data}'", "f-strings"),
    ("[x for x in input_data]", "comprehensions"),
    ("{x: 1 for x in 'ab'}", "comprehensions"),
    ("any(x for x in input_data)", "comprehensions"),
    ("(lambda: 1)()", "can't be called"),
    ("lambda: 1", "lambdas"),
    ("(x := 1)", "assignments"),
    ("input_data[1:2]", "slices"),
    ("max(*[1, 2])", r"unpacking with \*"),
    ("[*input_data]", r"unpacking with \*"),
    ("round(number=1)", "arguments with names"),
    ("{**input_data}", "must be strings"),
    ("{1: 2}", "must be strings"),
    ("{1, 2}", "sets"),
    ("await input_data", "not an expression|not allowed"),
    ("(yield 1)", "not an expression|not allowed"),
    ("import os", "not an expression"),
    ("x = 1", "not an expression"),
    ("1; 2", "not an expression"),
    ("b'x'", "not a value that JSON knows"),
    ("1j", "not a value that JSON knows"),
    ("...", "not a value that JSON knows"),
    ("1e999", "too large for a number"),
    ("9" * 100, "256 bits"),
    ("print", "is not known"),
    ("len", "call it"),
    ("true", "write True"),
    ("null", "write None"),
    ("input_dta.x", "did you mean `input_data`"),
    ("step_outputs", "as a whole"),
    ("step_outputs == {}", "as a whole"),
    ("len(step_outputs)", "as a whole"),
    ("step_outputs[input_data.which]", "must be written out"),
    ("step_outputs.get(input_data.which)", "must be written out"),
    ("input_data.which in step_outputs", "as a whole"),
    ("1 is 1", "`is` works with None only"),
    ("'${a.result}' == 'x'", "without the quotes"),
    ("input_data.${a.result}", "can't be part of a name"),
    ("${secrets.key}", "secrets"),
    ("${a.result", "no closing }"),
    ("${a.result}${b.result}", "is not known"),
    ("'\\d'", "not an escape"),
    ("", "empty"),
    ("   ", "empty"),
    ("a b", "not an expression"),
    ("\x00", "not an expression|characters that are not allowed"),
    ("'\ud800'", "characters that are not allowed"),
    ("(" * 900 + ")" * 900, "not an expression|nested"),
    ("-" * 1900 + "1", "nested"),
    ("not " * 400 + "1", "nested"),
    ("[" * 40 + "]" * 40, "nested deeper than 32"),
    ("+".join(["1"] * 400), "nested deeper|more than 300"),
    ("[" + ",".join(["1"] * 400) + "]", "more than 300"),
    ("1 or " * 500, "characters long"),
    ("\uff3f\uff3fimport\uff3f\uff3f('os')", "not an expression"),
    ("\uff45val('1')", "`eval` can't be called"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_expressions_are_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionRefused, match=message) as refused:
        compile_expression(text)
    assert refused.value.code == "expression_refused"
    assert len(str(refused.value)) < 500


def test_a_refusal_quotes_the_offending_part_only() -> None:
    with pytest.raises(ExpressionRefused) as refused:
        compile_expression("${a.result.x} > 1 and (input_data.y ** ${a.result.z} == 4)")
    assert refused.value.message == "`input_data.y ** ${a.result.z}`: powers are not allowed"


def test_dunder_keys_are_only_keys(scope: Scope) -> None:
    with pytest.raises(ConditionError, match="no key `__class__`"):
        evaluate("input_data['__class__']", scope)
