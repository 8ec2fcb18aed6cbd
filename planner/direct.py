"""The answer without a search: where every task can start as early as precedence lets it, nothing can be better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING

from planner.costs import Costs
from planner.cpm import fastest, releases, shortest, soonest
from planner.group_spans import within_spans
from planner.occupancy import free_steps
from planner.problem import Demand
from planner.schedule import Schedule

if TYPE_CHECKING:
    from planner.problem import Problem, Task

_SOONER_IS_BETTER = frozenset({"duration", "completion", "lateness"})
EPSILON = 1e-9
"""What sums of floats may be off by."""


def direct(problem: Problem) -> Schedule | None:
    """The earliest plan by precedence where it keeps every rule and no later or other plan can have a better value.

    None: the problem needs a search. Times are exact: nothing is rounded here.
    """
    tasks = problem.tasks
    if not _earliest_is_best(problem):
        return None
    modes = [0 if len(task.modes) == 1 else fastest(task) for task in tasks]
    durations = [task.modes[mode].duration for task, mode in zip(tasks, modes, strict=True)]
    amounts = {} if problem.rigid else _stretched(problem, modes, durations)
    starts, ends = soonest(problem.graph, durations, releases(problem))
    if problem.max_durations and not within_spans(problem, starts, ends):
        return None
    if not _in_time(problem, starts, ends) or not _fits(problem, starts, ends, modes, amounts):
        return None
    schedule = Schedule(starts, ends, modes, amounts)
    if problem.budgets and not Costs(problem, max(ends)).within_budgets(schedule):
        return None
    return schedule


def _earliest_is_best(problem: Problem) -> bool:
    objective = problem.objective
    parts = objective.lexicographic or objective.weights
    if _SOONER_IS_BETTER.issuperset(parts):
        return True
    # with one way to do each task and prices that don't change, every plan costs the same
    return (
        _SOONER_IS_BETTER.union({"cost", "quality"}).issuperset(parts)
        and all(len(task.modes) == 1 and not _malleable(task) for task in problem.tasks)
        and all(pool.price is None or not (pool.price.bands or pool.price.periods) for pool in problem.pools)
    )


def _malleable(task: Task) -> bool:
    for mode in task.modes:
        for demand in mode.demands:
            if demand.max_amount is not None or demand.min_amount is not None:
                return True
    return False


def _stretched(problem: Problem, modes: list[int], durations: list[float]) -> dict[int, tuple[float, ...]]:
    """The amounts of malleable tasks, each the most it may have; their durations become the shortest."""
    amounts: dict[int, tuple[float, ...]] = {}
    for i, (task, number) in enumerate(zip(problem.tasks, modes, strict=True)):
        mode = task.modes[number]
        for demand in mode.demands:
            if demand.max_amount is not None:
                amounts[i] = tuple(d.amount if d.max_amount is None else d.max_amount for d in mode.demands)
                durations[i] = shortest(mode)
                break
    return amounts


def _in_time(problem: Problem, starts: Sequence[float], ends: Sequence[float]) -> bool:
    if problem.horizon is not None and max(ends) > problem.horizon + EPSILON:
        return False
    if problem.plain:
        return True
    for i, task in enumerate(problem.tasks):
        if task.deadline is not None and ends[i] > task.deadline + EPSILON:
            return False
        if task.window is not None and starts[i] > task.window[1] + EPSILON:
            return False
    return True


def _fits(
    problem: Problem,
    starts: Sequence[float],
    ends: Sequence[float],
    modes: Sequence[int],
    amounts: Mapping[int, tuple[float, ...]],
) -> bool:
    """Whether no pool is ever asked for more than is free, movable reservations staying where they are.

    One sweep over starts and ends; at the same moment units are given back before they are taken.
    """
    needs = [task.modes[mode].demands for task, mode in zip(problem.tasks, modes, strict=True)]
    for task, chosen in amounts.items():
        malleable = zip(needs[task], chosen, strict=True)
        needs[task] = tuple(Demand(demand.pool, amount) for demand, amount in malleable)
    limits, others = _free(problem, max(ends))
    if not others and _all_at_once(needs, limits):
        return True
    if others:
        starts = [*starts, *(start for start, _, _ in others)]
        ends = [*ends, *(end for _, end, _ in others)]
        needs += [(demand,) for _, _, demand in others]
    holding = [i for i, demands in enumerate(needs) if demands and ends[i] > starts[i]]
    ending = sorted(holding, key=ends.__getitem__, reverse=True)
    used = dict.fromkeys(limits, 0.0)
    for i in sorted(holding, key=starts.__getitem__):
        now = starts[i]
        while ends[ending[-1]] <= now:
            for demand in needs[ending.pop()]:
                used[demand.pool] -= demand.amount
        for demand in needs[i]:
            used[demand.pool] = level = used[demand.pool] + demand.amount
            if level > limits[demand.pool]:
                return False
    return True


def _all_at_once(needs: Sequence[Sequence[Demand]], limits: Mapping[str, float]) -> bool:
    """Whether there is room even if everything ran at the same time: quicker to see than when it does."""
    held = dict.fromkeys(limits, 0.0)
    for demands in needs:
        for demand in demands:
            held[demand.pool] += demand.amount
    return all(held[pool] <= limit for pool, limit in limits.items())


def _free(problem: Problem, until: float) -> tuple[dict[str, float], list[tuple[float, float, Demand]]]:
    """The most that is ever free of each pool, and who else holds units from when to when: movable reservations, and
    where the calendar has less, nobody."""
    limits: dict[str, float] = {}
    others = [
        (reservation.start, reservation.end, Demand(reservation.pool, reservation.amount))
        for reservation in problem.reservations
        if reservation.movable
    ]
    for number, pool in enumerate(problem.pools):
        free = free_steps(problem, number, until)
        highest = max(free.values)
        limits[pool.id] = highest + EPSILON
        for start, end, value in zip(free.times, (*free.times[1:], inf), free.values, strict=True):
            if value < highest:
                others.append((start, end, Demand(pool.id, highest - value)))
    return limits, others
