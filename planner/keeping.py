"""Whether a draft keeps the rules of a problem that it may not have been made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.profile import Profile

if TYPE_CHECKING:
    from planner.compiled import Compiled, Draft


def keeps(compiled: Compiled, draft: Draft) -> bool:
    """Whether windows, precedence, splitting and pools allow a draft. Budgets and longest durations are the judge's."""
    ends = compiled.ends(draft)
    return (
        all(_in_time(compiled, draft, task, end) for task, end in enumerate(ends))
        and all(
            draft.starts[after] >= ends[before] + lag
            for before, arcs in enumerate(compiled.graph.successors)
            for after, lag in arcs
        )
        and _fits(compiled, draft)
    )


def _in_time(compiled: Compiled, draft: Draft, task: int, end: int) -> bool:
    spans = compiled.spans(draft, task)
    given = compiled.problem.tasks[task]
    way = compiled.ways[task][draft.ways[task]]
    if len(spans) > 1 and not (
        given.splittable
        and len(spans) <= given.max_parts
        and min(until - start for start, until in spans) >= min(compiled.min_part[task], way.ticks)
    ):
        return False
    start = draft.starts[task]
    worked = sum(until - begin for begin, until in spans)
    return (
        worked == way.ticks
        and spans[0][0] == start
        and compiled.earliest[task] <= start <= compiled.last_start[task]
        and end <= compiled.last_end[task]
    )


def _fits(compiled: Compiled, draft: Draft) -> bool:
    profiles = [Profile(pool) for pool in compiled.pools]
    held = [
        (pool, start, end, units)
        for task, number in enumerate(draft.ways)
        for pool, units in compiled.ways[task][number].needs
        for start, end in compiled.spans(draft, task)
    ]
    for number, movable in enumerate(compiled.movable):
        start = draft.moved.get(number, movable.start)
        held.append((movable.pool, start, start + movable.ticks, movable.units))
    for pool, start, end, units in sorted(held):
        if end > start and profiles[pool].first_fit(start, end - start, units) != start:
            return False
        profiles[pool].change(start, end, units)
    return True
