"""Money at many moments at once: prices as arrays. Importing this imports numpy."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.occupancy import usage
from planner.prices import HOUR

if TYPE_CHECKING:
    from planner.calendars import Steps
    from planner.costs import Costs
    from planner.prices import Spend
    from planner.problem import Problem
    from planner.schedule import Schedule

Numbers = NDArray[np.float64]
_AT_ONCE = 1_000_000
"""Numbers that are laid out at the same time."""


def spent(spend: Spend, moments: Numbers) -> Numbers:
    """Money for one unit held from the origin until each moment."""
    before = np.array([spend.until(moment) for moment in spend.steps.times])
    times, values = np.array(spend.steps.times), np.array(spend.steps.values)
    place = _places(times, moments)
    return np.asarray(before[place] + (moments - times[place]) * values[place] / HOUR)


def values_at(steps: Steps, moments: Numbers) -> Numbers:
    """The value at each moment."""
    return np.asarray(np.array(steps.values)[_places(np.array(steps.times), moments)])


def shifted_prices(problem: Problem, costs: Costs, schedule: Schedule, shifts: Sequence[float]) -> list[float]:
    """What pools charge for the tasks of a schedule if all of it were so many seconds later (or earlier)."""
    moved = np.array(shifts, dtype=np.float64)
    total = np.zeros(len(moved))
    for number, spend in enumerate(costs.spends):
        changes: dict[float, float] = {}
        for start, end, amount in usage(problem, schedule, number) if spend is not None else ():
            changes[start] = changes.get(start, 0.0) - amount
            changes[end] = changes.get(end, 0.0) + amount
        if spend is None or not changes:
            continue
        moments, amounts = np.array(list(changes)), np.array(list(changes.values()))
        parts = np.array_split(moved, ceil(len(moved) * len(moments) / _AT_ONCE) or 1)
        total += np.concatenate([spent(spend, np.add.outer(part, moments)) @ amounts for part in parts])
    found: list[float] = total.tolist()
    return found


def _places(times: Numbers, moments: Numbers) -> NDArray[np.int64]:
    return np.maximum(np.searchsorted(times, moments, side="right") - 1, 0)
