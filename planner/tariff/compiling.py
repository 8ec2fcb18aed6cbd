"""Compiles the inner loops. Imported only by files that hold inner loops, and those only once a search begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Machine code of a function over numbers and arrays: kept on disk, and run without the interpreter's lock."""
    return cast(F, numba.njit(cache=True, nogil=True, boundscheck=False)(function))
