"""A plan that goes on after something came otherwise: at once, and then better.

What has not started is placed in the order of the plan in force, no earlier than there if that is no worse, else as
early as it fits (Kolisch 1996; right-shift as in Raheja and Subramaniam, "Reactive recovery of job shop schedules",
2002). Deadlines and budgets that can't be kept so are given up, and named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from planner.baseline import as_soon_as_possible
from planner.compiled import Compiled, Draft, compile_problem
from planner.evaluation import scales
from planner.giving_up import give_up
from planner.impossible import impossible
from planner.judge import Judge
from planner.listing import Lister
from planner.objective import Objective
from planner.plan import Plan, Reason, Status
from planner.progress import Progress, remaining
from planner.warm_start import current_places, warm_drafts

if TYPE_CHECKING:
    from planner.limits import Limits
    from planner.problem import Problem
    from planner.schedule import Schedule

CHURN = 0.1
"""What moving tasks counts beside all else together, where the objective does not say."""


def repair(
    problem: Problem,
    plan: Plan,
    now: float,
    progress: Mapping[str, Progress],
    limits: Limits | None = None,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """A plan for what is left of a problem at `now` (seconds from its origin).

    `problem` is as it is now, with whatever changed about tasks and pools; `plan` is the one in force; `progress` tells
    of the tasks that have started. Without `limits` the answer is there at once. With them a search goes on from it,
    and the better of the two is returned, never a worse one; `on_plan` gets the first and each better one. Moved starts
    count beside the objective (`CHURN`). `Plan.reasons` names what had to be given up; a plan without any keeps every
    rule. Raises `planner.progress.ProgressInvalid`.
    """
    began = time.perf_counter()
    left = remaining(problem, plan, now, progress, stable(problem.objective))
    first = _at_once(left, began)
    if on_plan is not None and first.schedule is not None:
        on_plan(first)
    if limits is None:
        return first
    from planner.solving import solve

    def tell(better: Plan) -> None:
        if on_plan is not None and _better(better, first):
            on_plan(better)

    found = solve(left, limits, tell)
    if found.schedule is None and first.schedule is not None and first.reasons:
        found = replace(solve(first.problem, limits, tell), reasons=first.reasons)
    return found if _better(found, first) else first


def stable(objective: Objective) -> Objective:
    """The objective with moved starts counted, too."""
    if objective.lexicographic:
        if "churn" in objective.lexicographic:
            return objective
        return replace(objective, lexicographic=(*objective.lexicographic, "churn"))
    if objective.churn:
        return objective
    weights = objective.weights
    # an objective without weights is the shortest plan: say so, as the churn would else be all that counts
    duration = weights.get("duration", 0.0)
    return replace(objective, duration=duration, churn=CHURN * sum(weights.values()))


def _better(found: Plan, first: Plan) -> bool:
    """Whether a plan is no worse than the one that was there at once: less given up, or as good by the objective."""
    if found.schedule is None or first.schedule is None or found.objective is None or first.objective is None:
        return found.schedule is not None
    if first.reasons and not found.reasons:
        return found.problem is not first.problem or found.objective <= first.objective
    return found.objective <= first.objective


def _at_once(problem: Problem, began: float) -> Plan:
    """The plan in force, moved on."""
    compiled = compile_problem(problem)
    warm = current_places(compiled)
    judge = _judge(compiled)
    drafts = warm_drafts(compiled, warm) if warm is not None else ()
    kept = [draft for draft in drafts if judge.admits(draft)]
    if kept:
        best = min(kept, key=judge)
        return _plan(problem, compiled.schedule(best), judge, began, ())
    starts = {} if warm is None else warm.starts
    keys = [starts.get(task, earliest) for task, earliest in enumerate(compiled.earliest)]
    draft = Lister(compiled, in_time=False).serial(keys)
    if not isinstance(draft, Draft):
        reasons = impossible(compiled)
        status = Status.INFEASIBLE if reasons else Status.UNKNOWN
        return Plan(problem, status, None, None, None, "repair", time.perf_counter() - began, reasons)
    schedule = compiled.schedule(draft)
    loosened, reasons = give_up(problem, schedule, compiled.costs)
    return _plan(loosened, schedule, _judge(compile_problem(loosened)), began, reasons)


def _judge(compiled: Compiled) -> Judge:
    problem = compiled.problem
    weights = problem.objective.weights
    baseline = as_soon_as_possible(problem, compiled) if len(weights) > 1 else None
    return Judge(compiled, scales(problem, compiled.costs, baseline, weights))


def _plan(problem: Problem, schedule: Schedule, judge: Judge, began: float, reasons: tuple[Reason, ...]) -> Plan:
    value = judge.of(schedule)
    seconds = time.perf_counter() - began
    return Plan(problem, Status.FEASIBLE, schedule, value, None, "repair", seconds, reasons)
