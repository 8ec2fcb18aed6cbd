"""What the operators of conditions do, within bounds: on JSON values, never on objects with behaviour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from definitions.errors import ConditionError
from definitions.expressions.parsing import MAX_INTEGER_BITS
from definitions.scope import Scope
from definitions.values import BlobRef, Text

MAX_RESULT = 65_536
"""Bytes of JSON that an evaluation may give, and characters of any string it may build."""
MAX_WORK = 10_000
"""Steps of comparing and searching that one evaluation may take: a few milliseconds."""


class Frame:
    """One evaluation: the data, and the work it may still do."""

    __slots__ = ("scope", "work")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.work = MAX_WORK

    def spend(self, units: int) -> None:
        """Count work; raises `ConditionError` when the evaluation has done too much."""
        self.work -= units
        if self.work < 0:
            raise ConditionError("this compares or searches too much data", remedy="compute it in a step")


def truth(value: Any) -> bool:
    """Whether a value counts as true. What is kept outside is large, and so not empty."""
    if isinstance(value, BlobRef):
        if value.path:
            raise too_large()
        return True
    return isinstance(value, Text) or bool(value)


def is_null(value: Any) -> bool:
    """Whether it is None; a part of something kept outside can't be known."""
    if isinstance(value, BlobRef) and value.path:
        raise too_large()
    return value is None


def too_large() -> ConditionError:
    """For a value that is kept outside, so that workflow code never sees it."""
    return ConditionError(
        "the value is too large to look into in a condition (over 64 KiB)",
        remedy="let the step return what the condition needs as a small value of its own",
    )


def described(value: Any) -> str:
    """What kind of value it is, for messages; never the value."""
    if isinstance(value, BlobRef | Text):
        raise too_large()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a dictionary" if isinstance(value, Mapping) else "a list"


def number(value: int | float) -> int | float:
    """The number, when it is within bounds."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConditionError("the result is too large for a number")
    elif value.bit_length() > MAX_INTEGER_BITS:
        raise ConditionError(f"integers have at most {MAX_INTEGER_BITS} bits")
    return value


def add(frame: Frame, left: Any, right: Any) -> Any:
    """Sum of numbers, or strings or lists one after the other."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return arithmetic("+", left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _joined(frame, left, right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return _joined(frame, list(left), list(right))
    raise ConditionError(f"{described(left)} and {described(right)} can't be added")


def _joined(frame: Frame, left: Any, right: Any) -> Any:
    size = len(left) + len(right)
    if size > MAX_RESULT:
        raise ConditionError(f"the result is too large: {size} characters or items, at most {MAX_RESULT}")
    frame.spend(size // 32)
    return left + right


def arithmetic(symbol: str, left: Any, right: Any) -> int | float:
    """`+ - * / // %` on numbers, as Python does it, within bounds."""
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise ConditionError(f"`{symbol}` needs two numbers, not {described(left)} and {described(right)}")
    number(left)
    number(right)
    try:
        return number(_ARITHMETIC[symbol](left, right))
    except ZeroDivisionError:
        raise ConditionError("division by zero") from None
    except OverflowError:
        raise ConditionError("the result is too large for a number") from None


_ARITHMETIC: Mapping[str, Any] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
}


def negated(value: Any) -> int | float:
    """Unary minus."""
    if not isinstance(value, int | float):
        raise ConditionError(f"`-` needs a number, not {described(value)}")
    return number(-number(value))


def less(frame: Frame, left: Any, right: Any, *, or_equal: bool) -> bool:
    """`<` and `<=`, on two numbers or two strings."""
    both_numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if both_numbers or (isinstance(left, str) and isinstance(right, str)):
        if not both_numbers:
            frame.spend(min(len(left), len(right)) // 1024)
        return bool(left <= right) if or_equal else bool(left < right)
    remedy = "ask for it with .get(key, default), or test `is None` first" if left is None or right is None else ""
    raise ConditionError(f"{described(left)} and {described(right)} have no order", remedy=remedy)


def equal(frame: Frame, left: Any, right: Any) -> bool:
    """`==` as in Python (1 == 1.0 == True), item by item."""
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        frame.spend(1)
        if isinstance(one, str) and isinstance(other, str):
            frame.spend(min(len(one), len(other)) // 1024)
            same = one == other
        elif isinstance(one, BlobRef | Text) or isinstance(other, BlobRef | Text):
            if one is None or other is None:
                same = is_null(one) and is_null(other)
            else:
                raise too_large()
        elif isinstance(one, Mapping) and isinstance(other, Mapping):
            same = len(one) == len(other)
            if same:
                frame.spend(len(one))
                same = all(key in other for key in one)
                pairs.extend((one[key], other[key]) for key in one if same)
        elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
            same = len(one) == len(other)
            if same:
                frame.spend(len(one))
                pairs.extend(zip(one, other, strict=True))
        elif isinstance(one, Mapping | list | tuple) or isinstance(other, Mapping | list | tuple):
            same = False
        else:
            same = bool(one == other)
        if not same:
            return False
    return True


def contains(frame: Frame, item: Any, container: Any) -> bool:
    """`item in container`: an item of a list, a key of a dictionary, a part of a string."""
    if isinstance(container, list | tuple):
        if item is None or isinstance(item, str | int | float):
            frame.spend(1 + len(container) // 64)
            return item in container
        return any(equal(frame, item, element) for element in container)
    if isinstance(container, Mapping):
        described(item)
        return isinstance(item, str) and item in container
    if isinstance(container, str) and isinstance(item, str):
        frame.spend((len(container) + len(item)) // 256)
        return item in container
    raise ConditionError(f"`in` can't search for {described(item)} in {described(container)}")


def result_checked(value: Any) -> Any:
    """The value, when it is at most `MAX_RESULT` bytes as JSON; looks at no more of it than that."""
    size = 0
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, BlobRef | Text):
            raise too_large()
        if isinstance(item, str):
            size += 2 + (len(item) if len(item) > MAX_RESULT else len(item.encode(errors="replace")))
        elif isinstance(item, Mapping):
            size += 2 + 4 * len(item)
        elif isinstance(item, list | tuple):
            size += 2 + len(item)
        else:
            size += item.bit_length() // 3 + 1 if isinstance(item, int) else 4
        if size > MAX_RESULT:
            raise ConditionError(f"the result is larger than {MAX_RESULT} bytes", remedy="compute it in a step")
        if isinstance(item, Mapping):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
    return value
