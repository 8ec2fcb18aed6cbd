"""The few functions and methods that conditions can call (`get` is a look-up: see `compiling`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from definitions.errors import ConditionError
from definitions.expressions.operations import MAX_RESULT, Frame, described, number, truth

Function = Callable[[Frame, list[Any]], Any]

_MAX_DIGITS = 20


def _len(frame: Frame, arguments: list[Any]) -> int:
    (value,) = arguments
    if not isinstance(value, str | list | tuple | Mapping):
        raise ConditionError(f"`len` needs a string, a list or a dictionary, not {described(value)}")
    return len(value)


def _abs(frame: Frame, arguments: list[Any]) -> int | float:
    (value,) = arguments
    if not isinstance(value, int | float):
        raise ConditionError(f"`abs` needs a number, not {described(value)}")
    return number(abs(value))


def _round(frame: Frame, arguments: list[Any]) -> int | float:
    value, *digits = arguments
    if not isinstance(value, int | float):
        raise ConditionError(f"`round` needs a number, not {described(value)}")
    number(value)
    if not digits:
        return number(round(value))
    places = digits[0]
    if isinstance(places, bool) or not isinstance(places, int) or abs(places) > _MAX_DIGITS:
        raise ConditionError(f"`round` takes a whole number of places between -{_MAX_DIGITS} and {_MAX_DIGITS}")
    return number(round(value, places))


def _extreme(name: str, choose: Callable[[Any], Any]) -> Function:
    def extreme(frame: Frame, arguments: list[Any]) -> Any:
        values = arguments[0] if len(arguments) == 1 else arguments
        if not isinstance(values, list | tuple):
            raise ConditionError(f"`{name}` of one thing needs a list, not {described(values)}")
        if not values:
            raise ConditionError(f"`{name}` of an empty list")
        frame.spend(len(values))
        if all(isinstance(item, int | float) for item in values):
            return choose(values)
        if all(isinstance(item, str) for item in values):
            frame.spend(sum(len(item) for item in values) // 1024)
            return choose(values)
        odd = next(item for item in values if not isinstance(item, int | float))
        raise ConditionError(f"`{name}` needs numbers only or strings only; one is {described(odd)}")

    return extreme


def _quantifier(name: str, decide: Callable[[Any], bool]) -> Function:
    def quantifier(frame: Frame, arguments: list[Any]) -> bool:
        (values,) = arguments
        if not isinstance(values, list | tuple):
            raise ConditionError(f"`{name}` needs a list, not {described(values)}")
        frame.spend(len(values))
        return decide(truth(item) for item in values)

    return quantifier


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConditionError(f"`.{name}` needs a string, not {described(value)}")
    return value


def _startswith(frame: Frame, arguments: list[Any]) -> bool:
    value, part = arguments
    return _text("startswith", value).startswith(_text("startswith", part))


def _endswith(frame: Frame, arguments: list[Any]) -> bool:
    value, part = arguments
    return _text("endswith", value).endswith(_text("endswith", part))


def _cased(name: str, change: Callable[[str], str]) -> Function:
    def cased(frame: Frame, arguments: list[Any]) -> str:
        text = _text(name, arguments[0])
        if len(text) > MAX_RESULT:
            raise ConditionError(f"`.{name}` of {len(text)} characters, at most {MAX_RESULT}")
        frame.spend(len(text) // 32)
        return change(text)

    return cased


FUNCTIONS: Mapping[str, Function] = {
    "len": _len,
    "abs": _abs,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "round": _round,
    "any": _quantifier("any", any),
    "all": _quantifier("all", all),
}
METHODS: Mapping[str, Function] = {
    "startswith": _startswith,
    "endswith": _endswith,
    "lower": _cased("lower", str.lower),
    "upper": _cased("upper", str.upper),
}
