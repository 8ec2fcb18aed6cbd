"""The answer without a search: where every task can start as early as precedence lets it, nothing can be better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from planner.calendars import Steps
from planner.costs import Costs
from planner.cpm import fastest, releases, shortest, soonest
from planner.occupancy import free_steps
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
    amounts = {} if problem.plain else _stretched(problem, modes, durations)
    starts, ends = soonest(problem.graph, durations, releases(problem))
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
    """Whether no pool is ever asked for more than is free, movable reservations staying where they are."""
    changes: dict[str, list[tuple[float, float]]] = {pool.id: [] for pool in problem.pools}
    for i, task in enumerate(problem.tasks):
        demands = task.modes[modes[i]].demands
        if demands:
            start, end = starts[i], ends[i]
            if end > start:
                chosen = amounts.get(i) if amounts else None
                for place, demand in enumerate(demands):
                    amount = demand.amount if chosen is None else chosen[place]
                    # the end sorts before a start at the same moment, as its amount is negative
                    events = changes[demand.pool]
                    events.append((start, amount))
                    events.append((end, -amount))
    for reservation in problem.reservations:
        if reservation.movable:
            held = (reservation.start, reservation.amount), (reservation.end, -reservation.amount)
            changes[reservation.pool] += held
    until = max(ends)
    for number, pool in enumerate(problem.pools):
        events = changes[pool.id]
        if events and not _within(events, free_steps(problem, number, until)):
            return False
    return True


def _within(events: list[tuple[float, float]], free: Steps) -> bool:
    events.sort()
    level = 0.0
    if free.constant:
        limit = free.values[0] + EPSILON
        for _, amount in events:
            level += amount
            if level > limit:
                return False
        return True
    # what is missing is in use for good: the calendar takes part as changes of its own
    highest = max(free.values)
    missing = [highest - value for value in free.values]
    steps = [(free.times[0], missing[0])]
    steps += [(free.times[i], missing[i] - missing[i - 1]) for i in range(1, len(missing))]
    return _within(events + steps, Steps([0.0], [highest]))
