"""How good a schedule is: each part of the objective measured in its own unit, and the value they make together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from planner.costs import Costs
from planner.occupancy import peak, usage

if TYPE_CHECKING:
    from planner.problem import Problem
    from planner.schedule import Schedule

TOLERANCE = 1e-6
"""Values that differ by less, relative to their size, are the same: floats and rounded weights can't say more."""


def duration(schedule: Schedule) -> float:
    """Seconds from the origin to the end of the last task."""
    return max(schedule.ends)


def completion(problem: Problem, schedule: Schedule) -> float:
    """The end of each group, averaged by weight (that of its most important task). Tasks without a group make one."""
    weights, ends = group_weights(problem), dict[str | None, float]()
    for task, end in zip(problem.tasks, schedule.ends, strict=True):
        ends[task.group] = max(ends.get(task.group, 0.0), end)
    return sum(weights[group] * end for group, end in ends.items()) / (sum(weights.values()) or 1.0)


def group_weights(problem: Problem) -> dict[str | None, float]:
    """How much the end of each group counts."""
    weights: dict[str | None, float] = {}
    for task in problem.tasks:
        weights[task.group] = max(weights.get(task.group, 0.0), task.importance)
    return weights


def lateness(problem: Problem, schedule: Schedule) -> float:
    """How much later than due tasks end, averaged by weight over those that have a due time."""
    total = weights = 0.0
    for task, end in zip(problem.tasks, schedule.ends, strict=True):
        if task.due is not None:
            weights += task.importance
            total += task.importance * max(end - task.due, 0.0)
    return total / weights if weights else 0.0


def demanded_pools(problem: Problem) -> list[int]:
    """The pools that some task could use, by position."""
    names = {demand.pool for task in problem.tasks for mode in task.modes for demand in mode.demands if demand.amount}
    return [number for number, pool in enumerate(problem.pools) if pool.id in names and pool.capacity > 0]


def balance(problem: Problem, schedule: Schedule) -> float:
    """The highest share of its capacity in use of a pool, averaged over the pools that tasks could use."""
    pools = demanded_pools(problem)
    peaks = [peak(usage(problem, schedule, number)) / problem.pools[number].capacity for number in pools]
    return sum(peaks) / len(peaks) if peaks else 0.0


def quality(problem: Problem, schedule: Schedule) -> float:
    """How far chosen modes stay behind the best mode of each task, averaged."""
    lost = sum(
        max(mode.quality for mode in task.modes) - task.modes[chosen].quality
        for task, chosen in zip(problem.tasks, schedule.modes, strict=True)
    )
    return lost / len(problem.tasks)


def preference(problem: Problem, schedule: Schedule) -> float:
    """How far starts are from the preferred ones, averaged over the tasks that have one."""
    apart = [
        abs(start - task.preferred_start)
        for task, start in zip(problem.tasks, schedule.starts, strict=True)
        if task.preferred_start is not None
    ]
    return sum(apart) / len(apart) if apart else 0.0


def current_starts(problem: Problem) -> dict[int, float]:
    """Where the current plan starts the tasks that are still there, by position."""
    if problem.current is None or problem.current.schedule is None:
        return {}
    known, starts = problem.current.problem.index, problem.current.schedule.starts
    return {i: starts[known[task.id]] for i, task in enumerate(problem.tasks) if task.id in known}


def churn(problem: Problem, schedule: Schedule) -> float:
    """How far starts are from the current plan's, averaged over the tasks in it."""
    current = current_starts(problem)
    return sum(abs(schedule.starts[i] - start) for i, start in current.items()) / len(current) if current else 0.0


def measure(problem: Problem, costs: Costs, schedule: Schedule, name: str) -> float:
    """One part of the objective, by its name in `objective.PARTS`."""
    if name == "duration":
        return duration(schedule)
    if name == "cost":
        return costs.total(schedule)
    return _MEASURES[name](problem, schedule)


_MEASURES = {
    "completion": completion,
    "lateness": lateness,
    "balance": balance,
    "quality": quality,
    "preference": preference,
    "churn": churn,
}


def scales(problem: Problem, costs: Costs, baseline: Schedule | None, weights: Mapping[str, float]) -> dict[str, float]:
    """What each part is multiplied by to make the value. A part alone keeps its unit; several are divided by their size
    in the baseline, the as-soon-as-possible plan."""
    if len(weights) == 1:
        return dict.fromkeys(weights, 1.0)
    length = duration(baseline) if baseline is not None else 0.0
    size = {"balance": 1.0, "lateness": length, "preference": length, "churn": length, "duration": length}
    if "cost" in weights and baseline is not None:
        size["cost"] = abs(costs.total(baseline))
    if "completion" in weights and baseline is not None:
        size["completion"] = completion(problem, baseline)
    if "quality" in weights:
        ranges = [max(m.quality for m in t.modes) - min(m.quality for m in t.modes) for t in problem.tasks]
        size["quality"] = sum(ranges) / len(ranges)
    return {name: weight / (size.get(name, 1.0) or 1.0) for name, weight in weights.items()}


def value(problem: Problem, costs: Costs, schedule: Schedule, scaled: Mapping[str, float]) -> float:
    """What a search makes small: the scaled parts added up."""
    return sum(factor * measure(problem, costs, schedule, name) for name, factor in scaled.items())
