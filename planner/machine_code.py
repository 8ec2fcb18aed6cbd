"""Machine code from the loops that a search spends its time in. Importing this imports numba (about 0.2 s)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """The function in machine code, made at its first call and kept on disk where that can be written.

    It runs without the interpreter's lock, so beside other threads.
    """
    return _compiled(function, nogil=True)


def inner(function: Function) -> Function:
    """The same for a function that only machine code calls: it has no way in from Python, which takes most time to
    make where there are many arrays."""
    return _compiled(function, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compiled(function: Function, **options: Any) -> Function:
    try:
        return cast(Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder for the cache can be written: compile once a process instead
        return cast(Function, numba.njit(**options)(function))
