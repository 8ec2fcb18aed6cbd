"""The limits of a problem one by one, and the problem with only some of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from planner.objective import SHORTEST
from planner.problem import Pool, Problem, Task

if TYPE_CHECKING:
    from planner.calendars import CapacityBand, CapacityPeriod

Each = TypeVar("Each")


class Kind(StrEnum):
    """What a limit is of; listed first is what people would rather be told of."""

    BUDGET = "budget"
    DEADLINE = "deadline"
    HORIZON = "horizon"
    MAX_DURATION = "max_duration"
    WINDOW = "window"
    CAPACITY = "capacity"
    CALENDAR = "calendar"
    RESERVATION = "reservation"
    RELEASE = "release"
    PRECEDENCE = "precedence"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit that can be lifted: `position` is that of its task, pool, reservation, budget, group or precedence."""

    kind: Kind
    position: int = 0


def constraints(problem: Problem) -> list[Constraint]:
    """Every limit of a problem, in the order of `Kind`."""
    found = sorted(_found(problem), key=lambda each: list(Kind).index(each.kind))
    return list(dict.fromkeys(found))


def _found(problem: Problem) -> Iterator[Constraint]:
    for number, task in enumerate(problem.tasks):
        if task.deadline is not None:
            yield Constraint(Kind.DEADLINE, number)
        if task.window is not None:
            yield Constraint(Kind.WINDOW, number)
        if task.release:
            yield Constraint(Kind.RELEASE, number)
    for number, pool in enumerate(problem.pools):
        yield Constraint(Kind.CAPACITY, number)
        if any(level < peak(pool) for level in levels(pool)):
            yield Constraint(Kind.CALENDAR, number)
    if problem.horizon is not None:
        yield Constraint(Kind.HORIZON)
    for kind, listed in (
        (Kind.BUDGET, problem.budgets),
        (Kind.MAX_DURATION, problem.max_durations),
        (Kind.RESERVATION, problem.reservations),
        (Kind.PRECEDENCE, problem.precedence),
    ):
        yield from (Constraint(kind, number) for number in range(len(listed)))


def levels(pool: Pool) -> list[float]:
    """The capacities that a pool has at one time or another."""
    return [pool.capacity, *(part.capacity for part in pool.calendar)]


def peak(pool: Pool) -> float:
    """The highest capacity that a pool ever has, bursts left out."""
    return max(levels(pool))


def limited(problem: Problem, kept: Collection[Constraint], about: Collection[int] = ()) -> Problem | None:
    """The problem with only the limits in `kept`, and without tasks that none of them is about, but for `about`.

    None where no task is left, so that there is nothing that could be in the way.
    """
    lifted = _Lifting(problem, kept)
    left = [number for number in range(len(problem.tasks)) if number in about or lifted.touches(number)]
    if not left:
        return None
    names = {problem.tasks[number].id for number in left}
    groups = {problem.tasks[number].group for number in left}
    return replace(
        problem,
        tasks=tuple(lifted.task(number) for number in left),
        pools=tuple(lifted.pool(number) for number in range(len(problem.pools))),
        precedence=tuple(arc for arc in lifted.precedence if arc.before in names and arc.after in names),
        reservations=lifted.kept_of(Kind.RESERVATION, problem.reservations),
        budgets=tuple(
            budget
            for budget in lifted.kept_of(Kind.BUDGET, problem.budgets)
            if budget.group is None or budget.group in groups
        ),
        max_durations=tuple(
            limit
            for limit in lifted.kept_of(Kind.MAX_DURATION, problem.max_durations)
            if limit.group is None or limit.group in groups
        ),
        horizon=problem.horizon if Constraint(Kind.HORIZON) in lifted.kept else None,
        objective=SHORTEST,
        current=None,
    )


class _Lifting:
    """What is left of each part of a problem."""

    def __init__(self, problem: Problem, kept: Collection[Constraint]) -> None:
        self._problem = problem
        self.kept = frozenset(kept)
        self.precedence = self.kept_of(Kind.PRECEDENCE, problem.precedence)
        self._ordered = {name for arc in self.precedence for name in (arc.before, arc.after)}
        self._counted = {budget.group for budget in self.kept_of(Kind.BUDGET, problem.budgets)}
        self._counted |= {limit.group for limit in self.kept_of(Kind.MAX_DURATION, problem.max_durations)}
        self._everybody = None in self._counted or Constraint(Kind.HORIZON) in self.kept
        self._pools = {
            pool.id
            for number, pool in enumerate(problem.pools)
            if Constraint(Kind.CAPACITY, number) in self.kept or Constraint(Kind.CALENDAR, number) in self.kept
        }
        self._room = _room(problem)

    def kept_of(self, kind: Kind, listed: tuple[Each, ...]) -> tuple[Each, ...]:
        return tuple(each for number, each in enumerate(listed) if Constraint(kind, number) in self.kept)

    def touches(self, number: int) -> bool:
        """Whether any limit is about a task."""
        task = self._problem.tasks[number]
        return (
            self._everybody
            or task.id in self._ordered
            or (task.group is not None and task.group in self._counted)
            or any(Constraint(kind, number) in self.kept for kind in (Kind.DEADLINE, Kind.WINDOW, Kind.RELEASE))
            or any(demand.pool in self._pools for mode in task.modes for demand in mode.demands)
        )

    def task(self, number: int) -> Task:
        given = self._problem.tasks[number]
        return replace(
            given,
            release=given.release if Constraint(Kind.RELEASE, number) in self.kept else 0.0,
            deadline=given.deadline if Constraint(Kind.DEADLINE, number) in self.kept else None,
            window=given.window if Constraint(Kind.WINDOW, number) in self.kept else None,
            due=None,
            preferred_start=None,
        )

    def pool(self, number: int) -> Pool:
        """Without its capacity, room for everything at once wherever the calendar does not say less; without its
        calendar, always its highest capacity."""
        given = self._problem.pools[number]
        capacity = Constraint(Kind.CAPACITY, number) in self.kept
        calendar = Constraint(Kind.CALENDAR, number) in self.kept
        if capacity and calendar:
            return given
        if not calendar:
            level = peak(given) if capacity else self._room[given.id]
            return replace(given, capacity=level, calendar=(), burst=given.burst if capacity else None)
        return with_peak(given, self._room[given.id])


def with_peak(pool: Pool, level: float) -> Pool:
    """A pool with another capacity wherever it has its highest."""
    return _releveled(pool, lambda old: level if old == peak(pool) else old)


def with_floor(pool: Pool, level: float) -> Pool:
    """A pool whose capacity is nowhere below a level."""
    return _releveled(pool, lambda old: max(old, level))


def _releveled(pool: Pool, level: Callable[[float], float]) -> Pool:
    calendar: list[CapacityPeriod | CapacityBand] = [
        replace(part, capacity=level(part.capacity)) for part in pool.calendar
    ]
    return replace(pool, capacity=level(pool.capacity), calendar=tuple(calendar))


def _room(problem: Problem) -> dict[str, float]:
    """For each pool what all tasks and reservations together can hold at most."""
    total = dict.fromkeys(problem.pool_index, 0.0)
    for task in problem.tasks:
        most: dict[str, float] = {}
        for mode in task.modes:
            for demand in mode.demands:
                amount = demand.amount if demand.max_amount is None else demand.max_amount
                most[demand.pool] = max(most.get(demand.pool, 0.0), amount)
        for name, amount in most.items():
            total[name] += amount
    for reservation in problem.reservations:
        total[reservation.pool] += reservation.amount
    return {name: max(amount, 1.0) for name, amount in total.items()}
