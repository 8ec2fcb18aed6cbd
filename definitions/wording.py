"""Lists of names in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

NAMED = 3
"""How many names are said."""


def named(names: Iterable[str], conjunction: str = "and") -> str:
    """The first few names, in code style, and how many more there are: "`a`, `b` and 7 more"."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > NAMED:
        quoted = [*quoted[: NAMED - 1], f"{len(quoted) - NAMED + 1} more"]
    return f" {conjunction} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
