"""What is left of a problem once its plan is under way: what has started is fixed, the rest can't start before now.

A task that has started becomes one with a single mode that starts when it did and ends when it ended, or is expected
to; it costs what it does by the prices of that time. What it holds of pools until it ends becomes reservations under
its name: they are held whatever becomes of the pools. What has not started may start from now on; a task that failed
and is to be done again is one that has not started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from definitions.errors import Problem as Mistake
from definitions.errors import ProblemsError
from planner.costs import Costs
from planner.grid import Grid, finest
from planner.horizon import horizon
from planner.occupancy import chosen_amount
from planner.problem import Mode, Problem, Reservation, Task

if TYPE_CHECKING:
    from planner.objective import Objective
    from planner.plan import Plan

_MARGIN = 10
"""How much farther than now the problem may reach after any repair."""


class ProgressInvalid(ProblemsError):
    """Progress that does not fit the problem; `problems` holds everything that is wrong."""

    default_code = "progress_invalid"
    subject = "the progress"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is that has started. Times are seconds from the problem's origin."""

    started: float
    ended: float | None = None
    """None: it is running."""
    duration: float | None = None
    """Of a running task: how long it is now expected to take in all, in seconds; None: as long as planned."""


def remaining(
    problem: Problem, plan: Plan, now: float, progress: Mapping[str, Progress], objective: Objective | None = None
) -> Problem:
    """The problem from `now` (seconds from the origin) on, with the plan as its current one.

    Tasks keep their positions; starts and ends of the past are rounded to a millisecond, in plans of weeks to more.
    What a task that has started should have waited for no longer counts. A running task that should be over by now is
    taken to end now. `objective`: another than the problem's. Raises `ProgressInvalid`.
    """
    _check(problem, plan, now, progress)
    before = _Planned(plan)
    ends = {name: before.end(name, done, now) for name, done in progress.items()}
    # what can't move must lie on the grid of searches, whatever that will be
    grid = Grid(finest(_MARGIN * (horizon(problem) + max(ends.values(), default=now))))
    ends = {name: grid.up(end) * grid.tick for name, end in ends.items()}
    costs = Costs(problem, max(ends.values(), default=now))
    tasks: list[Task] = []
    reservations = list(problem.reservations)
    for task in problem.tasks:
        done = progress.get(task.id)
        if done is None:
            tasks.append(_waiting(task, now))
            continue
        end = ends[task.id]
        start = grid.down(done.started) * grid.tick
        mode, amounts = before.mode(task)
        tasks.append(_fixed(task, mode, start, end, costs.task(mode, amounts, ((done.started, end),))))
        if end > now:
            reservations += [
                Reservation(demand.pool, start, end, amount, task=task.id)
                for place, demand in enumerate(mode.demands)
                if (amount := chosen_amount(demand, amounts, place))
            ]
    return replace(
        problem,
        tasks=tuple(tasks),
        precedence=tuple(arc for arc in problem.precedence if arc.after not in progress),
        reservations=tuple(reservations),
        objective=problem.objective if objective is None else objective,
        current=plan,
    )


class _Planned:
    """What the plan in force says of tasks that have started."""

    def __init__(self, plan: Plan) -> None:
        if plan.schedule is None:
            raise ValueError("there is no plan")
        self._schedule = plan.schedule
        self._index = plan.problem.index

    def end(self, name: str, done: Progress, now: float) -> float:
        """When it ended, or is expected to."""
        if done.ended is not None:
            return done.ended
        number = self._index[name]
        usual = self._schedule.ends[number] - self._schedule.starts[number]
        return max(done.started + (usual if done.duration is None else done.duration), now)

    def mode(self, task: Task) -> tuple[Mode, tuple[float, ...] | None]:
        """The mode it runs in, and the amounts it was given. A mode that is no longer there stands for the first."""
        number = self._index[task.id]
        chosen, amounts = self._schedule.modes[number], self._schedule.amounts.get(number)
        mode = task.modes[chosen] if chosen < len(task.modes) else task.modes[0]
        return mode, amounts if amounts is not None and len(amounts) == len(mode.demands) else None


def _waiting(task: Task, now: float) -> Task:
    if task.release >= now:
        return task
    # `replace` takes three times as long, and a repair has milliseconds
    return Task(
        task.id,
        task.modes,
        now,
        task.due,
        task.deadline,
        task.window,
        task.preferred_start,
        task.splittable,
        task.max_parts,
        task.min_part,
        task.priority,
        task.group,
        task.weight,
    )


def _fixed(task: Task, mode: Mode, started: float, end: float, cost: float) -> Task:
    """The task as it can't be changed any more. A deadline that it misses is a due time."""
    missed = task.deadline is not None and end > task.deadline
    return Task(
        task.id,
        (Mode(end - started, (), max(cost, 0.0), mode.quality),),
        due=task.deadline if missed and task.due is None else task.due,
        deadline=None if missed else task.deadline,
        window=(started, started),
        priority=task.priority,
        group=task.group,
        weight=task.weight,
    )


def _check(problem: Problem, plan: Plan, now: float, progress: Mapping[str, Progress]) -> None:
    found: list[Mistake] = []
    if plan.schedule is None:
        message = f"there is no plan under way: its status is {plan.status}"
        found.append(Mistake("no_schedule", "plan", message, "plan the problem first"))
    if not 0 <= now < inf:
        message = f"{now} is no moment"
        found.append(Mistake("out_of_range", "now", message, "give seconds from the origin, at least 0"))
    for name, done in progress.items():
        path = f"progress[{name}]"
        if name not in problem.index or name not in plan.problem.index:
            message = f"there is no task {name!r} in the {'plan' if name in problem.index else 'problem'}"
            found.append(Mistake("unknown_task", path, message, "name a task of both"))
        if not 0 <= done.started <= now:
            message = f"{name!r} started at {done.started:g}, and it is {now:g} now"
            found.append(Mistake("out_of_range", f"{path}.started", message, "give a moment that is over"))
        if done.ended is not None and not done.started <= done.ended <= now:
            message = f"{name!r} ended at {done.ended:g}; it started at {done.started:g}, and it is {now:g} now"
            found.append(
                Mistake("out_of_range", f"{path}.ended", message, "give a moment after the start that is over")
            )
        if done.duration is not None and not 0 <= done.duration < inf:
            message = f"{name!r} can't take {done.duration} s"
            found.append(Mistake("out_of_range", f"{path}.duration", message, "give a finite number of at least 0"))
    if found:
        raise ProgressInvalid(found)
