"""Waiting for things without guessing how long they take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def eventually(condition: Callable[[], Awaitable[bool]], *, seconds: float = 180.0) -> None:
    """Return once the condition holds; fail when it does not within the deadline."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{getattr(condition, '__name__', 'it')} did not hold within {seconds} s")
        await asyncio.sleep(0.03)
