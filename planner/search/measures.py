"""The parts of the objective as expressions of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planner.evaluation import current_starts, demanded_pools, group_weights

if TYPE_CHECKING:
    from planner.search.model import Builder


@dataclass(frozen=True, slots=True)
class Term:
    """`expression` x `unit` is a share of a part, in the part's own unit."""

    expression: Any
    unit: float
    most: float
    """The expression is no larger."""
    off: float = 0.0
    """By how much, in the part's own unit, rounding may have made the share too large."""


def measure(name: str, builder: Builder) -> list[Term]:
    """A part of the objective as a sum of terms."""
    return _MEASURES[name](builder)


def _duration(builder: Builder) -> list[Term]:
    compiled = builder.compiled
    end = builder.cp.new_int_var(0, compiled.horizon, "makespan")
    for task in builder.tasks:
        builder.cp.add(end >= builder.end(task))
    builder.cp.add(end >= max((builder.end(t) for t in range(len(compiled.ways)) if t not in builder.tasks), default=0))
    return [Term(end, compiled.tick, compiled.horizon)]


def _cost(builder: Builder) -> list[Term]:
    costs = builder.costs
    if costs is None:
        return []
    terms = [Term(cost, costs.unit, costs.most[task], costs.unit) for task, cost in costs.tasks.items()]
    for movable, move in zip(builder.compiled.movable, builder.moves, strict=False):
        penalty = round(builder.compiled.problem.reservations[movable.position].penalty / costs.unit)
        terms.append(Term(penalty * move.moved, costs.unit, penalty, costs.unit))
    spent = round(builder.spent[None] / costs.unit)
    return [*terms, Term(spent, costs.unit, abs(spent), costs.unit)]


def _completion(builder: Builder) -> list[Term]:
    compiled = builder.compiled
    weights = group_weights(compiled.problem)
    total = sum(weights.values()) or 1.0
    ends = {group: builder.cp.new_int_var(0, compiled.horizon, "group_end") for group in weights}
    for task, given in enumerate(compiled.problem.tasks):
        builder.cp.add(ends[given.group] >= builder.end(task))
    return [Term(ends[group], weight / total * compiled.tick, compiled.horizon) for group, weight in weights.items()]


def _lateness(builder: Builder) -> list[Term]:
    compiled = builder.compiled
    due = {task: given for task, given in enumerate(compiled.problem.tasks) if given.due is not None}
    total = sum(given.importance for given in due.values()) or 1.0
    terms = []
    for task, given in due.items():
        late = builder.cp.new_int_var(0, compiled.horizon, f"late{task}")
        builder.cp.add(late >= builder.end(task) - builder.grid.down(given.due or 0.0))
        terms.append(Term(late, given.importance / total * compiled.tick, compiled.horizon, compiled.tick * 1e-6))
    return terms


def _balance(builder: Builder) -> list[Term]:
    compiled = builder.compiled
    pools = demanded_pools(compiled.problem)
    terms = []
    for number in pools:
        if number in builder.peaks:
            capacity = compiled.problem.pools[number].capacity * compiled.pools[number].scale
            terms.append(Term(builder.peaks[number], 1 / (capacity * len(pools)), 2 * capacity))
    return terms


def _quality(builder: Builder) -> list[Term]:
    count = len(builder.compiled.ways)
    return [
        Term(literal, way.option.lost / count, 1)
        for task, variables in builder.tasks.items()
        for way, literal in zip(builder.compiled.ways[task], variables.chosen, strict=True)
        if way.option.lost
    ]


def _preference(builder: Builder) -> list[Term]:
    tasks = builder.compiled.problem.tasks
    wished = {task: given.preferred_start for task, given in enumerate(tasks) if given.preferred_start is not None}
    return _apart(builder, wished)


def _churn(builder: Builder) -> list[Term]:
    return _apart(builder, current_starts(builder.compiled.problem))


def _apart(builder: Builder, wished: dict[int, float]) -> list[Term]:
    """How far starts are from wished ones, averaged."""
    compiled = builder.compiled
    terms = []
    for task, moment in wished.items():
        apart = builder.cp.new_int_var(0, 2 * compiled.horizon + 1, f"apart{task}")
        start, target = builder.start(task), builder.grid.near(moment)
        builder.cp.add(apart >= start - target)
        builder.cp.add(apart >= target - start)
        off = abs(target * compiled.tick - moment) / len(wished)
        terms.append(Term(apart, compiled.tick / len(wished), compiled.horizon, off))
    return terms


_MEASURES = {
    "duration": _duration,
    "cost": _cost,
    "completion": _completion,
    "lateness": _lateness,
    "balance": _balance,
    "quality": _quality,
    "preference": _preference,
    "churn": _churn,
}
