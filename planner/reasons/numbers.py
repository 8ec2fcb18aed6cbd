"""How far each limit of a conflict is from leaving a plan, the others staying as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from planner.compiled import compile_problem
from planner.costs import CENT, Costs
from planner.grid import Grid, scales_of
from planner.group_spans import members, span
from planner.horizon import horizon
from planner.options import options
from planner.reasons.constraints import Constraint, Kind, levels, limited, peak, with_floor, with_peak

if TYPE_CHECKING:
    from planner.problem import Pool, Problem, Task
    from planner.reasons.oracle import Oracle
    from planner.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Needed:
    """What would be enough instead of a limit. `amount` is None where that is not known."""

    amount: float | None
    exact: bool = True
    least: float | None = None
    """Less than that is proven not to be enough; None: nothing is."""

    def with_what_is_known(self, before: Needed) -> Needed:
        """The narrower of two answers to the same question."""
        if self.exact:
            return self
        amounts = [each.amount for each in (self, before) if each.amount is not None]
        leasts = [each.least for each in (self, before) if each.least is not None]
        return Needed(min(amounts, default=None), exact=False, least=max(leasts, default=None))


UNKNOWN = Needed(None, exact=False)


def measured(problem: Problem, conflict: list[Constraint], oracle: Oracle) -> dict[Constraint, Needed]:
    """What would be enough instead of each limit of a conflict, but for precedences; where others leave time for it,
    asked twice."""
    numbers = _Numbers(problem, conflict, oracle)
    found: dict[Constraint, Needed] = {}
    for _ in range(2):
        open_ones = [
            each for each in conflict if each.kind is not Kind.PRECEDENCE and not found.get(each, UNKNOWN).exact
        ]
        oracle.stage(1.0, len(open_ones))
        for each in open_ones:
            found[each] = numbers.needed(each).with_what_is_known(found.get(each, UNKNOWN))
    return found


class _Numbers:
    """Measures the limits of one conflict."""

    def __init__(self, problem: Problem, conflict: list[Constraint], oracle: Oracle) -> None:
        self._problem = problem
        self._conflict = conflict
        self._oracle = oracle

    def needed(self, limit: Constraint) -> Needed:
        """What would be enough instead of a limit, in its own unit; precedences have none."""
        if self._oracle.spent:
            return UNKNOWN
        if limit.kind in (Kind.DEADLINE, Kind.WINDOW, Kind.RELEASE):
            return self._moment(limit)
        if limit.kind is Kind.HORIZON:
            return self._best("duration", lambda schedule: max(schedule.ends), limit)
        if limit.kind is Kind.BUDGET:
            return self._budget(limit)
        if limit.kind is Kind.MAX_DURATION:
            return self._longest(limit)
        if limit.kind is Kind.CAPACITY:
            pool = self._problem.pools[limit.position]
            return self._pool(limit, peak(pool), self._room(limit), with_peak)
        if limit.kind is Kind.CALENDAR:
            pool = self._problem.pools[limit.position]
            return self._pool(limit, min(levels(pool)), peak(pool), with_floor)
        return self._reservation(limit)

    def _rest(self, limit: Constraint, about: tuple[int, ...]) -> Problem | None:
        return limited(self._problem, [each for each in self._conflict if each != limit], about)

    def _best(self, measure: str, read: Callable[[Schedule], float], limit: Constraint) -> Needed:
        rest = self._rest(limit, tuple(range(len(self._problem.tasks))))
        return UNKNOWN if rest is None else self._least(rest, measure, read)

    def _least(self, problem: Problem, measure: str, read: Callable[[Schedule], float], beyond: float = 0.0) -> Needed:
        """By a measure, `beyond` which a bound of it counts."""
        found = self._oracle.best(problem, measure)
        least = found.bound + beyond if found.bound > (0.0 if beyond else -inf) and measure != "preference" else None
        if found.schedule is None:
            return Needed(None, exact=False, least=least)
        return Needed(read(found.schedule), found.proven, least)

    def _moment(self, limit: Constraint) -> Needed:
        """The end or start of the task that is nearest to what the limit asks for."""
        task = self._problem.tasks[limit.position]
        rest = self._rest(limit, (limit.position,))
        if rest is None:
            return UNKNOWN
        place = rest.index[task.id]
        if limit.kind is Kind.DEADLINE:
            wished = _with_task(rest, place, replace(rest.tasks[place], due=task.deadline))
            return self._least(wished, "lateness", lambda schedule: schedule.ends[place], task.deadline or 0.0)
        aim = task.release if limit.kind is Kind.RELEASE else sum(task.window or (0.0, 0.0)) / 2
        # nothing starts beyond the horizon, so that the nearest start to it is the nearest to what lies beyond
        aim = min(aim, horizon(rest))
        wished = _with_task(rest, place, replace(rest.tasks[place], preferred_start=aim))
        return self._least(wished, "preference", lambda schedule: schedule.starts[place])

    def _budget(self, limit: Constraint) -> Needed:
        budget = self._problem.budgets[limit.position]
        members = [
            number
            for number, task in enumerate(self._problem.tasks)
            if budget.group is None or task.group == budget.group
        ]
        rest = self._rest(limit, tuple(members))
        if rest is None:
            return UNKNOWN
        found = self._oracle.best(rest, "cost")
        schedule = found.schedule
        if schedule is None:
            return Needed(None, exact=False, least=found.bound if budget.group is None and found.bound > 0 else None)
        costs = Costs(rest, max(schedule.ends))
        if budget.group is None:
            return Needed(costs.total(schedule), found.proven, found.bound)
        each = zip(rest.tasks, costs.of_tasks(schedule), strict=True)
        spent = sum(cost for task, cost in each if task.group == budget.group)
        # others' money may have been spent first: what the group alone could do with is searched for below that
        return self._smallest(
            budget.amount,
            spent,
            CENT,
            lambda amount: replace(rest, budgets=(*rest.budgets, replace(budget, amount=amount))),
        )

    def _longest(self, limit: Constraint) -> Needed:
        """The shortest time in which a group can be done."""
        given = self._problem.max_durations[limit.position]
        rest = self._rest(limit, tuple(members(self._problem, given)))
        if rest is None:
            return UNKNOWN
        schedule = self._oracle.best(rest, "duration").schedule
        if schedule is None:
            return UNKNOWN
        grid = Grid(compile_problem(rest).tick)
        return self._smallest(
            grid.down(given.seconds) * grid.tick,
            span(members(rest, given), schedule.starts, schedule.ends),
            grid.tick,
            lambda seconds: replace(rest, max_durations=(*rest.max_durations, replace(given, seconds=seconds))),
        )

    def _pool(self, limit: Constraint, low: float, high: float, change: Callable[[Pool, float], Pool]) -> Needed:
        number = limit.position

        def at(level: float) -> Problem | None:
            pools = list(self._problem.pools)
            pools[number] = change(pools[number], level)
            return limited(replace(self._problem, pools=tuple(pools)), self._conflict)

        return self._smallest(low, high, self._unit(number), at)

    def _reservation(self, limit: Constraint) -> Needed:
        """How many units would have to be given back."""
        given = self._problem.reservations[limit.position]

        def without(units: float) -> Problem | None:
            reservations = list(self._problem.reservations)
            reservations[limit.position] = replace(given, amount=max(given.amount - units, 0.0))
            return limited(replace(self._problem, reservations=tuple(reservations)), self._conflict)

        return self._smallest(0.0, given.amount, self._unit(self._problem.pool_index[given.pool]), without)

    def _smallest(self, low: float, high: float, unit: float, at: Callable[[float], Problem | None]) -> Needed:
        """The smallest amount that leaves a plan, by halving, where `low` leaves none and `high` does."""
        steps = max(round((high - low) / unit), 1)
        impossible, possible, refuted = 0, steps, 0
        while possible - impossible > 1:
            middle = (impossible + possible) // 2
            problem = at(low + middle * unit)
            answer = True if problem is None else self._oracle.feasible(problem)
            if answer:
                possible = middle
            else:
                impossible = middle
                refuted = middle if answer is False else refuted
        amount = high if possible == steps else low + possible * unit
        return Needed(amount, refuted == impossible, min(low + (refuted + 1) * unit, amount))

    def _unit(self, pool: int) -> float:
        """The smallest amount of a pool that makes a difference."""
        return 1 / scales_of(self._problem, [options(task) for task in self._problem.tasks])[pool]

    def _room(self, limit: Constraint) -> float:
        """A capacity that leaves room for everything."""
        rest = self._rest(limit, tuple(range(len(self._problem.tasks))))
        return peak(self._problem.pools[limit.position]) if rest is None else peak(rest.pools[limit.position])


def _with_task(problem: Problem, place: int, task: Task) -> Problem:
    return replace(problem, tasks=(*problem.tasks[:place], task, *problem.tasks[place + 1 :]))
