"""What is free of all pools over time, in machine code: moments at which it changes, linked, with an index by time.

A list of moments as in `planner.profile` moves half of itself with every change, which is too much for tens of
thousands of them. Here a change costs as much as the moments it covers, wherever it is. Moment 0 is always the first.

An index entry holds the last moment that is not after `entry * width`; what is after the last entry is walked to.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from planner.machine_code import compiled, inner

Array = Any  # numpy arrays: numba reads their types itself


class Timeline(NamedTuple):
    """`free[moment, pool]` units are free from `time[moment]` until `time[after[moment]]`; -1 ends the list."""

    time: Array
    after: Array
    before: Array
    free: Array
    index: Array
    width: Array
    """(1,): ticks between entries of the index."""
    unused: Array
    """(1,): the first of the places that hold no moment, linked by `after`."""


class Needs(NamedTuple):
    """What ways need: of `pool[k]` `units[k]` for k in `first[way] : first[way + 1]`, for `ticks[way]`."""

    ticks: Array
    first: Array
    pool: Array
    units: Array


@inner
def locate(line: Timeline, tick: int) -> Any:
    """The last moment that is not after a tick."""
    moment = line.index[min(tick // line.width[0], line.index.shape[0] - 1)]
    following = line.after[moment]
    while following >= 0 and line.time[following] <= tick:
        moment = following
        following = line.after[moment]
    return moment


@inner
def split(line: Timeline, tick: int) -> Any:
    """The moment at a tick, made where there is none."""
    earlier = locate(line, tick)
    if line.time[earlier] == tick:
        return earlier
    moment = line.unused[0]
    line.unused[0] = line.after[moment]
    later = line.after[earlier]
    line.time[moment] = tick
    line.before[moment] = earlier
    line.after[moment] = later
    line.after[earlier] = moment
    if later >= 0:
        line.before[later] = moment
    for pool in range(line.free.shape[1]):
        line.free[moment, pool] = line.free[earlier, pool]
    width = line.width[0]
    entry = -(-tick // width)
    while entry < line.index.shape[0] and (later < 0 or entry * width < line.time[later]):
        line.index[entry] = moment
        entry += 1
    return moment


@inner
def join(line: Timeline, moment: int) -> None:
    """Drop a moment at which nothing changes."""
    earlier = line.before[moment]
    if earlier < 0:
        return
    for pool in range(line.free.shape[1]):
        if line.free[moment, pool] != line.free[earlier, pool]:
            return
    later = line.after[moment]
    line.after[earlier] = later
    if later >= 0:
        line.before[later] = earlier
    width = line.width[0]
    entry = -(-line.time[moment] // width)
    while entry < line.index.shape[0] and line.index[entry] == moment:
        line.index[entry] = earlier
        entry += 1
    line.after[moment] = line.unused[0]
    line.unused[0] = moment


@inner
def change(line: Timeline, needs: Needs, way: int, start: int, end: int, sign: int) -> None:
    """Take what a way needs from `start` to `end`; give it back with `sign` -1."""
    if end <= start or needs.first[way] == needs.first[way + 1]:
        return
    moment = opening = split(line, start)
    closing = split(line, end)
    while moment != closing:
        for k in range(needs.first[way], needs.first[way + 1]):
            line.free[moment, needs.pool[k]] -= sign * needs.units[k]
        moment = line.after[moment]
    join(line, closing)
    join(line, opening)


@inner
def first_fit(line: Timeline, needs: Needs, way: int, start: int, last: int) -> Any:
    """The earliest start from `start` to `last` at which all that a way needs is free; -1 if there is none."""
    if start > last:
        return -1
    ticks = needs.ticks[way]
    if ticks == 0:
        return start
    moment = locate(line, start)
    begin = start
    while True:
        fits = True
        for k in range(needs.first[way], needs.first[way + 1]):
            if line.free[moment, needs.pool[k]] < needs.units[k]:
                fits = False
                break
        following = line.after[moment]
        if fits:
            if following < 0 or line.time[following] >= begin + ticks:
                return begin
        else:
            if following < 0:
                return -1
            begin = line.time[following]
            if begin > last:
                return -1
        moment = following


@compiled
def fill(line: Timeline, needs: Needs, way: Array, start: Array, end: Array) -> None:
    """Take what many ways need."""
    for k in range(way.shape[0]):
        change(line, needs, way[k], start[k], end[k], 1)


@compiled
def hold(line: Timeline, pool: int, start: int, end: int, units: int) -> None:
    """Take units of one pool."""
    if end <= start:
        return
    moment = split(line, start)
    closing = split(line, end)
    while moment != closing:
        line.free[moment, pool] -= units
        moment = line.after[moment]
