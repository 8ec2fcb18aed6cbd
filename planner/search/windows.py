"""When a task may run in a model."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from planner.compiled import Compiled, Draft


class Window(NamedTuple):
    """Ticks: the earliest start, the latest start, the latest end."""

    opens: int
    last_start: int
    closes: int


def own_window(compiled: Compiled, task: int) -> Window:
    """When a task may run by its own limits and by precedence."""
    opens, closes = compiled.earliest[task], compiled.last_end[task]
    shortest = min(way.ticks for way in compiled.ways[task])
    splittable = compiled.problem.tasks[task].splittable
    last_start = min(compiled.last_start[task], closes - shortest if splittable else compiled.latest[task])
    return Window(opens, max(last_start, opens), max(closes, opens + shortest))


def left_window(
    compiled: Compiled, draft: Draft, ends: list[int], free: Collection[int], task: int, reach: int
) -> Window:
    """The same beside tasks that stay where a draft has them, and no more than `reach` ticks from where it is there."""
    opens, last_start, closes = own_window(compiled, task)
    for before, lag in compiled.graph.predecessors[task]:
        if before not in free:
            opens = max(opens, ends[before] + lag)
    for after, lag in compiled.graph.successors[task]:
        if after not in free:
            closes = min(closes, draft.starts[after] - lag)
    opens, closes = max(opens, draft.starts[task] - reach), min(closes, ends[task] + reach)
    shortest = min(way.ticks for way in compiled.ways[task])
    return Window(opens, max(min(last_start, closes - shortest), opens), max(closes, opens + shortest))
