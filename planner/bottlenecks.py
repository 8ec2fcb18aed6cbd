"""What more capacity would bring: one more unit of the pools that tasks wait for, and enough for tasks that wait for
each other only because a pool is too small. Every figure comes from planning again, none from a rule of thumb.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planner.critical_path import HeldBy
from planner.evaluation import scales
from planner.graph import reachable
from planner.limits import Limits
from planner.occupancy import Occupancy, chosen_amount
from planner.plan import Plan, Status
from planner.solving import solve

if TYPE_CHECKING:
    from planner.problem import Pool, Problem

QUICK = Limits(seconds=2.0)
"""For each plan made to find a figure."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What a plan with more of a pool has over the plan without. Never negative in the plan's objective."""

    seconds: float
    """By which it ends sooner."""
    money: float
    """By which it is cheaper; negative where time was worth more."""
    value: float
    """By which its objective is better, in the objective's own unit; of a lexicographic one, its first part."""
    proven: bool
    """Whether both plans are optimal; otherwise a longer search may show another gain."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A pool that tasks wait for."""

    pool: str
    units: float
    """How much more of it was tried."""
    waiting: tuple[str, ...]
    """Tasks that start when others give units of it back, by start."""
    gain: Gain


@dataclass(frozen=True, slots=True)
class Opportunity:
    """Tasks that could run side by side if a pool were larger."""

    tasks: tuple[str, ...]
    pool: str
    units: float
    """How much more of it they need for that."""
    gain: Gain


def bottlenecks(plan: Plan, limits: Limits = QUICK, units: float = 1.0) -> tuple[Bottleneck, ...]:
    """The pools that some task of the plan waits for, those first whose growth is worth most.

    `limits` are for each pool's plan. Raises `ValueError` for a plan without a schedule.
    """
    waiting: dict[str, list[str]] = {}
    starts = plan.assignments
    for name, hold in plan.analysis.holds.items():
        if hold.by is HeldBy.POOL and hold.pool is not None:
            waiting.setdefault(hold.pool, []).append(name)
    found = [
        Bottleneck(
            pool, units, tuple(sorted(tasks, key=lambda name: starts[name].start)), _gain(plan, pool, units, limits)
        )
        for pool, tasks in waiting.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.gain.value, -each.gain.seconds, each.pool)))


def opportunities(plan: Plan, limits: Limits = QUICK, most: int = 5) -> tuple[Opportunity, ...]:
    """Pairs on the critical path that only a pool keeps from running side by side, and what it would bring.

    Those that bring nothing are left out. `most` pairs are tried, the longest wait first; `limits` are for each plan.
    Raises `ValueError` for a plan without a schedule.
    """
    found: list[Opportunity] = []
    for tasks, pool, units in _pairs(plan)[:most]:
        gain = _gain(plan, pool, units, limits)
        if gain.value > 0:
            found.append(Opportunity(tasks, pool, units, gain))
    return tuple(sorted(found, key=lambda each: -each.gain.value))


def _pairs(plan: Plan) -> list[tuple[tuple[str, str], str, float]]:
    """Tasks next to each other on the critical path by a pool alone, the pool, and the units that are missing."""
    problem, schedule = plan.problem, plan.schedule
    if schedule is None:
        return []
    graph = problem.graph
    after = reachable(graph.successors, graph.order)
    found: list[tuple[float, tuple[str, str], str, float]] = []
    for name, hold in plan.analysis.critical_path:
        if hold.by is not HeldBy.POOL or hold.pool is None:
            continue
        task, other = problem.index[name], problem.index[hold.tasks[0]]
        if after[other] >> task & 1:
            continue
        number = problem.pool_index[hold.pool]
        held, free = Occupancy(problem, schedule, number).before(schedule.starts[task])
        demands = problem.tasks[task].modes[schedule.modes[task]].demands
        needed = next(
            chosen_amount(demand, schedule.amounts.get(task), place)
            for place, demand in enumerate(demands)
            if demand.pool == hold.pool
        )
        shorter = min(schedule.ends[i] - schedule.starts[i] for i in (task, other))
        found.append((shorter, (hold.tasks[0], name), hold.pool, held + needed - free))
    found.sort(key=lambda each: -each[0])
    return [each[1:] for each in found]


def _gain(plan: Plan, pool: str, units: float, limits: Limits) -> Gain:
    """Plan again with more of a pool. The plan at hand stays possible, so nothing can get worse."""
    more = solve(_with_more(plan, pool, units), limits)
    problem = plan.problem
    # one scale for both plans: another pool makes another baseline
    scaled = scales(problem, plan.costs, plan.baseline, problem.objective.weights)
    value = 0.0
    if more.schedule is not None:
        value = sum(factor * (plan.parts[name] - more.parts[name]) for name, factor in scaled.items())
    proven = plan.status is Status.OPTIMAL and more.status is Status.OPTIMAL
    if value <= 0:
        return Gain(0.0, 0.0, 0.0, proven)
    return Gain(plan.makespan - more.makespan, plan.cost - more.cost, value, proven)


def _with_more(plan: Plan, pool: str, units: float) -> Problem:
    problem = plan.problem
    current = problem.current if problem.objective.churn or "churn" in problem.objective.lexicographic else plan
    return replace(problem, pools=tuple(_grown(problem.pools, pool, units)), current=current)


def _grown(pools: Iterable[Pool], name: str, units: float) -> Iterable[Pool]:
    for pool in pools:
        if pool.id == name:
            # hours in which it is closed stay closed
            calendar = tuple(replace(p, capacity=p.capacity + units) if p.capacity else p for p in pool.calendar)
            yield replace(pool, capacity=pool.capacity + units, calendar=calendar)
        else:
            yield pool
