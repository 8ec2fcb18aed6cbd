"""Limits of a conflict as reasons that a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from planner.cpm import shortest
from planner.group_spans import members
from planner.plan import Reason, whose
from planner.reasons.constraints import Constraint, Kind, levels, peak
from planner.reasons.numbers import Needed

if TYPE_CHECKING:
    from planner.problem import Problem

Group = tuple[Constraint, ...]
"""One limit; or the precedences of a path, in its order."""


def grouped(problem: Problem, conflict: Sequence[Constraint]) -> list[Group]:
    """The limits of a conflict, precedences that follow each other put together."""
    arcs = [each for each in conflict if each.kind is Kind.PRECEDENCE]
    found: list[Group] = [(each,) for each in conflict if each.kind is not Kind.PRECEDENCE]
    while arcs:
        ends = {problem.precedence[each.position].after for each in arcs}
        path = [next(each for each in arcs if problem.precedence[each.position].before not in ends)]
        while following := [
            each
            for each in arcs
            if problem.precedence[each.position].before == problem.precedence[path[-1].position].after
        ]:
            path.append(following[0])
        arcs = [each for each in arcs if each not in path]
        found.append(tuple(path))
    return found


class Wording:
    """Tells the reasons of one conflict."""

    def __init__(self, problem: Problem, conflict: Sequence[Constraint], measured: Mapping[Constraint, Needed]) -> None:
        self._problem = problem
        self._conflict = conflict
        self._measured = measured

    def reason(self, group: Group, *, essential: bool) -> Reason:
        """One reason, with its numbers."""
        limit = group[0]
        if limit.kind is Kind.PRECEDENCE:
            return self._path(group, essential)
        needed = self._measured[limit]
        tell: dict[Kind, Callable[[int, Needed], tuple[str, tuple[str, ...], str | None, float]]] = {
            Kind.DEADLINE: self._deadline,
            Kind.WINDOW: self._window,
            Kind.RELEASE: self._release,
            Kind.HORIZON: self._horizon,
            Kind.BUDGET: self._budget,
            Kind.MAX_DURATION: self._longest,
            Kind.CAPACITY: self._capacity,
            Kind.CALENDAR: self._calendar,
            Kind.RESERVATION: self._reservation,
        }
        message, tasks, pool, available = tell[limit.kind](limit.position, needed)
        return Reason(
            limit.kind.value, message, tasks, pool, needed.amount, available, needed.exact, essential, needed.least
        )

    def _deadline(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        task = self._problem.tasks[position]
        limit = task.deadline or 0.0
        message = f"task {task.id!r} must end by {limit:g} s{_then(needed, 'the earliest it can end is', 's')}"
        return message, (task.id,), None, limit

    def _window(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        task = self._problem.tasks[position]
        earliest, latest = task.window or (0.0, 0.0)
        early = needed.amount is not None and needed.amount < earliest
        nearest = f"the {'latest' if early else 'earliest'} it can start is"
        message = f"task {task.id!r} must start from {earliest:g} s to {latest:g} s{_then(needed, nearest, 's')}"
        return message, (task.id,), None, earliest if early else latest

    def _release(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        task = self._problem.tasks[position]
        message = (
            f"task {task.id!r} may not start before {task.release:g} s{_then(needed, 'it would have to start by', 's')}"
        )
        return message, (task.id,), None, task.release

    def _horizon(self, _: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        limit = self._problem.horizon or 0.0
        return f"all must end by {limit:g} s{_then(needed, 'the earliest possible end is', 's')}", (), None, limit

    def _budget(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        budget = self._problem.budgets[position]
        tasks = tuple(task.id for task in self._problem.tasks if budget.group is None or task.group == budget.group)
        least = "" if needed.least is None and not needed.exact else "; it costs "
        if needed.exact and needed.amount is not None:
            least += f"{needed.amount:.2f} at least"
        elif needed.least is not None:
            least += f"{needed.least:.2f} at least"
        if not needed.exact and needed.amount is not None:
            least += f"{',' if least else ';'} {needed.amount:.2f} is enough"
        return f"{whose(budget.group)} may cost {budget.amount:.2f}{least}", tasks, None, budget.amount

    def _longest(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        limit = self._problem.max_durations[position]
        tasks = tuple(self._problem.tasks[task].id for task in members(self._problem, limit))
        message = f"{whose(limit.group)} may take {limit.seconds:g} s{_then(needed, 'it takes at least', 's')}"
        return message, tasks, None, limit.seconds

    def _capacity(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        pool = self._problem.pools[position]
        available = peak(pool)
        message = f"pool {pool.id!r} has {available:g}{_then(needed, 'it would have to have', 'to suffice')}"
        return message, self._users(position), pool.id, available

    def _calendar(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        pool = self._problem.pools[position]
        available = min(levels(pool))
        message = (
            f"pool {pool.id!r} has as little as {available:g} at times"
            f"{_then(needed, 'it would have to have', 'at all times')}"
        )
        return message, self._users(position), pool.id, available

    def _reservation(self, position: int, needed: Needed) -> tuple[str, tuple[str, ...], str | None, float]:
        given = self._problem.reservations[position]
        whose = "" if given.task is None else f" for {given.task!r}"
        message = (
            f"{given.amount:g} of pool {given.pool!r} are reserved{whose} from {given.start:g} s to {given.end:g} s"
            f"{_then(needed, 'would have to be given back:', 'of them')}"
        )
        return message, self._users(self._problem.pool_index[given.pool]), given.pool, given.amount

    def _path(self, group: Group, essential: bool) -> Reason:
        problem = self._problem
        arcs = [problem.precedence[each.position] for each in group]
        names = (arcs[0].before, *(arc.after for arc in arcs))
        least = [min(shortest(mode) for mode in problem.tasks[problem.index[name]].modes) for name in names]
        length = sum(least) + sum(arc.lag for arc in arcs)
        message = f"{' -> '.join(names)} run one after the other and take {length:g} s at least"
        return Reason("precedence", message, names, None, length, None, True, essential)

    def _users(self, position: int) -> tuple[str, ...]:
        """The tasks of the conflict that hold units of a pool;
        if it names none, those that hold any, or that alone hold too many."""
        problem, name = self._problem, self._problem.pools[position].id
        named = (Kind.DEADLINE, Kind.WINDOW, Kind.RELEASE)
        about = {problem.tasks[each.position].id for each in self._conflict if each.kind in named}
        for each in self._conflict:
            if each.kind is Kind.PRECEDENCE:
                about |= {problem.precedence[each.position].before, problem.precedence[each.position].after}
            if each.kind is Kind.MAX_DURATION:
                limit = problem.max_durations[each.position]
                about |= {problem.tasks[task].id for task in members(problem, limit)}
        least = {
            task.id: min(
                sum(d.amount if d.min_amount is None else d.min_amount for d in mode.demands if d.pool == name)
                for mode in task.modes
            )
            for task in problem.tasks
        }
        using = [task for task, amount in least.items() if amount and (task in about or not about)]
        too_large = [task for task in using if least[task] > peak(problem.pools[position])]
        return tuple(too_large or using)


def _then(needed: Needed, words: str, unit: str) -> str:
    """`; words 12 unit`, or the bounds that are known of it."""
    if needed.exact and needed.amount is not None:
        return f"; {words} {needed.amount:g} {unit}"
    if needed.amount is None:
        return "" if needed.least is None else f"; {words} {needed.least:g} {unit}, or more"
    if needed.least is None:
        return f"; {words} {needed.amount:g} {unit} (less may do)"
    return f"; {words} between {needed.least:g} and {needed.amount:g} {unit}"
