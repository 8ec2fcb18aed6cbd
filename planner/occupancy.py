"""Who holds what of a pool, and when."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from planner.calendars import Steps, capacity_steps, without

if TYPE_CHECKING:
    from planner.problem import Demand, Problem
    from planner.schedule import Schedule

NEAR = 1e-6
"""Seconds, or units: what is closer than this is the same."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of a pool held from `start` to `end` by a task, or by a movable reservation (`task` is None)."""

    start: float
    end: float
    amount: float
    task: int | None


def chosen_amount(demand: Demand, amounts: Sequence[float] | None, place: int) -> float:
    """How much of its pool a demand takes in a schedule."""
    return demand.amount if amounts is None else amounts[place]


def holdings(problem: Problem, schedule: Schedule, number: int) -> list[Holding]:
    """What tasks and movable reservations hold of a pool, each part of a split task by itself."""
    name = problem.pools[number].id
    found: list[Holding] = []
    for i, task in enumerate(problem.tasks):
        for place, demand in enumerate(task.modes[schedule.modes[i]].demands):
            if demand.pool == name and (amount := chosen_amount(demand, schedule.amounts.get(i), place)):
                parts = schedule.parts.get(i) or ((schedule.starts[i], schedule.ends[i]),)
                found += [Holding(start, end, amount, i) for start, end in parts if end > start]
    for position, given in enumerate(problem.reservations):
        if given.movable and given.pool == name and given.amount:
            start = schedule.moved.get(position, given.start)
            found.append(Holding(start, start + given.end - given.start, given.amount, None))
    return found


def usage(problem: Problem, schedule: Schedule, number: int) -> list[tuple[float, float, float]]:
    """What is held of a pool: (start, end, amount)."""
    return [(held.start, held.end, held.amount) for held in holdings(problem, schedule, number)]


def free_steps(problem: Problem, number: int, until: float, share: float = 0.0) -> Steps:
    """A pool's capacity less its fixed reservations; with `share`, as raised in a burst."""
    pool = problem.pools[number]
    capacity = capacity_steps(pool, problem.origin, until)
    if share:
        capacity = Steps(capacity.times, [value * (1 + share) for value in capacity.values])
    taken = [(r.start, r.end, r.amount) for r in problem.reservations if r.pool == pool.id and not r.movable]
    return without(capacity, taken) if taken else capacity


def segments(used: list[tuple[float, float, float]], free: Steps) -> list[tuple[float, float, float]]:
    """Spans in which neither use nor the free capacity changes: (start, end, use)."""
    changes: dict[float, float] = {}
    for start, end, amount in used:
        changes[start] = changes.get(start, 0.0) + amount
        changes[end] = changes.get(end, 0.0) - amount
    if not changes:
        return []
    first, last = min(changes), max(changes)
    low, high = bisect_right(free.times, first), bisect_right(free.times, last)
    for moment in free.times[low:high]:
        changes.setdefault(moment, 0.0)
    moments = sorted(changes)
    found: list[tuple[float, float, float]] = []
    level = 0.0
    for moment, following in pairwise(moments):
        level += changes[moment]
        found.append((moment, following, level))
    return found


def peak(used: list[tuple[float, float, float]]) -> float:
    """The most that is in use at one moment."""
    return max((level for _, _, level in segments(used, Steps([0.0], [0.0]))), default=0.0)


class Occupancy:
    """One pool under a schedule, asked about moments."""

    def __init__(self, problem: Problem, schedule: Schedule, number: int) -> None:
        self.pool = problem.pools[number]
        self.holdings = holdings(problem, schedule, number)
        self.until = max(schedule.ends)
        self.free = free_steps(problem, number, self.until)
        self._reservation_ends = sorted(
            given.end for given in problem.reservations if given.pool == self.pool.id and not given.movable
        )
        levels = segments([(held.start, held.end, held.amount) for held in self.holdings], self.free)
        self._starts = [start for start, _, _ in levels]
        self.levels = levels
        by_end = sorted((held.end, number) for number, held in enumerate(self.holdings))
        self._ends = [end for end, _ in by_end]
        self._by_end = [number for _, number in by_end]

    def before(self, moment: float) -> tuple[float, float]:
        """What is held, and what is free to hold, just before a moment."""
        just = moment - 2 * NEAR
        place = bisect_right(self._starts, just) - 1
        held = self.levels[place][2] if place >= 0 and just < self.levels[place][1] else 0.0
        return held, self.free.at(just)

    def ending(self, moment: float) -> list[Holding]:
        """What is given back at a moment, the most first."""
        low, high = bisect_left(self._ends, moment - NEAR), bisect_right(self._ends, moment + NEAR)
        return sorted((self.holdings[number] for number in self._by_end[low:high]), key=lambda held: -held.amount)

    def reservation_ends(self, moment: float) -> bool:
        """Whether a fixed reservation ends at a moment."""
        place = bisect_left(self._reservation_ends, moment - NEAR)
        return place < len(self._reservation_ends) and self._reservation_ends[place] <= moment + NEAR
