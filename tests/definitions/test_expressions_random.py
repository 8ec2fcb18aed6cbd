"""Conditions made at random: against a plain evaluator where well formed, against crashes where not."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.errors import ConditionError, ExpressionRefused
from definitions.expressions import compile_expression
from definitions.scope import Scope

DATA: dict[str, Any] = {"n": 3, "f": 0.5, "s": "eu", "t": True, "z": None, "l": [1, 2, "x"], "d": {"k": {"v": 7}}}
FAILED = object()


def fresh_scope() -> Scope:
    return Scope(copy.deepcopy(DATA), {}, {"a": copy.deepcopy(DATA)}, {"gone"}, {}, None)


Made = tuple[str, Any]
"""The text of an expression and its value, `FAILED` where it has none."""


def _literal(value: Any) -> Made:
    return repr(value), value


_leaves: st.SearchStrategy[Made] = st.one_of(
    st.sampled_from([None, True, False]).map(_literal),
    st.integers(0, 20).map(_literal),
    st.floats(0, 100, allow_nan=False).map(_literal),
    st.text("abeu'\"\\{}$ é", max_size=4).map(_literal).filter(lambda made: "${" not in made[0]),
    st.sampled_from(sorted(DATA)).map(lambda key: (f"input_data.{key}", DATA[key])),
    st.sampled_from(sorted(DATA)).map(lambda key: (f"step_outputs['a']['{key}']", DATA[key])),
    st.sampled_from(sorted(DATA)).map(lambda key: (f"${{a.result.{key}}}", DATA[key])),
    st.just(("input_data.d.k.get('v', 1)", 7)),
    st.just(("input_data.d.get('w', 'none')", "none")),
    st.just(("step_outputs.gone.deep", None)),
    st.just(("input_data.missing", FAILED)),
)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _arithmetic(symbol: str, left: Made, right: Made) -> Made:
    text = f"({left[0]} {symbol} {right[0]})"
    one, other = left[1], right[1]
    if FAILED in (one, other) or not (_is_number(one) and _is_number(other)):
        return text, FAILED
    try:
        return text, eval(f"one {symbol} other")
    except ArithmeticError:
        return text, FAILED


def _compare(symbol: str, left: Made, right: Made) -> Made:
    text = f"({left[0]} {symbol} {right[0]})"
    one, other = left[1], right[1]
    if one is FAILED or other is FAILED:
        return text, FAILED
    ordered = (_is_number(one) and _is_number(other)) or (isinstance(one, str) and isinstance(other, str))
    if symbol not in ("==", "!=") and not ordered:
        return text, FAILED
    return text, eval(f"one {symbol} other")


def _logic(word: str, left: Made, right: Made) -> Made:
    text = f"({left[0]} {word} {right[0]})"
    if left[1] is FAILED:
        return text, FAILED
    stop = bool(left[1]) is (word == "or")
    return text, left[1] if stop else right[1]


def _choice(test: Made, body: Made, orelse: Made) -> Made:
    text = f"({body[0]} if {test[0]} else {orelse[0]})"
    return text, FAILED if test[1] is FAILED else body[1] if test[1] else orelse[1]


def _not(inner: Made) -> Made:
    return f"(not {inner[0]})", FAILED if inner[1] is FAILED else not inner[1]


def _minus(inner: Made) -> Made:
    return f"(-{inner[0]})", -inner[1] if _is_number(inner[1]) else FAILED


def _is_none(inner: Made) -> Made:
    return f"({inner[0]} is None)", FAILED if inner[1] is FAILED else inner[1] is None


def _in_list(item: Made, items: list[Made]) -> Made:
    text = f"({item[0]} in [{', '.join(each[0] for each in items)}])"
    if item[1] is FAILED or any(each[1] is FAILED for each in items):
        return text, FAILED
    return text, item[1] in [each[1] for each in items]


def _extend(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    return st.one_of(
        st.builds(_arithmetic, st.sampled_from(["-", "*", "/", "//", "%"]), inner, inner),
        st.builds(_compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner, inner),
        st.builds(_logic, st.sampled_from(["and", "or"]), inner, inner),
        st.builds(_choice, inner, inner, inner),
        st.builds(_in_list, inner, st.lists(inner, max_size=3)),
        inner.map(_not),
        inner.map(_minus),
        inner.map(_is_none),
    )


@settings(max_examples=500, deadline=None)
@given(st.recursive(_leaves, _extend, max_leaves=8))
def test_well_formed_expressions_give_what_a_plain_evaluator_gives(made: Made) -> None:
    text, expected = made
    try:
        expression = compile_expression(text)
    except ExpressionRefused as refused:
        # the one thing that is refused before its operands are known: arithmetic on a string written out
        refusal = refused.message
    else:
        refusal = ""
    if refusal:
        assert "for numbers" in refusal
        assert "'" in text or '"' in text
        return
    scope = fresh_scope()
    try:
        value = expression.evaluate(scope)
    except ConditionError:
        value = FAILED
    assert value == expected
    assert type(value) is type(expected)
    assert scope.input_data == scope.step_outputs["a"] == DATA


_TOKENS = [
    *("step_outputs", "input_data", "context", "workflow", "loop", "a", "gone", "get", "len", "min", "any", "lower"),
    *(
        "['a']",
        "[0]",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        ".",
        " ",
        "\n",
        "'",
        '"',
        "#",
        "\\",
        "${a.result.n}",
        "${",
        "}",
    ),
    *("and", "or", "not", "in", "is", "None", "True", "if", "else", "lambda", "for", "await", "yield", "import", ":="),
    *("+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", ">", "<<", "@", "~", "=", ";", "...", "_", "__class__"),
    *("0", "1", "9", "1e9", "0x", "1_0", "1j", "b''", "f'{1}'", "r'", "é", "\x00", "\ud800", "\uff3f", "\t"),
]


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(_TOKENS), max_size=14).map("".join) | st.text(max_size=60))
def test_any_text_gives_a_value_or_a_typed_error(text: str) -> None:
    scope = fresh_scope()
    try:
        expression = compile_expression(text)
        expression.test(scope)
        expression.evaluate(scope)
    except ConditionError:
        pass
    assert scope.input_data == DATA
