"""The plan in force as a place to start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planner.evaluation import current_starts
from planner.grid import Grid
from planner.keeping import keeps
from planner.listing import Lister
from planner.schedule import Schedule

if TYPE_CHECKING:
    from planner.compiled import Compiled, Draft


@dataclass(frozen=True, slots=True)
class Warm:
    """Where the current plan has the tasks that are still there, on the grid, and in which way, if it is still one."""

    starts: dict[int, int]
    ways: list[int | None]


def current_places(compiled: Compiled) -> Warm | None:
    """What the problem's current plan says of its tasks; None without one, or where it has none of them."""
    problem = compiled.problem
    starts = current_starts(problem)
    if not starts or problem.current is None or problem.current.schedule is None:
        return None
    grid = Grid(compiled.tick)
    known, schedule = problem.current.problem.index, problem.current.schedule
    ways: list[int | None] = [None] * len(compiled.ways)
    for task in starts:
        before = known[problem.tasks[task].id]
        mode, amounts = schedule.modes[before], schedule.amounts.get(before)
        for number, way in enumerate(compiled.ways[task]):
            if way.option.mode == mode and way.option.amounts == amounts:
                ways[task] = number
    return Warm({task: grid.up(start) for task, start in starts.items()}, ways)


def unchanged(compiled: Compiled) -> Draft | None:
    """The current plan as it is; None where it does not keep the problem's rules, or lacks a task."""
    problem, current = compiled.problem, compiled.problem.current
    if current is None or current.schedule is None:
        return None
    known, schedule = current.problem.index, current.schedule
    try:
        before = [known[task.id] for task in problem.tasks]
    except KeyError:
        return None
    same = problem.reservations == current.problem.reservations
    draft = compiled.draft(
        Schedule(
            [schedule.starts[task] for task in before],
            [schedule.ends[task] for task in before],
            [schedule.modes[task] for task in before],
            {now: schedule.amounts[task] for now, task in enumerate(before) if task in schedule.amounts},
            {now: schedule.parts[task] for now, task in enumerate(before) if task in schedule.parts},
            schedule.moved if same else {},
        )
    )
    return draft if draft is not None and keeps(compiled, draft) else None


def _kept_by_listing(compiled: Compiled, warm: Warm) -> bool:
    """Whether a list schedule in the order of the current plan is that plan, where it still holds: nothing about it but
    starts, and what is waited for has started before."""
    return (
        compiled.problem.rigid
        and not compiled.movable
        and len(warm.starts) == len(warm.ways)
        and None not in warm.ways
        and all(lag >= 0 for arcs in compiled.graph.successors for _, lag in arcs)
    )


def warm_drafts(compiled: Compiled, warm: Warm) -> Iterator[Draft]:
    """The current plan, where it still holds, and list schedules in its order: each task no earlier than there, so that
    as few as can be move; then as early as they can be."""
    from planner.compiled import Draft

    if not _kept_by_listing(compiled, warm) and (kept := unchanged(compiled)) is not None:
        yield kept
    lister = Lister(compiled)
    keys = [warm.starts.get(task, start) for task, start in enumerate(compiled.earliest)]
    for not_before in (warm.starts, None):
        draft = lister.serial(keys, warm.ways, not_before=not_before)
        if isinstance(draft, Draft):
            yield draft
