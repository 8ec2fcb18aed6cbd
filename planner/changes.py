"""Changes to a problem, for asking what would come of them. They leave the problem as it is and make another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from definitions.errors import Problem as Mistake
from definitions.errors import ProblemsError
from planner.problem import Budget, MaxDuration, Precedence, Problem, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from planner.calendars import CapacityBand, CapacityPeriod
    from planner.prices import Tariff
    from planner.problem import Pool


class ChangeInvalid(ProblemsError):
    """Changes that name what is not there; `problems` holds all of them."""

    default_code = "change_invalid"
    subject = "the changes"


@dataclass(frozen=True, slots=True)
class ChangePool:
    """Another capacity, calendar or price; None: as it is."""

    pool: str
    capacity: float | None = None
    calendar: tuple[CapacityPeriod | CapacityBand, ...] | None = None
    price: Tariff | None = None


@dataclass(frozen=True, slots=True)
class ChangeDeadline:
    """Another deadline of a task; None: none at all."""

    task: str
    deadline: float | None


@dataclass(frozen=True, slots=True)
class ChangeDuration:
    """All modes of a task take `factor` times as long; or, with `seconds`, exactly that long."""

    task: str
    factor: float = 1.0
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ChangeBudget:
    """Another budget for a group, or without one for the whole plan; None: none at all."""

    amount: float | None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeMaxDuration:
    """Another longest duration of a group, or without one of the whole plan; None: none at all."""

    seconds: float | None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class AddTask:
    """One more task, after some and before others."""

    task: Task
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveTask:
    """One task less. What came after it still comes after what came before it, but for the time it took."""

    task: str


Change = ChangePool | ChangeDeadline | ChangeDuration | ChangeBudget | ChangeMaxDuration | AddTask | RemoveTask


def changed(problem: Problem, changes: Sequence[Change]) -> Problem:
    """The problem with the changes, made one after the other.

    Raises `ChangeInvalid` where a task or pool is not there, `ProblemInvalid` where the result makes no sense.
    """
    wrong: list[Mistake] = []
    for place, change in enumerate(changes):
        mistakes = list(_unknown(problem, change, f"changes[{place}]"))
        if mistakes:
            wrong += mistakes
        else:
            problem = _with(problem, change)
    if wrong:
        raise ChangeInvalid(wrong)
    return problem


def _unknown(problem: Problem, change: Change, path: str) -> Iterable[Mistake]:
    kind: Literal["pool", "task"] = "task"
    names: tuple[str, ...] = ()
    if isinstance(change, ChangePool):
        kind, names = "pool", (change.pool,)
    elif isinstance(change, AddTask):
        names = (*change.after, *change.before)
    elif not isinstance(change, ChangeBudget | ChangeMaxDuration):
        names = (change.task,)
    known = problem.pool_index if kind == "pool" else problem.index
    for name in names:
        if name not in known:
            yield Mistake(f"unknown_{kind}", path, f"there is no {kind} {name!r}", f"name a {kind} of the problem")


def _with(problem: Problem, change: Change) -> Problem:
    if isinstance(change, ChangePool):
        pools = tuple(_pool(pool, change) if pool.id == change.pool else pool for pool in problem.pools)
        return replace(problem, pools=pools)
    if isinstance(change, ChangeBudget):
        budgets = tuple(budget for budget in problem.budgets if budget.group != change.group)
        more = () if change.amount is None else (Budget(change.amount, change.group),)
        return replace(problem, budgets=budgets + more)
    if isinstance(change, ChangeMaxDuration):
        others = tuple(limit for limit in problem.max_durations if limit.group != change.group)
        longest = () if change.seconds is None else (MaxDuration(change.seconds, change.group),)
        return replace(problem, max_durations=others + longest)
    if isinstance(change, AddTask):
        before = tuple(Precedence(name, change.task.id) for name in change.after)
        after = tuple(Precedence(change.task.id, name) for name in change.before)
        return replace(problem, tasks=(*problem.tasks, change.task), precedence=(*problem.precedence, *before, *after))
    if isinstance(change, RemoveTask):
        return _without(problem, change.task)
    return replace(
        problem, tasks=tuple(_task(task, change) if task.id == change.task else task for task in problem.tasks)
    )


def _pool(pool: Pool, change: ChangePool) -> Pool:
    return replace(
        pool,
        capacity=pool.capacity if change.capacity is None else change.capacity,
        calendar=pool.calendar if change.calendar is None else change.calendar,
        price=pool.price if change.price is None else change.price,
    )


def _task(task: Task, change: ChangeDeadline | ChangeDuration) -> Task:
    if isinstance(change, ChangeDeadline):
        return replace(task, deadline=change.deadline)
    return replace(
        task,
        modes=tuple(
            replace(mode, duration=mode.duration * change.factor if change.seconds is None else change.seconds)
            for mode in task.modes
        ),
    )


def _without(problem: Problem, name: str) -> Problem:
    tasks = tuple(task for task in problem.tasks if task.id != name)
    groups = {task.group for task in tasks}
    coming = [arc for arc in problem.precedence if arc.after == name]
    going = [arc for arc in problem.precedence if arc.before == name]
    kept = tuple(arc for arc in problem.precedence if name not in (arc.before, arc.after))
    through = tuple(
        Precedence(first.before, second.after, first.lag + second.lag) for first in coming for second in going
    )
    return replace(
        problem,
        tasks=tasks,
        precedence=kept + through,
        budgets=tuple(budget for budget in problem.budgets if budget.group is None or budget.group in groups),
        max_durations=tuple(each for each in problem.max_durations if each.group is None or each.group in groups),
    )
