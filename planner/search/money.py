"""Costs in a model: constant where prices are, else linear between the hours at which a price changes.

Money is counted in a coarse unit, rounded up for each task, so that a budget kept in the model is kept in fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor
from typing import Any

from ortools.sat.python import cp_model

from planner.compiled import Compiled
from planner.judge import Judge, Shares
from planner.prices import Spend
from planner.search.variables import Expression, TaskVariables

_UNITS = 1e8
"""What the dearest plan costs, in units."""
_LEAST_UNIT = 1e-6
_HALF_A_CENT = 0.0049


@dataclass(slots=True)
class Money:
    """The cost of each free task in units, and the size of a unit."""

    unit: float
    tasks: dict[int, Expression]
    rounded: int
    """By how many units the tasks' costs may be too high in all."""


def money(model: cp_model.CpModel, compiled: Compiled, judge: Judge, tasks: dict[int, TaskVariables]) -> Money:
    """Costs of the free tasks."""
    shares = Shares(judge)
    highest = sum(
        max(_dearest(compiled, task, number) for number in range(len(ways))) for task, ways in enumerate(compiled.ways)
    )
    unit = max(highest / _UNITS, _LEAST_UNIT)
    found = {task: _cost(model, compiled, shares, task, variables, unit) for task, variables in tasks.items()}
    return Money(unit, found, len(tasks))


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


def _dearest(compiled: Compiled, task: int, number: int) -> float:
    way = compiled.ways[task][number]
    mode = compiled.problem.tasks[task].modes[way.option.mode]
    total = abs(mode.cost)
    for place, demand in enumerate(mode.demands):
        spend = compiled.costs.by_pool_id.get(demand.pool)
        if spend is not None:
            amount = demand.amount if way.option.amounts is None else way.option.amounts[place]
            total += amount * max(abs(value) for value in spend.steps.values) * way.option.seconds / 3600
    return total


def _cost(
    model: cp_model.CpModel, compiled: Compiled, shares: Shares, task: int, variables: TaskVariables, unit: float
) -> Expression:
    ways = compiled.ways[task]
    if not any(_changing(compiled, task, number) for number in range(len(ways))):
        fixed = [ceil(shares.money(task, number, 0) / unit - 1e-6) for number in range(len(ways))]
        return sum(cost * literal for cost, literal in zip(fixed, variables.chosen, strict=True))
    highest = ceil(max(_dearest(compiled, task, number) for number in range(len(ways))) / unit) + 1
    cost = model.new_int_var(-highest, highest, f"cost{task}")
    for number in range(len(ways)):
        if variables.pieces:
            _in_parts(model, compiled, task, number, variables, cost, unit)
        else:
            _in_one(model, compiled, shares, task, number, variables, cost, unit)
    return cost


def _changing(compiled: Compiled, task: int, number: int) -> bool:
    return any(_spend(compiled, pool) is not None for pool, _ in compiled.ways[task][number].needs)


def _spend(compiled: Compiled, pool: int) -> Spend | None:
    """The price of a pool, if it changes."""
    spend = compiled.costs.spends[pool]
    return None if spend is None or spend.steps.constant else spend


def _in_one(
    model: cp_model.CpModel,
    compiled: Compiled,
    shares: Shares,
    task: int,
    number: int,
    variables: TaskVariables,
    cost: Any,
    unit: float,
) -> None:
    way, taken = compiled.ways[task][number], variables.chosen[number]
    opens = compiled.earliest[task]
    closes = max(compiled.last_end[task] - way.ticks, opens)
    closes = min(closes, max(compiled.last_start[task], opens))
    edges = {opens, closes + 1}
    for pool, _ in way.needs:
        spend = _spend(compiled, pool)
        if spend is not None:
            for moment in spend.steps.times:
                edge = moment / compiled.tick
                for start in (floor(edge), ceil(edge), floor(edge) - way.ticks, ceil(edge) - way.ticks):
                    if opens < start <= closes:
                        edges.add(start)
    _piecewise(
        model, sorted(edges), lambda start: shares.money(task, number, start), variables.start, cost, taken, unit
    )


def _piecewise(
    model: cp_model.CpModel, edges: list[int], price: Any, start: Any, cost: Any, taken: Any, unit: float
) -> None:
    """`cost` x `unit` is at least the price at `start`, which is linear from each edge to the next, if `taken`."""
    pieces: list[tuple[int, int, int, int, int]] = []
    for first, following in pairwise(edges):
        last = following - 1
        low = price(first)
        rate = (price(last) - low) / (last - first) if last > first else 0.0
        # the rate in a unit so fine that over the whole piece it is off by less than a tenth of a coarse unit
        fine = max(10 * (last - first), 1) if rate else 1
        pieces.append((first, last, ceil((low / unit - 1e-6) * fine), ceil(rate / unit * fine - 1e-6), fine))
    here = [taken] if len(pieces) == 1 else [model.new_bool_var("") for _ in pieces]
    if len(pieces) > 1:
        model.add(sum(here) == taken)
        if isinstance(taken, int):
            model.add(start >= sum(piece[0] * literal for piece, literal in zip(pieces, here, strict=True)))
            model.add(start <= sum(piece[1] * literal for piece, literal in zip(pieces, here, strict=True)))
    for (first, last, low, rate, fine), literal in zip(pieces, here, strict=True):
        conditions = [] if isinstance(literal, int) else [literal]
        if len(pieces) > 1 and not isinstance(taken, int):
            model.add(start >= first).only_enforce_if(conditions)
            model.add(start <= last).only_enforce_if(conditions)
        model.add(fine * cost >= low + rate * (start - first)).only_enforce_if(conditions)


def _in_parts(
    model: cp_model.CpModel,
    compiled: Compiled,
    task: int,
    number: int,
    variables: TaskVariables,
    cost: Any,
    unit: float,
) -> None:
    """Each part costs what its pools' prices add up to from its start to its end."""
    way, taken = compiled.ways[task][number], variables.chosen[number]
    mode = compiled.problem.tasks[task].modes[way.option.mode]
    opens, closes = compiled.earliest[task], compiled.last_end[task]
    total: list[Any] = [ceil(mode.cost / unit - 1e-6)]
    for place, demand in enumerate(mode.demands):
        spend = compiled.costs.by_pool_id.get(demand.pool)
        if spend is None:
            continue
        amount = demand.amount if way.option.amounts is None else way.option.amounts[place]
        edges = {opens, closes + 1}
        for moment in spend.steps.times:
            edges.update(
                edge for edge in (floor(moment / compiled.tick), ceil(moment / compiled.tick)) if opens < edge <= closes
            )

        def until(tick: int, amount: float = amount, spend: Spend = spend) -> float:
            return amount * spend.until(tick * compiled.tick)

        most = ceil(max(abs(until(edge)) for edge in edges) / unit) + 2
        for piece in variables.pieces:
            ends, begins = model.new_int_var(-most, most, ""), model.new_int_var(-most, most, "")
            _piecewise(model, sorted(edges), until, piece.end, ends, 1, unit)
            _piecewise(model, sorted(edges), lambda tick, until=until: -until(tick), piece.start, begins, 1, unit)
            total += [ends, begins]
    constraint = model.add(cost >= sum(total))
    if not isinstance(taken, int):
        constraint.only_enforce_if(taken)
