"""Money: what tasks cost where and when they run, and what bursts and moved reservations add."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from planner.calendars import Steps, capacity_steps, without
from planner.prices import Spend
from planner.schedule import Part, Schedule

if TYPE_CHECKING:
    from planner.problem import Demand, Mode, Problem

CENT = 0.01


class Costs:
    """The prices of a problem, laid out until a moment (seconds from the origin)."""

    def __init__(self, problem: Problem, until: float) -> None:
        self._problem = problem
        self._until = until
        self.spends = [
            None if pool.price is None else Spend(pool.price.steps(pool.zone, problem.origin, until))
            for pool in problem.pools
        ]
        self.by_pool_id = {pool.id: spend for pool, spend in zip(problem.pools, self.spends, strict=True) if spend}
        self.surcharged = [
            (number, pool.burst.price_factor, spend)
            for number, (pool, spend) in enumerate(zip(problem.pools, self.spends, strict=True))
            if pool.burst is not None and pool.burst.price_factor > 1 and spend is not None
        ]

    @property
    def changing(self) -> bool:
        """True where a price changes over time."""
        return any(spend is not None and not spend.steps.constant for spend in self.spends)

    def task(self, mode: Mode, amounts: Sequence[float] | None, parts: Sequence[Part]) -> float:
        """Money for a task in a mode; `amounts` are those chosen for its demands, None for the mode's own."""
        total = mode.cost
        if self.by_pool_id:
            for place, demand in enumerate(mode.demands):
                spend = self.by_pool_id.get(demand.pool)
                if spend is not None:
                    amount = demand.amount if amounts is None else amounts[place]
                    total += amount * sum(spend.between(start, end) for start, end in parts)
        return total

    def of_tasks(self, schedule: Schedule) -> list[float]:
        """Money for each task."""
        tasks = self._problem.tasks
        return [
            self.task(tasks[i].modes[mode], schedule.amounts.get(i), schedule.parts.get(i) or ((start, end),))
            for i, (start, end, mode) in enumerate(zip(schedule.starts, schedule.ends, schedule.modes, strict=True))
        ]

    def surcharge(self, schedule: Schedule) -> float:
        """What use above capacity costs more than use below it."""
        total = 0.0
        for number, factor, spend in self.surcharged:
            free = free_steps(self._problem, number, self._until)
            above = sum(
                (used - free.at(start)) * spend.between(start, end)
                for start, end, used in _segments(usage(self._problem, schedule, number), free)
                if used > free.at(start)
            )
            total += (factor - 1) * above
        return total

    def total(self, schedule: Schedule) -> float:
        """Money for the whole plan."""
        moves = sum(self._problem.reservations[number].penalty for number in schedule.moved)
        return sum(self.of_tasks(schedule)) + self.surcharge(schedule) + moves

    def within_budgets(self, schedule: Schedule) -> bool:
        """Whether no budget is exceeded, to the cent."""
        if not self._problem.budgets:
            return True
        each = self.of_tasks(schedule)
        extra = self.total(schedule) - sum(each)
        for budget in self._problem.budgets:
            spent = sum(
                cost
                for task, cost in zip(self._problem.tasks, each, strict=True)
                if budget.group is None or task.group == budget.group
            )
            if round((spent + (extra if budget.group is None else 0.0)) / CENT) > round(budget.amount / CENT, 6):
                return False
        return True


def chosen_amount(demand: Demand, amounts: Sequence[float] | None, place: int) -> float:
    """How much of its pool a demand takes in a schedule."""
    return demand.amount if amounts is None else amounts[place]


def usage(problem: Problem, schedule: Schedule, number: int) -> list[tuple[float, float, float]]:
    """What tasks and movable reservations take of a pool: (start, end, amount)."""
    name = problem.pools[number].id
    found: list[tuple[float, float, float]] = []
    for i, task in enumerate(problem.tasks):
        amounts = schedule.amounts.get(i)
        for place, demand in enumerate(task.modes[schedule.modes[i]].demands):
            if demand.pool == name and (amount := chosen_amount(demand, amounts, place)):
                parts = schedule.parts.get(i) or ((schedule.starts[i], schedule.ends[i]),)
                found += [(start, end, amount) for start, end in parts if end > start]
    for position, reservation in enumerate(problem.reservations):
        if reservation.movable and reservation.pool == name:
            start = schedule.moved.get(position, reservation.start)
            found.append((start, start + reservation.end - reservation.start, reservation.amount))
    return found


def free_steps(problem: Problem, number: int, until: float, share: float = 0.0) -> Steps:
    """A pool's capacity less its fixed reservations; with `share`, as raised in a burst."""
    pool = problem.pools[number]
    capacity = capacity_steps(pool, problem.origin, until)
    if share:
        capacity = Steps(capacity.times, [value * (1 + share) for value in capacity.values])
    taken = [(r.start, r.end, r.amount) for r in problem.reservations if r.pool == pool.id and not r.movable]
    return without(capacity, taken) if taken else capacity


def _segments(used: list[tuple[float, float, float]], free: Steps) -> list[tuple[float, float, float]]:
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
    return max((level for _, _, level in _segments(used, Steps([0.0], [0.0]))), default=0.0)
