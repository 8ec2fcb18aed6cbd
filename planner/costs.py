"""Money: what tasks cost where and when they run, and what bursts and moved reservations add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.occupancy import free_steps, segments, usage
from planner.prices import Spend
from planner.schedule import Part, Schedule

if TYPE_CHECKING:
    from planner.problem import Mode, Problem

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
                for start, end, used in segments(usage(self._problem, schedule, number), free)
                if used > free.at(start)
            )
            total += (factor - 1) * above
        return total

    def total(self, schedule: Schedule) -> float:
        """Money for the whole plan."""
        moves = sum(self._problem.reservations[number].penalty for number in schedule.moved)
        return sum(self.of_tasks(schedule)) + self.surcharge(schedule) + moves

    def spent(self, schedule: Schedule) -> list[float]:
        """Money that each budget has to cover, in the problem's order."""
        if not self._problem.budgets:
            return []
        each = self.of_tasks(schedule)
        extra = self.total(schedule) - sum(each)
        return [
            sum(
                cost
                for task, cost in zip(self._problem.tasks, each, strict=True)
                if budget.group is None or task.group == budget.group
            )
            + (extra if budget.group is None else 0.0)
            for budget in self._problem.budgets
        ]

    def within_budgets(self, schedule: Schedule) -> bool:
        """Whether no budget is exceeded, to the cent."""
        return all(
            covers(budget.amount, spent)
            for budget, spent in zip(self._problem.budgets, self.spent(schedule), strict=True)
        )


def covers(amount: float, spent: float) -> bool:
    """Whether a budget is enough, to the cent."""
    return round(spent / CENT) <= round(amount / CENT, 6)
