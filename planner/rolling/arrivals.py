"""Planning on, with what has come in since: what has started stays, the rest may move, and moving counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from planner.progress import Progress, remaining
from planner.repairing import stable
from planner.solving import solve

if TYPE_CHECKING:
    from planner.limits import Limits
    from planner.plan import Plan
    from planner.problem import Problem


def plan_next(
    problem: Problem,
    current: Plan,
    now: float,
    limits: Limits | None = None,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """A plan for a problem that has grown (or shrunk) since the current plan was made; it is `now` seconds after the
    origin, which both have in common, and everything has gone as planned: where it has not, `planner.repair`
    takes what happened.

    Tasks that the current plan starts before now keep their times, as `planner.progress.remaining` says; nothing else
    starts before now. Moved starts count beside the objective (`planner.repairing.CHURN`, where it does not weigh
    `churn`), and `plan.parts["churn"]` says by how many seconds on average tasks moved. Tasks that are not in the
    current plan are no churn. Raises `planner.progress.ProgressInvalid`.
    """
    progress = {
        name: Progress(at.start, at.end if at.end <= now else None)
        for name, at in current.assignments.items()
        if at.start < now and name in problem.index
    }
    return solve(remaining(problem, current, now, progress, stable(problem.objective)), limits, on_plan)
