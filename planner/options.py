"""The ways to do a task that a search chooses from: its modes, malleable demands turned into a few amounts."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from planner.problem import Demand, Mode, Task

_ALL_WHOLE_AMOUNTS = 8
"""A range with no more whole numbers than this is tried in full."""
_JOINT = 3
"""With more malleable demands than this in a mode, they grow together instead of each on its own."""


class Option(NamedTuple):
    """One way to do a task: a mode with amounts chosen."""

    mode: int
    amounts: tuple[float, ...] | None
    """For each demand of the mode; None: the mode's own."""
    seconds: float
    lost: float
    """Quality given away against the task's best mode."""


def options(task: Task) -> list[Option]:
    """All ways to do a task, at least one."""
    if len(task.modes) == 1 and not any(map(_ranged, task.modes[0].demands)):
        return [Option(0, None, task.modes[0].duration, 0.0)]
    best = max(mode.quality for mode in task.modes)
    return [
        Option(number, amounts, seconds, best - mode.quality)
        for number, mode in enumerate(task.modes)
        for amounts, seconds in _amounts(mode)
    ]


def _ranged(demand: Demand) -> bool:
    return demand.min_amount is not None or demand.max_amount is not None


def _amounts(mode: Mode) -> list[tuple[tuple[float, ...] | None, float]]:
    levels = [_levels(demand) for demand in mode.demands]
    ranged = [place for place, found in enumerate(levels) if len(found) > 1]
    if all(found == (demand.amount,) for found, demand in zip(levels, mode.demands, strict=True)):
        return [(None, mode.duration)]
    if len(ranged) > _JOINT:
        most = max(len(found) for found in levels)
        combinations = {
            tuple(found[round(step * (len(found) - 1) / (most - 1))] for found in levels) for step in range(most)
        }
    else:
        if len(ranged) > 1:
            levels = [
                tuple(dict.fromkeys((found[0], demand.amount, found[-1]))) if len(found) > 1 else found
                for found, demand in zip(levels, mode.demands, strict=True)
            ]
        combinations = set(product(*levels))
    return [(chosen, _seconds(mode, chosen)) for chosen in sorted(combinations)]


def _seconds(mode: Mode, chosen: tuple[float, ...]) -> float:
    seconds = mode.duration
    for demand, amount in zip(mode.demands, chosen, strict=True):
        if amount != demand.amount:
            seconds *= (demand.amount / amount) ** demand.speedup
    return seconds


def _levels(demand: Demand) -> tuple[float, ...]:
    """The amounts to try, rising. What makes nothing faster is given as little as it may have."""
    low = demand.amount if demand.min_amount is None else demand.min_amount
    high = demand.amount if demand.max_amount is None else demand.max_amount
    if low == high or demand.speedup == 0:
        return (low,)
    if all(float(number).is_integer() for number in (low, demand.amount, high)):
        if high - low < _ALL_WHOLE_AMOUNTS:
            return tuple(float(number) for number in range(int(low), int(high) + 1))
        return tuple(sorted({low, high, demand.amount, float(round((low * high) ** 0.5)), float((low + high) // 2)}))
    return tuple(sorted({low, high, demand.amount, (low * high) ** 0.5}))
