"""Groups with a time of their own as constraints of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.group_spans import GroupSpan
    from planner.search.model import Builder

_MOST = 100
"""Tasks of a group that is laid out by itself, too."""


def add_spans(builder: Builder, *, known: bool) -> None:
    """Each group runs from a moment that none of its tasks starts before, for as long as it may.

    Where it is not `known` that there is a plan, a group has to fit into its time by itself, too: so a search sees at
    once what it would have to find out for each place that the group could have as a whole.
    """
    for number, each in enumerate(builder.compiled.group_spans):
        free = [task for task in each.members if task in builder.tasks]
        if not free:
            continue
        first = builder.cp.new_int_var(0, builder.compiled.horizon, f"first{number}")
        for task in each.members:
            builder.cp.add(first <= builder.start(task))
            builder.cp.add(builder.end(task) <= first + each.ticks)
        if not known and len(free) <= _MOST:
            _by_itself(builder, each, first)


def _by_itself(builder: Builder, span: GroupSpan, first: Any) -> None:
    """The group on pools that always have what they ever have. Tasks that may be split are left out."""
    compiled, cp = builder.compiled, builder.cp
    held: list[list[tuple[Any, int]]] = [[] for _ in compiled.pools]
    for task in span.members:
        variables, ways = builder.tasks[task], compiled.ways[task]
        latest = span.ticks - min(way.ticks for way in ways)
        if variables.pieces or latest < 0:
            continue
        start = cp.new_int_var(0, latest, f"within{task}")
        cp.add(builder.start(task) == first + start)
        for way, literal in zip(ways, variables.chosen, strict=True):
            interval = cp.new_optional_fixed_size_interval_var(start, way.ticks, literal, f"within_run{task}")
            for pool, units in way.needs:
                held[pool].append((interval, units))
    for given, intervals in zip(compiled.pools, held, strict=True):
        if intervals:
            most = max(free + extra for free, extra in zip(given.free, given.extra, strict=True))
            cp.add_cumulative([interval for interval, _ in intervals], [units for _, units in intervals], most)
