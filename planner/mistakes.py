"""What is found wrong with a problem, with remedies: everything at once."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from math import inf
from numbers import Real

from definitions import errors


class Mistakes:
    """What is wrong so far."""

    def __init__(self) -> None:
        self.problems: list[errors.Problem] = []

    def add(self, code: str, path: str, message: str, remedy: str = "") -> None:
        self.problems.append(errors.Problem(code, path, message, remedy))

    def number(self, path: str, value: object, low: float = 0.0, high: float = inf, *, whole: bool = False) -> bool:
        """Whether a value is a finite number from `low` to `high`; noted if not."""
        if isinstance(value, bool) or not isinstance(value, Real) or (whole and not isinstance(value, int)):
            kind = "a whole number" if whole else "a number"
            self.add("not_a_number", path, f"{value!r} is not {kind}", f"give {_range(low, high)}")
            return False
        if not low <= float(value) <= high or abs(float(value)) == inf:
            self.add("out_of_range", path, f"{value} is out of range", f"give {_range(low, high)}")
            return False
        return True

    def text(self, path: str, value: object) -> bool:
        """Whether a value is a string that names something; noted if not."""
        if not isinstance(value, str) or not value:
            self.add("not_a_name", path, f"{value!r} is not a name", "give a string that is not empty")
            return False
        return True

    def known(self, path: str, value: object, names: Mapping[str, int], what: str) -> bool:
        """Whether a value is one of the names; noted, with the nearest, if not."""
        if isinstance(value, str) and value in names:
            return True
        near = get_close_matches(str(value), names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"add the {what}, or name one that is there"
        self.add(f"unknown_{what}", path, f"there is no {what} {value!r}", remedy)
        return False

    def kind(self, path: str, value: object, kinds: type | tuple[type, ...]) -> bool:
        """Whether a value is of a class; noted if not."""
        if isinstance(value, kinds):
            return True
        names = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        self.add("wrong_type", path, f"{type(value).__name__} is not {names}", f"give a {names}")
        return False


def _range(low: float, high: float) -> str:
    if high < inf:
        return f"a number from {low:g} to {high:g}"
    return "a finite number" if low == -inf else f"a finite number of at least {low:g}"
