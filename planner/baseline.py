"""Starting as soon as possible: what every plan is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.compiled import compile_problem
from planner.direct import direct
from planner.listing import Lister, Stuck

if TYPE_CHECKING:
    from planner.compiled import Compiled
    from planner.problem import Problem, Task
    from planner.schedule import Schedule


def as_soon_as_possible(problem: Problem, compiled: Compiled | None = None) -> Schedule | None:
    """What a dispatcher that doesn't plan does: tasks in order of priority and then as listed, each in its first mode
    as soon as its predecessors have ended and the pools have room, whatever it costs and whenever it is due.

    None where a task fits its pools at no time.
    """
    if all(len(task.modes) == 1 for task in problem.tasks) and (schedule := direct(problem)) is not None:
        return schedule
    compiled = compiled or compile_problem(problem)
    keys = [-task.priority * len(problem.tasks) + number for number, task in enumerate(problem.tasks)]
    first = [
        0
        if len(ways) == 1
        else next((n for n, way in enumerate(ways) if way.option.mode == 0 and _as_given(way.option.amounts, task)), 0)
        for ways, task in zip(compiled.ways, problem.tasks, strict=True)
    ]
    draft = Lister(compiled, in_time=False, together=False).serial(keys, first)
    return None if isinstance(draft, Stuck) else compiled.schedule(draft)


def _as_given(amounts: tuple[float, ...] | None, task: Task) -> bool:
    return amounts is None or amounts == tuple(demand.amount for demand in task.modes[0].demands)
