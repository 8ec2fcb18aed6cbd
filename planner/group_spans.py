"""Groups that must be done within a time of their own, from their first start to their last end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from planner.cpm import latest, soonest
from planner.grid import Grid

if TYPE_CHECKING:
    from planner.compiled import Compiled, Draft, Way
    from planner.graph import Graph
    from planner.problem import MaxDuration, Problem

_ROUNDS = 20
"""How often windows are tightened by each other; most settle in two or three."""
EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class GroupSpan:
    """Tasks that must all have ended `ticks` after the first of them starts."""

    members: tuple[int, ...]
    ticks: int


def members(problem: Problem, limit: MaxDuration) -> list[int]:
    """The positions of the tasks that a limit is about."""
    return [number for number, task in enumerate(problem.tasks) if limit.group is None or task.group == limit.group]


def span(tasks: Sequence[int], starts: Sequence[float], ends: Sequence[float]) -> float:
    """From the first start to the last end of some tasks."""
    return max(ends[task] for task in tasks) - min(starts[task] for task in tasks)


def within_spans(problem: Problem, starts: Sequence[float], ends: Sequence[float]) -> bool:
    """Whether each group is done within its time; in seconds."""
    return all(
        span(members(problem, limit), starts, ends) <= limit.seconds + EPSILON for limit in problem.max_durations
    )


def spans_of(problem: Problem, grid: Grid) -> list[GroupSpan]:
    """The limits on the grid, in the problem's order."""
    return [GroupSpan(tuple(members(problem, limit)), grid.down(limit.seconds)) for limit in problem.max_durations]


def draft_within(compiled: Compiled, draft: Draft) -> bool:
    """Whether each group is done within its time in a draft."""
    if not compiled.group_spans:
        return True
    ends = compiled.ends(draft)
    return all(span(each.members, draft.starts, ends) <= each.ticks for each in compiled.group_spans)


@dataclass(frozen=True, slots=True)
class Torn:
    """A task that can't keep its own limits and be within its group's time; ticks."""

    task: int
    position: int
    """In `Problem.max_durations`."""
    earliest: int
    """It can't start before, or its group takes too long."""
    latest: int
    """It can't start after that, by its limits, or for the same reason."""


def tighten(
    spans: Sequence[GroupSpan], graph: Graph[int], ticks: Sequence[int], opens: Sequence[int], closes: Sequence[int]
) -> tuple[list[int], list[int], Torn | None]:
    """Earliest and latest starts, given earliest starts and latest ends of the tasks' own, so that none starts so
    early or ends so late that its group could not be done in time. Where that leaves a task no time, this one, and
    starts as precedence alone allows them."""
    earliest, late = soonest(graph, ticks, opens)[0], latest(graph, ticks, closes)
    first, last, limits = list(earliest), list(late), list(closes)
    if any(start > until for start, until in zip(earliest, late, strict=True)):
        return earliest, late, None
    for _ in range(_ROUNDS if spans else 0):
        tighter = False
        for position, each in enumerate(spans):
            opening = max(first[task] + ticks[task] for task in each.members) - each.ticks
            closing = min(last[task] for task in each.members) + each.ticks
            for task in each.members:
                if first[task] < opening or last[task] + ticks[task] > closing:
                    tighter = True
                    first[task] = max(first[task], opening)
                    limits[task] = min(limits[task], closing)
                    until = min(last[task], closing - ticks[task])
                    if first[task] > until:
                        return earliest, late, Torn(task, position, first[task], until)
        if not tighter:
            break
        first, last = soonest(graph, ticks, first)[0], latest(graph, ticks, limits)
    return first, last, None


@dataclass(frozen=True, slots=True)
class TooLong:
    """Why a group can't be done within its time, whatever the others do."""

    position: int
    """In `Problem.max_durations`."""
    ticks: int
    """What it takes at least."""
    tasks: tuple[int, ...]
    """A path that takes so long; or all that hold units of a pool."""
    pool: int | None = None
    """The pool that can't do its work faster; None: the path."""


def too_long(compiled: Compiled) -> Iterator[TooLong]:
    """Groups that take longer than they may by precedence alone, or by the work that a pool must do for them."""
    if not compiled.group_spans:
        return
    ticks = [min(way.ticks for way in ways) for ways in compiled.ways]
    rank = [0] * len(ticks)
    for place, task in enumerate(compiled.graph.order):
        rank[task] = place
    for position, each in enumerate(compiled.group_spans):
        path, least = _longest_path(compiled.graph, ticks, each.members, rank)
        if least > each.ticks:
            yield TooLong(position, least, tuple(path))
            continue
        for pool, given in enumerate(compiled.pools):
            most = max(free + extra for free, extra in zip(given.free, given.extra, strict=True))
            work = {task: min(_work(way, pool) for way in compiled.ways[task]) for task in each.members}
            if most and sum(work.values()) > most * each.ticks:
                least = -(-sum(work.values()) // most)
                yield TooLong(position, least, tuple(task for task in work if work[task]), pool)
                break


def _work(way: Way, pool: int) -> int:
    """Units times ticks that a way holds of a pool."""
    return sum(units * way.ticks for number, units in way.needs if number == pool)


def _longest_path(
    graph: Graph[int], ticks: Sequence[int], tasks: Sequence[int], rank: Sequence[int]
) -> tuple[list[int], int]:
    """A longest path by precedence from the start of one of some tasks to the end of another, and how long it takes:
    the least that they can take together. `rank`: each task's place in an order that precedence allows."""
    begins = dict.fromkeys(tasks, 0)
    came: dict[int, int] = {}
    pending = [(rank[task], task) for task in tasks]
    heapify(pending)
    seen: set[int] = set()
    while pending:
        _, task = heappop(pending)
        if task in seen:
            continue
        seen.add(task)
        end = begins[task] + ticks[task]
        for after, lag in graph.successors[task]:
            if after not in begins:
                heappush(pending, (rank[after], after))
            if after not in begins or end + lag > begins[after]:
                begins[after], came[after] = end + lag, task
    last = max(tasks, key=lambda task: begins[task] + ticks[task])
    path = [last]
    while path[-1] in came and begins[path[-1]] > 0:
        path.append(came[path[-1]])
    return path[::-1], begins[last] + ticks[last]
