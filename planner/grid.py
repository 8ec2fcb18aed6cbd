"""Seconds to whole ticks and amounts to whole units: the rounding that `planner.compiled` promises."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, gcd
from typing import TYPE_CHECKING

from planner.calendars import Steps
from planner.costs import Costs
from planner.options import Option

if TYPE_CHECKING:
    from planner.problem import Problem

NEAR = 1e-7
"""What is nearer to a whole number than this is one."""
_RELATIVE = 1e-12
"""And of large numbers, whose own digits end sooner, what is nearer than this share of them."""
_SCALES = (1, 10, 100, 1000)
_MOST_TICKS = 2**31
_MALLEABLE_TICK = 1000


class Grid:
    """Seconds to ticks."""

    __slots__ = ("tick",)

    def __init__(self, tick: float) -> None:
        self.tick = tick
        """Seconds."""

    def up(self, seconds: float) -> int:
        """The first tick that is not earlier."""
        ticks = seconds / self.tick
        return ceil(ticks - _nearness(ticks))

    def down(self, seconds: float) -> int:
        """The last tick that is not later."""
        ticks = seconds / self.tick
        return floor(ticks + _nearness(ticks))

    def near(self, seconds: float) -> int:
        """The nearest tick."""
        return round(seconds / self.tick)


def tick_of(problem: Problem, choices: list[list[Option]], free: list[Steps], costs: Costs, until: float) -> float:
    """The coarsest tick that every time is a multiple of, in seconds."""
    common = 0
    for seconds in set(_times(problem, choices, free, costs)):
        thousandths = seconds * 1000
        whole = round(thousandths)
        common = gcd(common, whole if abs(whole - thousandths) <= _nearness(thousandths) / 2 else 1)
        if common == 1:
            break
    if any(option.amounts is not None for found in choices for option in found):
        common = gcd(common, _MALLEABLE_TICK)
    return _coarsened(common or 1000, until) / 1000


def coarsest_rounding(problem: Problem, until: float) -> float:
    """The longest tick that times of a problem reaching until a moment may have to be rounded to, in seconds."""
    demands = (demand for task in problem.tasks for mode in task.modes for demand in mode.demands)
    malleable = any(demand.min_amount is not None or demand.max_amount is not None for demand in demands)
    tick = _MALLEABLE_TICK if malleable else 1
    # Ticks that are coarsened because there would be too many are so by tens, from whatever they were.
    return (tick if until * 1000 <= _MOST_TICKS else 10 * _coarsened(tick, until)) / 1000


def finest(until: float) -> float:
    """The finest tick that problems reaching until a moment can have, in seconds."""
    return _coarsened(1, until) / 1000


def _nearness(number: float) -> float:
    return NEAR + _RELATIVE * abs(number)


def _coarsened(tick: int, until: float) -> int:
    while until * 1000 / tick > _MOST_TICKS:
        tick *= 10
    return tick


def _times(problem: Problem, choices: list[list[Option]], free: list[Steps], costs: Costs) -> Iterable[float]:
    for task, found in zip(problem.tasks, choices, strict=True):
        yield task.release
        yield from (option.seconds for option in found if option.amounts is None)
        yield from (moment for moment in (task.due, task.deadline, task.preferred_start) if moment is not None)
        if task.window is not None:
            yield from task.window
        if task.splittable:
            yield task.min_part
    yield from (arc.lag for arc in problem.precedence)
    yield from (limit.seconds for limit in problem.max_durations)
    for steps in (*free, *(spend.steps for spend in costs.spends if spend is not None)):
        yield from steps.times
    for reservation in problem.reservations:
        yield from (reservation.start, reservation.end)
    yield from (pool.burst.longest for pool in problem.pools if pool.burst is not None)


def scales_of(problem: Problem, choices: list[list[Option]]) -> list[int]:
    """What amounts of each pool are multiplied by to be whole."""
    amounts = {pool.id: {pool.capacity, *(part.capacity for part in pool.calendar)} for pool in problem.pools}
    for reservation in problem.reservations:
        amounts[reservation.pool].add(reservation.amount)
    for task, found in zip(problem.tasks, choices, strict=True):
        for option in found:
            for place, demand in enumerate(task.modes[option.mode].demands):
                amounts[demand.pool].add(demand.amount if option.amounts is None else option.amounts[place])
    return [_scale(each) for each in amounts.values()]


def _scale(amounts: Iterable[float]) -> int:
    for scale in _SCALES:
        if all(abs(amount * scale - round(amount * scale)) < NEAR for amount in amounts):
            return scale
    return _SCALES[-1]


def lowest(free: Steps, grid: Grid, scale: int) -> tuple[list[int], list[int]]:
    """Steps on the grid: in each tick the lowest value that holds somewhere in it, in whole units."""
    edges = sorted({0, *(edge for moment in free.times for edge in (grid.down(moment), grid.up(moment)) if edge >= 0)})
    times: list[int] = []
    values: list[int] = []
    for edge in edges:
        # a tick that an edge lies within has its own entry: both its ends are in `edges`
        inside = [value for moment, value in zip(free.times, free.values, strict=True) if grid.down(moment) == edge]
        here = free.at(edge * grid.tick + NEAR)
        value = floor(min([here, *inside]) * scale + NEAR)
        if not values or value != values[-1]:
            times.append(edge)
            values.append(value)
    return times, values
