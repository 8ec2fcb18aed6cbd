"""A search in one window of time: what lies wholly within it may move there, all else stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.objective import PARTS
from planner.rolling.arrays import Array, Arrays, State
from planner.rolling.reinsertion import Scratch
from planner.rolling.ruin import improve
from planner.rolling.timeline import Timeline

MOST = 200
"""Tasks taken out at once."""
REACH = 20
"""Tasks that are taken out together are at most this share of the time that all in the window cover apart."""
CHUNK = 6000
"""Tasks placed between looks at the clock."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` to `until` (ticks); `free` are the tasks that may move within."""

    since: int
    until: int
    free: Array


@dataclass(frozen=True, slots=True)
class Found:
    """Where the free tasks of a window are best, and by how much that lowers the value."""

    window: Window
    gain: float
    start: Array
    way: Array


def scratch_for(given: Arrays, most: int, seed: int) -> Scratch:
    """Room for a search that takes out at most `most` tasks at once."""
    tasks, groups = len(given.due), len(given.group_weight)

    def whole(size: int) -> Array:
        return np.zeros(size, np.int64)

    return Scratch(
        whole(most), whole(most), np.zeros(most), np.full(tasks, -1), whole(most), whole(most), whole(most),
        whole(groups), np.zeros(groups, np.uint8), np.zeros(groups), np.zeros(groups), np.zeros(groups),
        np.zeros(len(PARTS)), whole(2),
        np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1), whole(1),
        np.zeros(most, np.uint8),
    )  # fmt: skip


def copied(state: State) -> State:
    """A state that can be changed without the other."""
    line = Timeline(*(each.copy() for each in state.line))
    arrays = {name: getattr(state, name).copy() for name in State._fields if name != "line"}
    return State(**arrays, line=line)


def search_window(
    given: Arrays,
    state: State,
    window: Window,
    room: Array,
    heat: float,
    seed: int,
    progress: Callable[[int], float],
) -> Found:
    """Change the state within a window until `progress` (asked with the tasks placed since it was asked) reaches 1."""
    free = window.free
    most = min(MOST, len(free))
    scratch = scratch_for(given, most, seed)
    is_free = np.zeros(len(given.due), np.uint8)
    is_free[free] = 1
    best, grown = np.zeros(2), np.zeros(len(PARTS))
    start, way = state.start[free].copy(), state.way[free].copy()
    reach = max((int(state.end[free].max()) - int(state.start[free].min())) // REACH, 1)
    done = progress(0)
    while done < 1.0:
        improve(
            given, state, scratch, free, is_free, window.since, window.until, reach, most, heat * (1.0 - done) ** 2,
            room, grown, best, start, way, CHUNK,
        )  # fmt: skip
        done = progress(CHUNK)
    return Found(window, -float(best[1]), start, way)
