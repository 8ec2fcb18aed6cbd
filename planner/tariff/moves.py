"""The inner loop of simulated annealing over start times (compiled).

A state keeps windows and precedence always, and capacities up to an excess that costs `penalty` a unit and slot.
Three moves: a task within what its neighbours leave, a task anywhere in its window with its neighbours pushed aside
just as far as needed, and two tasks that change places with each other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.machine_code import compiled

Ints = NDArray[np.int64]
NONE = np.iinfo(np.int64).max


class Tables(NamedTuple):
    """What does not change during a search. Lists per task are compressed: `first[i]:first[i + 1]`."""

    duration: Ints
    """(n,) slots."""
    earliest: Ints
    latest: Ints
    """(n,) windows that precedence has tightened: each task can begin at either end of its window."""
    cost: Ints
    """(n, H + 1) of a task begun at a slot."""
    capacity: Ints
    """(R, H)."""
    used_first: Ints
    used: Ints
    amount: Ints
    """The resources that a task uses, and how much of each."""
    next_first: Ints
    next: Ints
    next_gap: Ints
    """The tasks right after a task, and the least distance from its start to theirs."""
    last_first: Ints
    last: Ints
    last_gap: Ints
    """The tasks right before a task, and the least distance from their starts to its."""
    after_first: Ints
    after: Ints
    after_gap: Ints
    """All tasks after a task (not only the next ones), and the least distance from its start to theirs."""
    before_first: Ints
    before: Ints
    before_gap: Ints
    """All tasks before a task, and the least distance from their starts to its."""
    marks: Ints
    """Slots at which some price or capacity changes."""


class State(NamedTuple):
    """What a search changes, in place."""

    start: Ints
    usage: Ints
    """(R, H)."""
    chosen: Ints
    """(n,) the best starts without excess."""
    totals: Ints
    """Cost, excess, cost of `chosen` (`NONE`: none yet)."""
    random: NDArray[np.uint64]
    """(1,) the generator's state."""
    penalty: NDArray[np.float64]
    """(1,) what a unit of excess in a slot costs now."""
    moved: Ints
    target: Ints
    """(n,) scratch."""


@compiled
def random_below(state: Any, bound: int) -> Any:
    """A whole number in [0, bound) by xorshift64*."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return np.int64(((x * np.uint64(2685821657736338717)) >> np.uint64(33)) % np.uint64(bound))


@compiled
def place(tables: Any, usage: Any, i: int, at: int, sign: int) -> int:
    """Add (+1) a task or take it away (-1); the change of the excess."""
    change = 0
    for k in range(tables.used_first[i], tables.used_first[i + 1]):
        r = tables.used[k]
        a = tables.amount[k] * sign
        for u in range(at, at + tables.duration[i]):
            over = usage[r, u] - tables.capacity[r, u]
            usage[r, u] += a
            change += max(over + a, 0) - max(over, 0)
    return change


@compiled
def window(tables: Any, start: Any, i: int) -> Any:
    """Earliest and latest start of a task while all others stay."""
    low = tables.earliest[i]
    high = tables.latest[i]
    for k in range(tables.last_first[i], tables.last_first[i + 1]):
        low = max(low, start[tables.last[k]] + tables.last_gap[k])
    for k in range(tables.next_first[i], tables.next_first[i + 1]):
        high = min(high, start[tables.next[k]] - tables.next_gap[k])
    return low, high


@compiled
def pick(tables: Any, state: Any, i: int, low: int, high: int) -> Any:
    """A start in [low, high]: anywhere, near, or where something changes."""
    rng = state.random
    kind = random_below(rng, 8)
    now = state.start[i]
    at = low + random_below(rng, high - low + 1)
    if kind < 2:
        reach = 1 + random_below(rng, 4)
        at = now - reach if random_below(rng, 2) == 0 else now + reach
    elif kind < 4:
        mark = tables.marks[random_below(rng, len(tables.marks))]
        at = mark if random_below(rng, 2) == 0 else mark - tables.duration[i]
    elif kind == 4:
        j = random_below(rng, len(state.start))
        at = state.start[j] + tables.duration[j] if random_below(rng, 2) == 0 else state.start[j] - tables.duration[i]
    elif kind == 5:
        at = low if random_below(rng, 2) == 0 else high
    return min(max(at, low), high)


@compiled
def push(tables: Any, state: Any, i: int, at: int) -> int:
    """Task i to `at` and its neighbours aside; how many move (into `moved` and `target`)."""
    start = state.start
    state.moved[0] = i
    state.target[0] = at
    count = 1
    if at > start[i]:
        for k in range(tables.after_first[i], tables.after_first[i + 1]):
            j = tables.after[k]
            if start[j] < at + tables.after_gap[k]:
                state.moved[count] = j
                state.target[count] = at + tables.after_gap[k]
                count += 1
    else:
        for k in range(tables.before_first[i], tables.before_first[i + 1]):
            j = tables.before[k]
            if start[j] > at - tables.before_gap[k]:
                state.moved[count] = j
                state.target[count] = at - tables.before_gap[k]
                count += 1
    return count


@compiled
def swap(tables: Any, state: Any, i: int) -> int:
    """Task i and another one change places, as far as their neighbours let them; 2, or 0 where they do not."""
    j = random_below(state.random, len(state.start))
    start = state.start
    if i == j or start[i] == start[j]:
        return 0
    low, high = window(tables, start, i)
    at = min(max(start[j], low), high)
    if at == start[i]:
        return 0
    kept = start[i]
    start[i] = at
    low, high = window(tables, start, j)
    start[i] = kept
    state.moved[0] = i
    state.target[0] = at
    state.moved[1] = j
    state.target[1] = min(max(kept, low), high)
    return 2


@compiled
def anneal(
    tables: Any, state: Any, moves: int, heat: float, floor: float, wide: int, swaps: int, every: int, factor: float
) -> None:
    """Try `moves` moves at the temperature `heat`.

    Of 64 moves `wide` push neighbours aside and `swaps` exchange two tasks. Every `every` moves the penalty rises by
    `factor` where there is an excess, else it falls, but not below `floor`.
    """
    start = state.start
    totals = state.totals
    n = len(start)
    penalty = state.penalty[0]
    for step in range(moves):
        if step % every == 0:
            penalty = penalty * factor if totals[1] > 0 else max(penalty / factor, floor)
        i = random_below(state.random, n)
        kind = random_below(state.random, 64)
        if kind < wide:
            low = tables.earliest[i]
            high = tables.latest[i]
            count = push(tables, state, i, pick(tables, state, i, low, high)) if high > low else 0
        elif kind < wide + swaps:
            count = swap(tables, state, i)
        else:
            low, high = window(tables, start, i)
            count = 0
            if high > low:
                state.moved[0] = i
                state.target[0] = pick(tables, state, i, low, high)
                count = 1
        if count == 0 or (count == 1 and state.target[0] == start[i]):
            continue
        allowed = -heat * math.log((random_below(state.random, 1 << 30) + 1) / (1 << 30))
        dearer = 0
        for k in range(count):
            j = state.moved[k]
            dearer += tables.cost[j, state.target[k]] - tables.cost[j, start[j]]
        if dearer - penalty * totals[1] > allowed:
            continue
        excess = 0
        for k in range(count):
            j = state.moved[k]
            excess += place(tables, state.usage, j, start[j], -1)
        for k in range(count):
            excess += place(tables, state.usage, state.moved[k], state.target[k], 1)
        if dearer + penalty * excess > allowed:
            for k in range(count):
                place(tables, state.usage, state.moved[k], state.target[k], -1)
            for k in range(count):
                j = state.moved[k]
                place(tables, state.usage, j, start[j], 1)
            continue
        for k in range(count):
            start[state.moved[k]] = state.target[k]
        totals[0] += dearer
        totals[1] += excess
        if totals[1] == 0 and totals[0] < totals[2]:
            totals[2] = totals[0]
            state.chosen[:] = start
    state.penalty[0] = penalty
