"""What holds a plan up, and what it would save to have more of it: known from planning again, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from planner import CapacityBand, CapacityPeriod, Limits, Plan, Pool, Problem, Status, solve
from planner.critical_path import HeldBy, Hold
from planner.occupancy import NEAR

MOST_POOLS = 3
_SHARED_KINDS = (HeldBy.POOL, HeldBy.RESERVATION, HeldBy.CALENDAR)


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A pool that steps on the critical path wait for."""

    pool: str
    waiting: tuple[str, ...]
    """The tasks on the critical path that wait for its units."""
    more: float
    """By how many units the capacity was raised to see: the least that any step asks for."""
    saves_seconds: float
    """By how much the plan is then shorter."""
    saves_cost: float
    proven: bool
    """Both plans are optimal; otherwise more or less may be true."""


@dataclass(frozen=True, slots=True)
class Opportunity:
    """Steps that could run side by side, at least two at a time, if a pool had more."""

    steps: tuple[str, ...]
    pool: str
    missing: float
    """Units that are lacking for that."""
    saves_seconds: float
    """By how much the plan would be shorter with these units."""
    proven: bool


class Marginals:
    """Plans for a problem with more of a pool, each made once."""

    def __init__(self, plan: Plan, limits: Limits) -> None:
        """`limits` are those of each plan."""
        self._plan = plan
        self._limits = limits
        self._found: dict[tuple[str, float], Plan | None] = {}

    def bottlenecks(self) -> tuple[Bottleneck, ...]:
        """The pools that the critical path waits for, what saves most first."""
        found: list[Bottleneck] = []
        for pool, waiting in list(self._waiting().items())[:MOST_POOLS]:
            more = self._least_demand(pool)
            other = self._with(pool, more)
            if other is not None:
                seconds, cost = self._saved(other)
                found.append(Bottleneck(pool, tuple(waiting), more, seconds, cost, self._proven(other)))
        return tuple(sorted(found, key=lambda each: (-each.saves_seconds, -each.saves_cost)))

    def opportunities(self) -> tuple[Opportunity, ...]:
        """Steps that follow each other on the critical path only because a pool has no room for them at once."""
        together: dict[tuple[str, float], dict[str, None]] = {}
        for task, hold in self._plan.analysis.critical_path:
            if hold.by is HeldBy.POOL and hold.pool is not None and (missing := self._missing(task, hold)) > NEAR:
                together.setdefault((hold.pool, missing), {}).update(dict.fromkeys((*hold.tasks, task)))
        found: list[Opportunity] = []
        for (pool, missing), steps in list(together.items())[:MOST_POOLS]:
            other = self._with(pool, missing)
            if other is not None and (seconds := self._saved(other)[0]) > NEAR:
                found.append(Opportunity(tuple(steps), pool, missing, seconds, self._proven(other)))
        return tuple(sorted(found, key=lambda each: -each.saves_seconds))

    def _waiting(self) -> dict[str, list[str]]:
        """Pool -> tasks on the critical path that wait for it; the pool that is waited for most first."""
        found: dict[str, list[str]] = {}
        for task, hold in self._plan.analysis.critical_path:
            if hold.by in _SHARED_KINDS and hold.pool is not None:
                found.setdefault(hold.pool, []).append(task)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    def _demands(self, pool: str) -> Iterator[float]:
        for assignment in self._plan.assignments.values():
            if (amount := assignment.amounts.get(pool, 0.0)) > 0:
                yield amount

    def _least_demand(self, pool: str) -> float:
        return float(max(ceil(min(self._demands(pool), default=1.0)), 1))

    def _missing(self, task: str, hold: Hold) -> float:
        """How many units more the pool would have to have for the task to run beside those that it waits for."""
        assignments, name = self._plan.assignments, hold.pool or ""
        together = [assignments[other].amounts.get(name, 0.0) for other in (task, *hold.tasks)]
        others = self._held_beside(name, task, hold)
        capacity = self._plan.problem.pools[self._plan.problem.pool_index[name]].capacity
        return max(sum(together) + others - capacity, 0.0)

    def _held_beside(self, pool: str, task: str, hold: Hold) -> float:
        """What goes on beside all of it when the task starts."""
        assignments = self._plan.assignments
        start, named = assignments[task].start, {task, *hold.tasks}
        return sum(
            each.amounts.get(pool, 0.0)
            for each in assignments.values()
            if each.task not in named and each.start < start - NEAR < each.end - NEAR and each.end > start + NEAR
        )

    def _with(self, pool: str, more: float) -> Plan | None:
        """The plan with more of a pool; None where none was found."""
        key = (pool, more)
        if key not in self._found:
            problem = self._plan.problem
            pools = tuple(_raised(each, more) if each.id == pool else each for each in problem.pools)
            other = solve(replace_pools(problem, pools, self._plan), self._limits)
            self._found[key] = other if other.schedule is not None else None
        return self._found[key]

    def _saved(self, other: Plan) -> tuple[float, float]:
        return _clean(self._plan.makespan - other.makespan), _clean(self._plan.cost - other.cost)

    def _proven(self, other: Plan) -> bool:
        return self._plan.status is Status.OPTIMAL and other.status is Status.OPTIMAL


def replace_pools(problem: Problem, pools: tuple[Pool, ...], plan: Plan) -> Problem:
    """The same problem with other pools, to be planned from a plan that is there."""
    return replace(problem, pools=pools, current=plan)


def _raised(pool: Pool, more: float) -> Pool:
    """A pool with more units whenever it has any."""
    calendar: list[CapacityPeriod | CapacityBand] = [
        replace(part, capacity=part.capacity + more if part.capacity else 0.0) for part in pool.calendar
    ]
    return replace(pool, capacity=pool.capacity + more, calendar=tuple(calendar))


def _clean(number: float) -> float:
    return 0.0 if abs(number) <= NEAR else number
