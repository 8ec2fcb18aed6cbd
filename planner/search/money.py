"""Costs in a model: constant where prices are, else linear between the hours at which a price changes.

Money is counted in units in which every price of a tick is whole, where there is such a unit that is not too small.
What is not whole then is rounded up, so that a budget kept in the model is kept in fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil, floor
from typing import Any

from ortools.sat.python import cp_model

from planner.compiled import Compiled
from planner.judge import Judge, Shares
from planner.prices import HOUR, Spend
from planner.search.variables import Expression, TaskVariables

_MOST_UNITS = 1e11
_COARSE_UNITS = 1e7
"""What the dearest plan costs in units, where no unit makes prices whole."""
_DECIMALS = 4
_HALF_A_CENT = 0.0049
_NEAR = 1e-6


@dataclass(slots=True)
class Money:
    """The cost of each free task in units."""

    unit: float
    """Money."""
    tasks: dict[int, Expression]
    most: dict[int, float]
    """No task costs more units than this."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """From `first` to `last` (ticks) something costs `low` units and `rate` more each tick."""

    first: int
    last: int
    low: int
    rate: int


def money(model: cp_model.CpModel, compiled: Compiled, judge: Judge, tasks: dict[int, TaskVariables]) -> Money:
    """Costs of the free tasks."""
    return _Costing(model, compiled, judge, tasks).of(tasks)


def add_budgets(model: cp_model.CpModel, compiled: Compiled, costs: Money, spent: dict[str | None, float]) -> None:
    """Budgets for the free tasks; `spent` is what the others cost, by group, and in all under None."""
    for budget in compiled.problem.budgets:
        left = budget.amount + _HALF_A_CENT - spent.get(budget.group, 0.0)
        terms = [
            cost
            for task, cost in costs.tasks.items()
            if budget.group is None or compiled.problem.tasks[task].group == budget.group
        ]
        model.add(sum(terms) <= floor(left / costs.unit))


class _Costing:
    """The costs of one model's tasks."""

    def __init__(self, model: cp_model.CpModel, compiled: Compiled, judge: Judge, tasks: Iterable[int]) -> None:
        self._model = model
        self._compiled = compiled
        self._shares = Shares(judge)
        self._dearest = {task: max(self._most(task, n) for n in range(len(compiled.ways[task]))) for task in tasks}
        self._total = sum(self._dearest.values())
        self._unit = self._natural_unit() or max(self._total / _COARSE_UNITS, 1e-9)

    def of(self, tasks: dict[int, TaskVariables]) -> Money:
        """Expressions for the costs of tasks."""
        most = {task: ceil(self._dearest[task] / self._unit) + 2.0 for task in tasks}
        return Money(self._unit, {task: self._cost(task, variables) for task, variables in tasks.items()}, most)

    def _natural_unit(self) -> float | None:
        """The unit in which whatever a tick of a pool's units costs is whole; None if it would be too small."""
        prices = {value for spend in self._compiled.costs.spends if spend is not None for value in spend.steps.values}
        finest = max((pool.scale for pool in self._compiled.pools), default=1)
        for decimals in range(_DECIMALS + 1):
            if all(abs(price * 10**decimals - round(price * 10**decimals)) < _NEAR for price in prices):
                unit = self._compiled.tick / HOUR / 10**decimals / finest
                return unit if self._total / unit <= _MOST_UNITS else None
        return None

    def _most(self, task: int, number: int) -> float:
        """No task costs more in a way, in money."""
        mode = self._compiled.problem.tasks[task].modes[self._compiled.ways[task][number].option.mode]
        total = abs(mode.cost)
        for spend, amount in self._priced(task, number):
            highest = max(abs(value) for value in spend.steps.values)
            total += amount * highest * self._compiled.ways[task][number].option.seconds / HOUR
        return total

    def _priced(self, task: int, number: int) -> list[tuple[Spend, float]]:
        """The prices that a way pays, and for how much."""
        way = self._compiled.ways[task][number]
        found = []
        for place, demand in enumerate(self._compiled.problem.tasks[task].modes[way.option.mode].demands):
            spend = self._compiled.costs.by_pool_id.get(demand.pool)
            if spend is not None:
                found.append((spend, demand.amount if way.option.amounts is None else way.option.amounts[place]))
        return found

    def _changing(self, task: int, number: int) -> bool:
        return any(amount and not spend.steps.constant for spend, amount in self._priced(task, number))

    def _up(self, amount: float) -> int:
        return ceil(amount / self._unit - _NEAR)

    def _cost(self, task: int, variables: TaskVariables) -> Expression:
        ways = range(len(variables.chosen))
        if not any(self._changing(task, number) for number in ways):
            fixed = [self._up(self._shares.money(task, number, 0)) for number in ways]
            return sum(cost * literal for cost, literal in zip(fixed, variables.chosen, strict=True))
        if variables.pieces:
            return self._in_parts(task, variables)
        return self._in_one(task, variables)

    def _in_one(self, task: int, variables: TaskVariables) -> Expression:
        """A way and a piece of its price are chosen together; the start is somewhere in the piece."""
        compiled = self._compiled
        cost: list[Any] = []
        start: list[Any] = []
        opens, last_start, last_end = variables.window
        for number, taken in enumerate(variables.chosen):
            way = compiled.ways[task][number]
            closes = max(min(last_end - way.ticks, last_start), opens)
            moments = [
                moment - lasts
                for spend, _ in self._priced(task, number)
                for moment in spend.steps.times
                for lasts in (0.0, way.option.seconds)
            ]
            pieces = self._pieces(opens, closes, moments, partial(self._shares.money, task, number))
            where, price = self._chosen(pieces, taken)
            start.append(where)
            cost.append(price)
        self._model.add(variables.start == sum(start))
        return sum(cost)

    def _in_parts(self, task: int, variables: TaskVariables) -> Expression:
        """Each part costs what its pools' prices add up to from its start to its end."""
        compiled = self._compiled
        opens, _, closes = variables.window
        each: list[Expression] = []
        for number in range(len(variables.chosen)):
            mode = compiled.problem.tasks[task].modes[compiled.ways[task][number].option.mode]
            total: list[Any] = [self._up(mode.cost)]
            for spend, amount in self._priced(task, number):

                def until(tick: int, spend: Spend = spend, amount: float = amount) -> float:
                    return amount * spend.until(tick * compiled.tick)

                pieces = self._pieces(opens, closes, spend.steps.times, until)
                for part in variables.pieces:
                    for moment, sign in ((part.end, 1), (part.start, -1)):
                        where, price = self._chosen(pieces, 1)
                        self._model.add(moment == where)
                        total.append(sign * price)
            each.append(sum(total))
        if len(each) == 1:
            return each[0]
        highest = ceil(self._dearest[task] / self._unit) + 2
        cost = self._model.new_int_var(-highest, highest, f"cost{task}")
        for taken, price in zip(variables.chosen, each, strict=True):
            self._model.add(cost >= price).only_enforce_if(taken)
        return cost

    def _pieces(self, opens: int, closes: int, moments: list[float], price: Callable[[int], float]) -> list[_Piece]:
        """A price by tick, from `opens` to `closes`, as pieces between the moments (seconds) that change its slope."""
        tick = self._compiled.tick
        near = {edge for moment in moments for edge in (floor(moment / tick + _NEAR), ceil(moment / tick - _NEAR))}
        edges = sorted({opens, closes + 1, *(edge for edge in near if opens < edge <= closes)})
        found: list[_Piece] = []
        for first, following in pairwise(edges):
            last = following - 1
            low = price(first)
            rate = (price(last) - low) / (last - first) / self._unit if last > first else 0.0
            whole = round(rate) if abs(rate - round(rate)) < _NEAR * max(abs(rate), 1.0) else ceil(rate)
            piece = _Piece(first, last, self._up(low), whole)
            before = found[-1] if found else None
            if before is not None and before.rate == piece.rate and self._meets(before, piece):
                found[-1] = _Piece(before.first, last, before.low, before.rate)
            else:
                found.append(piece)
        return found

    def _meets(self, before: _Piece, piece: _Piece) -> bool:
        """Whether one piece goes on where the other ends."""
        return before.low + before.rate * (piece.first - before.first) == piece.low

    def _chosen(self, pieces: list[_Piece], taken: Any) -> tuple[Expression, Expression]:
        """Where in the pieces a moment is, and the price there; both 0 unless `taken`.

        A literal and a distance for each piece: the tightest linear form that there is.
        """
        model = self._model
        here = [taken] if len(pieces) == 1 else [model.new_bool_var("") for _ in pieces]
        if len(pieces) > 1:
            model.add(sum(here) == taken)
            model.add_at_most_one(here)
        where: list[Any] = []
        cost: list[Any] = []
        for piece, literal in zip(pieces, here, strict=True):
            where.append(piece.first * literal)
            cost.append(piece.low * literal)
            length = piece.last - piece.first
            if length:
                along = model.new_int_var(0, length, "")
                model.add(along <= length * literal)
                where.append(along)
                cost.append(piece.rate * along)
        return sum(where), sum(cost)
