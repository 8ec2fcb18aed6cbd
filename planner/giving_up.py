"""What a schedule can't keep of its problem's deadlines, latest starts, horizon, longest durations and budgets;
the problem without."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from planner.costs import covers
from planner.direct import EPSILON
from planner.group_spans import members, span
from planner.plan import Reason, whose

if TYPE_CHECKING:
    from planner.costs import Costs
    from planner.problem import Budget, MaxDuration, Problem, Task
    from planner.schedule import Schedule


def give_up(problem: Problem, schedule: Schedule, costs: Costs) -> tuple[Problem, tuple[Reason, ...]]:
    """The problem loosened so that the schedule keeps it, and what was loosened, with the numbers.

    A deadline that is given up becomes a due time, so that it still counts where lateness does.
    """
    reasons: list[Reason] = []
    tasks = tuple(
        _task(task, schedule.starts[number], schedule.ends[number], reasons)
        for number, task in enumerate(problem.tasks)
    )
    horizon, last = problem.horizon, max(schedule.ends)
    if horizon is not None and last > horizon + EPSILON:
        message = f"all should end by {horizon:g} s; it takes until {last:g} s"
        reasons.append(Reason("horizon", message, (), None, last, horizon, exact=False, essential=False))
        horizon = None
    spent = costs.spent(schedule)
    budgets = tuple(_budget(problem, each, cost, reasons) for each, cost in zip(problem.budgets, spent, strict=True))
    longest = tuple(_longest(problem, each, schedule, reasons) for each in problem.max_durations)
    return replace(problem, tasks=tasks, horizon=horizon, budgets=budgets, max_durations=longest), tuple(reasons)


def _longest(problem: Problem, limit: MaxDuration, schedule: Schedule, reasons: list[Reason]) -> MaxDuration:
    tasks = members(problem, limit)
    taken = span(tasks, schedule.starts, schedule.ends)
    if taken <= limit.seconds + EPSILON:
        return limit
    message = f"{whose(limit.group)} may take {limit.seconds:g} s; it takes {taken:g} s"
    names = tuple(problem.tasks[task].id for task in tasks)
    reasons.append(Reason("max_duration", message, names, None, taken, limit.seconds, exact=False, essential=False))
    return replace(limit, seconds=taken)


def _task(task: Task, start: float, end: float, reasons: list[Reason]) -> Task:
    if task.deadline is not None and end > task.deadline + EPSILON:
        message = f"task {task.id!r} should end by {task.deadline:g} s; it ends at {end:g} s"
        reasons.append(Reason("deadline", message, (task.id,), None, end, task.deadline, exact=False, essential=False))
        task = replace(task, deadline=None, due=task.deadline if task.due is None else task.due)
    if task.window is not None and start > task.window[1] + EPSILON:
        message = f"task {task.id!r} should start by {task.window[1]:g} s; it starts at {start:g} s"
        reasons.append(Reason("window", message, (task.id,), None, start, task.window[1], exact=False, essential=False))
        task = replace(task, window=(task.window[0], start))
    return task


def _budget(problem: Problem, budget: Budget, spent: float, reasons: list[Reason]) -> Budget:
    if covers(budget.amount, spent):
        return budget
    tasks = tuple(task.id for task in problem.tasks if budget.group is None or task.group == budget.group)
    message = f"{whose(budget.group)} may cost {budget.amount:.2f}; it costs {spent:.2f}"
    reasons.append(Reason("budget", message, tasks, None, spent, budget.amount, exact=False, essential=False))
    return replace(budget, amount=spent)
