"""Machine code for functions that only machine code calls: without a way in from Python, which takes most time to make
where there are many arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def inner(function: Function) -> Function:
    """The function in machine code, kept on disk where that can be written; it can't be called from Python."""
    options: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    try:
        return cast(Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder for the cache can be written: compile once a process instead
        return cast(Function, numba.njit(**options)(function))
