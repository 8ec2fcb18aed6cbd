"""Rolling over a large problem: windows of time, side by side and one after the other, each improved by itself.

Windows share no tick, so what two of them find fits together: what is free in one stays in it, and all that another
could change is outside. With every round the windows are others, so that nothing stays cut where it was cut first.
Cuts cost more than they bring where a workflow is as long as a window: a problem of a window or so is searched whole,
by each worker by itself.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from math import inf
from random import Random

import numpy as np

from planner.compiled import Compiled, Draft
from planner.evaluation import measure
from planner.incumbent import Incumbent
from planner.objective import PARTS
from planner.pace import Pace
from planner.rolling.arrays import COST, Array, Arrays, arrays, draft_of, state
from planner.rolling.arrays import State as Placed
from planner.rolling.bounds import lower_bound
from planner.rolling.first import constructed
from planner.rolling.window import Found, Window, copied, search_window

PLACED_PER_UNIT = 120_000
"""Tasks placed in a unit of counted work: about a second."""
_SIZES = (10000, 5000, 10000, 0)
"""Tasks of a window, round by round; 0: all, as where nearly all are in one."""
_NEARLY = 0.8
_ROUND = (1.0, 12.0)
"""Seconds, or units of work, of the first round and of the longest; each is twice as long as the one before."""
_HEAT = 6e-5
"""Of the value of one workflow: the temperature that a window begins with."""


def improve(incumbent: Incumbent, pace: Pace) -> None:
    """Bound the value, find more first plans and improve the best until the limits end it or the gap is closed."""
    judge, compiled = incumbent.judge, incumbent.compiled
    given = arrays(judge)
    incumbent.prove(lower_bound(compiled, given))
    for draft in constructed(judge, given, pace):
        incumbent.propose(draft, "rolling")
    random = Random(pace.limits.seed)  # noqa: S311 (nothing secret)
    length, longest = _ROUND
    number = idle = 0
    while incumbent.draft is not None and not pace.over() and not incumbent.done(pace.limits.gap):
        searched = _round(incumbent, given, pace, _SIZES[number % len(_SIZES)], min(length, pace.left()), random)
        idle = 0 if searched else idle + 1
        if idle == len(_SIZES):  # not even in one window of all is anything free to move
            return
        length = min(2 * length, longest)
        number += 1


def _round(incumbent: Incumbent, given: Arrays, pace: Pace, size: int, length: float, random: Random) -> bool:
    """Search each window once, `length` seconds or units in all, and put together what was found. False where nothing
    is free to move in any."""
    draft = incumbent.draft
    if draft is None:
        return False
    whole = state(incumbent.compiled, given, draft)
    windows = _windows(incumbent, draft, whole, size, random)
    if not windows:
        return False
    room = _room(incumbent, draft) / len(windows)
    if len(windows) == 1:  # each worker by itself: the best counts
        windows *= pace.limits.workers
    heat = _HEAT * abs(incumbent.value) / len(given.group_weight)
    seeds = [random.randrange(1 << 30) for _ in windows]
    workers = min(pace.limits.workers, len(windows))
    tasks = sum(len(window.free) for window in windows)
    clocks = [_Clock(pace, length * len(window.free) / tasks, workers) for window in windows]

    def search(place: int) -> Found:
        return search_window(given, copied(whole), windows[place], room, heat, seeds[place], clocks[place])

    with ThreadPoolExecutor(workers) as threads:
        found = list(threads.map(search, range(len(windows))))
    pace.worked(sum(clock.placed for clock in clocks) / PLACED_PER_UNIT)
    if windows[0] is windows[-1]:
        found = [max(found, key=lambda each: each.gain)]
    for each in found:
        whole.start[each.window.free] = each.start
        whole.way[each.window.free] = each.way
    incumbent.propose(draft_of(given, whole, draft), "rolling")
    return True


class _Clock:
    """Says how much a window has used of what it may: a share of work, or of the time that so many workers have."""

    def __init__(self, pace: Pace, share: float, workers: int) -> None:
        self._pace = pace
        self._share = share
        self._workers = workers
        self._began: float | None = None
        self.placed = 0

    def __call__(self, placed: int) -> float:
        self.placed += placed
        if self._pace.cancelled():
            return 1.0
        if self._pace.deterministic:
            return self.placed / (self._share * PLACED_PER_UNIT)
        now = time.perf_counter()
        if self._began is None:
            self._began = now
        if self._pace.over():
            return 1.0
        return (now - self._began) / (self._share * self._workers)


def _windows(incumbent: Incumbent, draft: Draft, whole: Placed, size: int, random: Random) -> list[Window]:
    """Windows of about `size` tasks each that share no tick, the first and the last of fewer; one where `size` is 0
    or nearly all. Without those in which nothing is free."""
    compiled = incumbent.compiled
    starts = np.sort(whole.start)
    tasks = len(starts)
    count = round(tasks / size) if 0 < size < _NEARLY * tasks else 0
    offset = random.random()
    places = [int((number + offset) * tasks / count) for number in range(count)]
    edges = sorted({int(starts[place]) for place in places if 0 < place < tasks and starts[place] > 0})
    movable = np.ones(tasks, np.bool_)
    movable[list(draft.parts)] = False
    found = []
    for since, until in zip([0, *edges], [*edges, compiled.horizon], strict=True):
        inside = (whole.start >= since) & (whole.end <= until)
        free = np.flatnonzero(movable & inside & _whole_groups(compiled, inside))
        if len(free) > 1:
            found.append(Window(since, until, free))
    return found


def _whole_groups(compiled: Compiled, inside: Array) -> Array:
    """By task: false where its group has a time of its own and lies partly in another window, which can't know where
    the rest of it goes."""
    found = np.ones(len(inside), np.bool_)
    for each in compiled.group_spans:
        members = list(each.members)
        if not inside[members].all():
            found[members] = False
    return found


def _room(incumbent: Incumbent, draft: Draft) -> Array:
    """By how much each part may grow: as far as earlier steps of a lexicographic search and the budget let it."""
    judge, compiled = incumbent.judge, incumbent.compiled
    room = np.full(len(PARTS), inf)
    schedule = compiled.schedule(draft)
    for name, limit in judge.held.items():
        room[PARTS.index(name)] = max(limit - measure(compiled.problem, compiled.costs, schedule, name), 0.0)
    for budget in compiled.problem.budgets:
        if budget.group is None:
            room[COST] = min(room[COST], max(budget.amount - compiled.costs.total(schedule), 0.0))
    return room
