"""The time axis of a plan: where its ticks are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.planning.account import Account

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800)
_WEEK = 604_800


def ticks(account: Account, most: int) -> list[float]:
    """Round moments within the plan, in seconds from its start: at most `most` of them."""
    span = account.plan.makespan
    if span <= 0 or most < 1:
        return []
    step = next((step for step in (*_STEPS, _WEEK) if span / step <= most), None)
    if step is None:
        step = _WEEK * (int(span / _WEEK / most) + 1)
    start = account.start
    midnight = datetime.combine(start.date(), datetime.min.time(), start.tzinfo)
    found: list[float] = []
    number = 0
    while True:
        # by the clock on the wall, so that ticks stay on full hours when clocks change
        wall = midnight + timedelta(seconds=step * number)
        seconds = wall.timestamp() - start.timestamp()
        if seconds > span:
            return found
        if seconds >= 0 and (not found or seconds > found[-1]):
            found.append(seconds)
        number += 1
