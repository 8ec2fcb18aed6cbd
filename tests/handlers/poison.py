"""Handlers that return what JSON can't hold, and raise what nobody expects."""

from __future__ import annotations

import asyncio
from typing import Any


def gives_object(_given: Any) -> Any:
    return object()


def gives_nan(_given: Any) -> Any:
    return {"score": float("nan")}


def gives_bytes(_given: Any) -> Any:
    return {"content": b"\xff\x00"}


def gives_set(_given: Any) -> Any:
    return {1, 2}


def gives_half_a_character(_given: Any) -> Any:
    return "\ud800"


def gives_itself(_given: Any) -> Any:
    endless: list[Any] = []
    endless.append(endless)
    return endless


def gives_depth(_given: Any) -> Any:
    deep: Any = 0
    for _ in range(5_000):
        deep = [deep]
    return deep


def gives_megabytes(given: dict[str, Any]) -> Any:
    return "x" * (given["megabytes"] * 1_000_000)


def raises_exit(_given: Any) -> Any:
    raise SystemExit(3)


def raises_interrupt(_given: Any) -> Any:
    raise KeyboardInterrupt


async def raises_exit_async(_given: Any) -> Any:
    raise SystemExit(3)


async def raises_interrupt_async(_given: Any) -> Any:
    raise KeyboardInterrupt


async def raises_cancelled(_given: Any) -> Any:
    raise asyncio.CancelledError


class _Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def raises_unspeakable(_given: Any) -> Any:
    raise _Unspeakable


def raises_group(_given: Any) -> Any:
    raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])


def raises_recursion(given: Any) -> Any:
    return raises_recursion(given)


def raises_megabytes(_given: Any) -> Any:
    raise ValueError("m" * 5_000_000)


def raises_half_a_character(_given: Any) -> Any:
    raise ValueError("\ud800 and \0")


not_callable = 5
