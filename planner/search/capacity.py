"""Pools in a model: what is held never exceeds what is free, and bursts end in time."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from typing import Any

from ortools.sat.python import cp_model

from planner.compiled import Compiled, GridPool
from planner.profile import Profile
from planner.search.variables import MoveVariables, TaskVariables

MOST_BURSTS = 20
"""Bursts of a pool that a model can express."""
Change = tuple[int, int, int]


class Bursts(Enum):
    """What a model says of bursts."""

    NONE = "none"
    """No pool goes above its capacity."""
    KEPT = "kept"
    """As long and as high as allowed; what they cost is left out."""


class Held:
    """What is held of one pool: intervals and units."""

    def __init__(self) -> None:
        self.intervals: list[Any] = []
        self.units: list[Any] = []
        self.opens, self.closes = 1 << 60, 0
        """When they may run."""
        self.runs = 0
        """How many of them can be there at once: ways of the same task count once."""

    def add(self, interval: Any, units: Any) -> None:
        self.intervals.append(interval)
        self.units.append(units)


def held_by(
    model: cp_model.CpModel,
    compiled: Compiled,
    tasks: dict[int, TaskVariables],
    moves: list[MoveVariables],
    number: int,
) -> Held:
    """What free tasks and movable reservations hold of a pool."""
    held = Held()
    for task, variables in tasks.items():
        needs = [dict(way.needs).get(number, 0) for way in compiled.ways[task]]
        if not any(needs):
            continue
        held.runs += len(variables.pieces) or 1
        held.opens, held.closes = min(held.opens, variables.window.opens), max(held.closes, variables.window.closes)
        if variables.pieces:
            units: Any = needs[0]
            if len(set(needs)) > 1:
                units = model.new_int_var(min(needs), max(needs), "")
                model.add(units == sum(n * literal for n, literal in zip(needs, variables.chosen, strict=True)))
            for piece in variables.pieces:
                held.add(piece.interval, units)
        else:
            for interval, units in zip(variables.intervals, needs, strict=True):
                if units:
                    held.add(interval, units)
    for movable, move in zip(compiled.movable, moves, strict=False):
        if movable.pool == number:
            held.add(move.interval, movable.units)
            held.runs += 1
            held.opens, held.closes = 0, compiled.horizon
    return held


def add_pool(
    model: cp_model.CpModel, compiled: Compiled, number: int, held: Held, taken: list[Change], bursts: Bursts
) -> bool:
    """Limit what is held of a pool; `taken` is what tasks that are not free hold: (start, end, units).

    False where the model allows less than the pool does, so that it can prove nothing.
    """
    pool = compiled.pools[number]
    if not held.intervals:
        return True
    if bursts is Bursts.NONE or not pool.longest:
        times, free = _left(pool, taken)
        _limit(model, times, free, held, [], compiled.horizon)
        return True
    raised = [free + extra for free, extra in zip(pool.free, pool.extra, strict=True)]
    _limit(model, pool.times, raised, held, taken, compiled.horizon)
    # a burst begins where something starts, or where capacity falls
    falls = sum(after < before for before, after in pairwise(pool.free))
    bursts_needed = held.runs + len(taken) + falls
    _limit_bursts(model, compiled, pool, held, taken, min(bursts_needed, MOST_BURSTS))
    return bursts_needed <= MOST_BURSTS


def _left(pool: GridPool, taken: list[Change]) -> tuple[list[int], list[int]]:
    """What is free of a pool, bursts aside, when some of it is taken."""
    if not taken:
        return pool.times, pool.free
    profile = Profile(GridPool(pool.scale, pool.times, pool.free, [0] * len(pool.times), 0))
    for start, end, units in taken:
        profile.change(start, end, units)
    return profile.times, [max(free, 0) for free in profile.free]


def _limit(
    model: cp_model.CpModel,
    times: list[int],
    free: list[int],
    held: Held,
    taken: list[Change],
    until: int,
    extra: Callable[[Held], int] | None = None,
) -> None:
    """Cumulative: the highest capacity, and what is missing to it as fixed intervals until the horizon."""
    highest = max(free)
    every = Held()
    every.intervals, every.units = list(held.intervals), list(held.units)
    for place, begin in enumerate(times):
        missing = highest - free[place]
        end = times[place + 1] if place + 1 < len(times) else until
        if missing and end > begin and begin < held.closes and end > held.opens:
            every.add(model.new_fixed_size_interval_var(begin, end - begin, ""), missing)
    for start, end, units in taken:
        if end > start:
            every.add(model.new_fixed_size_interval_var(start, end - start, ""), units)
    more = extra(every) if extra is not None else 0
    model.add_cumulative(every.intervals, every.units, highest + more)


def _limit_bursts(
    model: cp_model.CpModel, compiled: Compiled, pool: GridPool, held: Held, taken: list[Change], bursts: int
) -> None:
    """The usual capacity, except in bursts: what a burst adds is filled outside of them, a tick or more in between."""
    most = max(pool.extra)
    end = compiled.horizon + bursts + 1

    def fillers(every: Held) -> int:
        edge: Any = 0
        for number in range(bursts + 1):
            until = end if number == bursts else model.new_int_var(0, end, f"burst{number}")
            size = model.new_int_var(0 if number in (0, bursts) else 1, end, "")
            every.add(model.new_interval_var(edge, size, until, ""), most)
            if number < bursts:
                edge = model.new_int_var(0, end, f"burst_end{number}")
                model.add(edge >= until)
                model.add(edge <= until + pool.longest)
        return most

    _limit(model, pool.times, pool.free, held, taken, compiled.horizon, fillers)


def peak(model: cp_model.CpModel, pool: GridPool, held: Held, taken: list[Change]) -> Any:
    """The most that is held of a pool at any moment, as a variable that can't be less."""
    most = max(free + extra for free, extra in zip(pool.free, pool.extra, strict=True))
    highest = model.new_int_var(0, most, "peak")
    fixed = [model.new_fixed_size_interval_var(start, end - start, "") for start, end, _ in taken]
    model.add_cumulative([*held.intervals, *fixed], [*held.units, *(units for _, _, units in taken)], highest)
    return highest
