"""Python's own parser, past a fault of it.

CPython before 3.12 keeps the depth of the tree that it builds in one place for all threads: where two of them parse at
once, one may get `SystemError: AST constructor recursion depth mismatch` for a source that is right
(https://github.com/python/cpython/issues/106905). Nothing else is wrong then, so it is asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_TRIES = 10
_Tree = TypeVar("_Tree")


def past_parser_fault(parse: Callable[[], _Tree]) -> _Tree:
    """What `parse` returns, or raises if it is not that fault."""
    for _ in range(_TRIES - 1):
        try:
            return parse()
        except SystemError:
            continue
    return parse()
