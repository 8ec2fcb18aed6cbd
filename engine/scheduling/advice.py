"""What could be made better about a plan, said in sentences; every figure is from the plan."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from engine.scheduling.proposing import Proposal
from planner.cpm import soonest
from planner.critical_path import HeldBy
from planner.graph import reachable

_NAMED = 3
_MOST_STEPS = 300
"""Of more, pairs are not looked at."""


def side_by_side(proposal: Proposal) -> list[tuple[str, str]]:
    """Pairs of steps that neither waits for, and whose earliest times overlap."""
    problem, schedule = proposal.plan.problem, proposal.plan.schedule
    tasks = problem.tasks
    if schedule is None or len(tasks) > _MOST_STEPS:
        return []
    durations = [end - start for start, end in zip(schedule.starts, schedule.ends, strict=True)]
    starts, ends = soonest(problem.graph, durations, [0.0] * len(tasks))
    order = sorted((i for i, length in enumerate(durations) if length), key=lambda i: (starts[i], i))
    after = reachable(problem.graph.successors, problem.graph.order)
    return [
        (tasks[a].id, tasks[b].id)
        for a, b in combinations(order, 2)
        if starts[b] < ends[a] and not after[a] >> b & 1 and not after[b] >> a & 1
    ]


def recommendations(proposal: Proposal, pairs: list[tuple[str, str]], moved: int) -> Iterator[str]:
    """What is worth knowing of a plan that is in force from now on."""
    titles = {task: planned.step.title for task, planned in proposal.case.steps.items()}
    for one, other in pairs[:_NAMED]:
        yield f"Step '{titles[other]}' can run in parallel with '{titles[one]}'"
    waiting = [
        (task, hold)
        for task, hold in proposal.plan.analysis.holds.items()
        if hold.by in (HeldBy.POOL, HeldBy.RESERVATION, HeldBy.CALENDAR)
    ]
    for task, hold in waiting[:_NAMED]:
        start = proposal.at(proposal.plan.assignments[task].start)
        yield f"Step '{titles[task]}' waits for {hold.pool} until {start:%Y-%m-%dT%H:%M:%SZ}"
    if proposal.savings >= 0.005:
        later = (proposal.start - proposal.at(_first(proposal))).total_seconds()
        yield f"Starting {later / 60:.0f} minutes later than possible saves {proposal.savings:.2f}"
    if moved:
        yield f"{moved} workflow{'s' if moved > 1 else ''} of a lower priority made room"
    for planned in proposal.case.steps.values():
        if planned.step.handler is None and not planned.step.is_control:
            title = planned.step.title
            yield f"Step '{title}' is named by others and not described: it is a milestone that takes no time"


def _first(proposal: Proposal) -> float:
    return min((each.start for each in proposal.soonest.assignments.values()), default=0.0)
