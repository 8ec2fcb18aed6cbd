"""A problem on a grid of whole numbers, for searches, and schedules back in seconds.

The grid is the coarsest that all times of the problem lie on, but no finer than a millisecond. What does not lie on
it is rounded so that a plan on the grid is never infeasible in seconds: durations, releases and lags up, deadlines
and latest starts down, times of low capacity outwards. Amounts are whole too: demands are rounded up, capacities
down, to a thousandth of a unit where they are no multiples of something coarser. An optimum is therefore that of the
rounded problem.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from planner.calendars import Steps
from planner.costs import Costs
from planner.cpm import opening
from planner.graph import Graph
from planner.grid import NEAR, Grid, lowest, scales_of, tick_of
from planner.group_spans import GroupSpan, Torn, spans_of, tighten
from planner.horizon import banded, horizon, likely_horizon
from planner.occupancy import free_steps
from planner.options import Option, options
from planner.schedule import Schedule

if TYPE_CHECKING:
    from planner.problem import Problem, Task


class Way(NamedTuple):
    """An option on the grid."""

    option: Option
    ticks: int
    needs: tuple[tuple[int, int], ...]
    """(pool, units), nothing that is 0."""


@dataclass(frozen=True, slots=True)
class GridPool:
    """What is free of a pool, fixed reservations taken off: `free[i]` from `times[i]` on."""

    scale: int
    times: list[int]
    free: list[int]
    extra: list[int]
    """By how much a burst raises `free`."""
    longest: int
    """Ticks that a burst may last; 0 without one."""


@dataclass(frozen=True, slots=True)
class Movable:
    """A movable reservation: `position` in `Problem.reservations`."""

    position: int
    pool: int
    units: int
    start: int
    ticks: int


@dataclass(slots=True)
class Draft:
    """A schedule on the grid: starts and ways by task; parts (start, end) where a task is split; moved reservations."""

    starts: list[int]
    ways: list[int]
    parts: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)
    """Position in `Compiled.movable` -> start."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A problem in whole numbers. Windows are as tight as precedence makes them; `empty` tasks have none left."""

    problem: Problem
    tick: float
    """Seconds."""
    horizon: int
    """The last moment that is laid out."""
    ways: list[list[Way]]
    earliest: list[int]
    """Earliest starts."""
    latest: list[int]
    """Latest starts with the shortest way."""
    last_start: list[int]
    """The latest start by the task's own window."""
    last_end: list[int]
    """The latest end by deadline and horizon."""
    min_part: list[int]
    """The shortest part of tasks that may be split."""
    graph: Graph[int]
    """With lags in ticks."""
    pools: list[GridPool]
    movable: list[Movable]
    costs: Costs
    group_spans: list[GroupSpan]
    """Groups that must be done within a time of their own, by position in `Problem.max_durations`."""
    torn: Torn | None
    """A task that this leaves no time for."""

    @property
    def empty(self) -> list[int]:
        """Tasks that can't be done in time whatever the pools hold."""
        return [task for task, start in enumerate(self.earliest) if start > self.latest[task]]

    def end(self, draft: Draft, task: int) -> int:
        """When a task ends."""
        parts = draft.parts.get(task)
        return parts[-1][1] if parts else draft.starts[task] + self.ways[task][draft.ways[task]].ticks

    def ends(self, draft: Draft) -> list[int]:
        """When tasks end."""
        return [self.end(draft, task) for task in range(len(draft.starts))]

    def spans(self, draft: Draft, task: int) -> tuple[tuple[int, int], ...]:
        """When a task runs: (start, end) of each part."""
        return draft.parts.get(task) or ((draft.starts[task], self.end(draft, task)),)

    def schedule(self, draft: Draft) -> Schedule:
        """In seconds, with the durations as they were before rounding."""
        starts = [start * self.tick for start in draft.starts]
        chosen = [ways[number].option for ways, number in zip(self.ways, draft.ways, strict=True)]
        ends = [start + option.seconds for start, option in zip(starts, chosen, strict=True)]
        amounts = {task: option.amounts for task, option in enumerate(chosen) if option.amounts is not None}
        parts: dict[int, tuple[tuple[float, float], ...]] = {}
        for task, spans in draft.parts.items():
            if len(spans) > 1:
                parts[task] = self._parts(spans, chosen[task].seconds)
                ends[task] = parts[task][-1][1]
        moved = {self.movable[number].position: start * self.tick for number, start in draft.moved.items()}
        return Schedule(starts, ends, [option.mode for option in chosen], amounts, parts, moved)

    def _parts(self, spans: tuple[tuple[int, int], ...], seconds: float) -> tuple[tuple[float, float], ...]:
        """Parts that together take as long as the task does, which is less than a tick less than they do."""
        done = [(start * self.tick, end * self.tick) for start, end in spans]
        before = sum(end - start for start, end in done[:-1])
        start = done[-1][0]
        return (*done[:-1], (start, start + seconds - before))

    def draft(self, schedule: Schedule) -> Draft | None:
        """A schedule of the same tasks on the grid; None where a task's way is not among those here."""
        found: list[int] = []
        for task, ways in enumerate(self.ways):
            amounts = schedule.amounts.get(task)
            number = next(
                (
                    number
                    for number, way in enumerate(ways)
                    if way.option.mode == schedule.modes[task] and way.option.amounts == amounts
                ),
                None,
            )
            if number is None:
                return None
            found.append(number)
        grid = Grid(self.tick)
        parts: dict[int, tuple[tuple[int, int], ...]] = {}
        for task, given in schedule.parts.items():
            spans = [(grid.near(start), grid.near(end)) for start, end in given]
            before = sum(end - start for start, end in spans[:-1])
            # the last part is told as long as it is before rounding
            spans[-1] = (spans[-1][0], spans[-1][0] + self.ways[task][found[task]].ticks - before)
            parts[task] = tuple(spans)
        moved = {
            number: grid.near(schedule.moved[movable.position])
            for number, movable in enumerate(self.movable)
            if movable.position in schedule.moved
        }
        return Draft([grid.up(start) for start in schedule.starts], found, parts, moved)


def compile_problem(problem: Problem, *, whole: bool = False) -> Compiled:
    """The problem on its grid.

    Hours of the clock are laid out for as long as a plan most likely needs; with `whole`, as long as it ever could.
    """
    until = horizon(problem)
    likely = until if whole or not banded(problem) else likely_horizon(problem)
    while likely < until:
        compiled = _until(problem, likely)
        if _roomy(compiled):
            return compiled
        likely *= 2
    return _until(problem, until)


def _roomy(compiled: Compiled) -> bool:
    """Whether all tasks can be done, one deadline or another aside, in three quarters of the time that is laid out."""
    from planner.listing import Lister, Stuck  # here, as list scheduling works on what this module makes

    draft = Lister(compiled, in_time=False).serial(compiled.latest)
    return not isinstance(draft, Stuck) and 4 * max(compiled.ends(draft)) <= 3 * compiled.horizon


def _until(problem: Problem, until: float) -> Compiled:
    choices = [options(task) for task in problem.tasks]
    costs = Costs(problem, until)
    raw = [free_steps(problem, number, until) for number in range(len(problem.pools))]
    tick = tick_of(problem, choices, raw, costs, until)
    grid = Grid(tick)
    end = grid.down(until)
    scales = scales_of(problem, choices)
    ways = [[_way(problem, task, option, grid, scales) for option in found] for task, found in enumerate(choices)]
    arcs = problem.graph
    graph = Graph(arcs.order, _rounded(arcs.successors, grid))
    last_start = [end if task.window is None else grid.down(task.window[1]) for task in problem.tasks]
    last_end = [end if task.deadline is None else min(end, grid.down(task.deadline)) for task in problem.tasks]
    ticks = [min(way.ticks for way in found) for found in ways]
    limits = [min(last, start + length) for last, start, length in zip(last_end, last_start, ticks, strict=True)]
    for task, given in enumerate(problem.tasks):
        if given.splittable:
            limits[task] = last_end[task]
    spans = spans_of(problem, grid)
    earliest, late, torn = tighten(spans, graph, ticks, [grid.up(opening(task)) for task in problem.tasks], limits)
    return Compiled(
        problem,
        tick,
        end,
        ways,
        earliest,
        [min(start, own) for start, own in zip(late, last_start, strict=True)],
        last_start,
        last_end,
        [
            _min_part(task, found, grid) if task.splittable else 1
            for task, found in zip(problem.tasks, ways, strict=True)
        ],
        graph,
        [_pool(problem, number, raw[number], grid, scales[number], until) for number in range(len(problem.pools))],
        _movable(problem, grid, scales),
        costs,
        spans,
        torn,
    )


def _min_part(task: Task, ways: list[Way], grid: Grid) -> int:
    """The shortest part, with room for the last one to be told as long as it is before rounding."""
    shortest = max(grid.up(task.min_part), 1)
    exact = all(abs(way.ticks * grid.tick - way.option.seconds) < NEAR for way in ways)
    return shortest if exact else shortest + 1


def _way(problem: Problem, task: int, option: Option, grid: Grid, scales: list[int]) -> Way:
    needs = []
    for place, demand in enumerate(problem.tasks[task].modes[option.mode].demands):
        number = problem.pool_index[demand.pool]
        amount = demand.amount if option.amounts is None else option.amounts[place]
        if units := ceil(amount * scales[number] - NEAR):
            needs.append((number, units))
    return Way(option, grid.up(option.seconds), tuple(needs))


def _rounded(arcs: list[list[tuple[int, float]]], grid: Grid) -> list[list[tuple[int, int]]]:
    return [[(task, grid.up(lag) if lag else 0) for task, lag in each] for each in arcs]


def _pool(problem: Problem, number: int, free: Steps, grid: Grid, scale: int, until: float) -> GridPool:
    burst = problem.pools[number].burst
    times, values = lowest(free, grid, scale)
    if burst is None or not burst.share or not (longest := grid.down(burst.longest)):
        return GridPool(scale, times, values, [0] * len(times), 0)
    raised_times, raised = lowest(free_steps(problem, number, until, burst.share), grid, scale)
    merged = sorted({*times, *raised_times})
    base = [values[bisect_right(times, moment) - 1] for moment in merged]
    extra = [raised[bisect_right(raised_times, moment) - 1] - usual for moment, usual in zip(merged, base, strict=True)]
    return GridPool(scale, merged, base, extra, longest)


def _movable(problem: Problem, grid: Grid, scales: list[int]) -> list[Movable]:
    found = []
    for position, given in enumerate(problem.reservations):
        if given.movable and given.amount:
            number = problem.pool_index[given.pool]
            start, end = grid.down(given.start), grid.up(given.end)
            found.append(Movable(position, number, ceil(given.amount * scales[number] - NEAR), start, end - start))
    return found
