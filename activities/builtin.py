"""Handlers that come with Longpole."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from activities import step
from activities.errors import InvalidInput

LONGEST_SLEEP = 30 * 86_400.0
_TICKS = 20


async def sleep(data: Any) -> dict[str, float]:
    """Waits `{"seconds": number}`, or as an agent `{"parameters": {"seconds": number}}`, and reports its progress.
    Returns `{"slept_seconds": number}`.

    Raises `InvalidInput` for anything that is not a number of seconds from 0 to 30 days."""
    seconds = _seconds(data)
    loop = asyncio.get_running_loop()
    start = loop.time()
    end = start + seconds
    pause = max(seconds / _TICKS, 0.5)
    while (left := end - loop.time()) > 0:
        step.progress(1 - left / seconds, f"{left:.0f} s left")
        await asyncio.sleep(min(left, pause))
    step.progress(1.0)
    return {"slept_seconds": round(loop.time() - start, 3)}


def _seconds(data: Any) -> float:
    if isinstance(data, Mapping) and "seconds" not in data and isinstance(data.get("parameters"), Mapping):
        data = data["parameters"]
    if not isinstance(data, Mapping) or "seconds" not in data:
        raise InvalidInput('`sleep` needs an input like {"seconds": 2.5}')
    seconds = data["seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise InvalidInput(f"`seconds` of `sleep` must be a number, not {str(seconds)[:80]!r}")
    if not 0 <= seconds <= LONGEST_SLEEP:
        raise InvalidInput(f"`seconds` of `sleep` must be from 0 to {LONGEST_SLEEP:.0f}, not {seconds}")
    return float(seconds)
