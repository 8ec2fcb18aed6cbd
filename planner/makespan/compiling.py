"""Machine code from the loops that a search spends its time in. Importing this imports numba (about 0.2 s)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """The function in machine code, made at its first call and kept on disk where that can be written.

    It runs without the interpreter's lock, so beside other threads.
    """
    try:
        return cast(Function, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # no folder for the cache can be written: compile once a process instead
        return cast(Function, numba.njit(nogil=True)(function))
