"""New orders of tasks from old ones, in machine code; every order has predecessors first.

Two-point crossover: Hartmann, A competitive genetic algorithm for RCPSP, NRL 45 (1998). Window crossover: as in
Debels and Vanhoucke, A bi-population based genetic algorithm for RCPSP, LNCS 3483 (2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from planner.machine_code import compiled
from planner.makespan.decoding import Array, Direction


@compiled
def draw(state: Array, bound: int) -> Any:
    """A number in [0, bound), and the next state of the generator (xorshift, Marsaglia 2003)."""
    word = state[0]
    word ^= word << np.uint64(13)
    word ^= word >> np.uint64(7)
    word ^= word << np.uint64(17)
    state[0] = word
    return np.int64((word >> np.uint64(11)) % np.uint64(bound))


@compiled
def sample(state: Array, forward: Direction, backward: Direction, urgency: Array, rivals: int, order: Array) -> None:
    """Write an order: each next task is the most urgent of a few drawn from those whose predecessors are through."""
    tasks = order.shape[0]
    waiting = np.empty(tasks, np.int64)
    ready = np.empty(tasks, np.int64)
    count = 0
    for task in range(tasks):
        waiting[task] = forward.first_before[task + 1] - forward.first_before[task]
        if waiting[task] == 0:
            ready[count] = task
            count += 1
    for place in range(tasks):
        pick = draw(state, count)
        for _ in range(rivals - 1):
            other = draw(state, count)
            if urgency[ready[other]] > urgency[ready[pick]]:
                pick = other
        task = ready[pick]
        count -= 1
        ready[pick] = ready[count]
        order[place] = task
        for at in range(backward.first_before[task], backward.first_before[task + 1]):
            after = backward.before[at]
            waiting[after] -= 1
            if waiting[after] == 0:
                ready[count] = after
                count += 1


@compiled
def cross_window(mother: Array, father: Array, low: int, high: int, child: Array, zone: Array) -> None:
    """The mother's window [low, high); what she has before and behind it, in the father's order.

    `zone[task]` is 1 for what comes from the mother.
    """
    for place in range(mother.shape[0]):
        task = mother[place]
        if place < low:
            zone[task] = 0
        elif place < high:
            zone[task] = 1
            child[place] = task
        else:
            zone[task] = 2
    front = 0
    back = high
    for place in range(father.shape[0]):
        task = father[place]
        if zone[task] == 0:
            child[front] = task
            front += 1
        elif zone[task] == 2:
            child[back] = task
            back += 1


@compiled
def cross_two_points(mother: Array, father: Array, low: int, high: int, child: Array, zone: Array) -> None:
    """The mother's front, then what is missing up to `high` in the father's order, the rest in the mother's.

    `zone[task]` is 1 for what comes from the mother.
    """
    tasks = mother.shape[0]
    for task in range(tasks):
        zone[task] = 2
    for place in range(low):
        child[place] = mother[place]
        zone[mother[place]] = 1
    place = low
    for at in range(tasks):
        if place >= high:
            break
        if zone[father[at]] == 2:
            child[place] = father[at]
            zone[father[at]] = 0
            place += 1
    for at in range(tasks):
        if zone[mother[at]] == 2:
            child[place] = mother[at]
            zone[mother[at]] = 1
            place += 1


@compiled
def shift(state: Array, forward: Direction, backward: Direction, order: Array, times: int) -> None:
    """Move a task anywhere between its last predecessor and its first successor, some times over."""
    tasks = order.shape[0]
    for _ in range(times):
        place = draw(state, tasks)
        task = order[place]
        low = place
        while low > 0 and not _comes_before(forward, task, order[low - 1]):
            low -= 1
        high = place
        while high < tasks - 1 and not _comes_before(backward, task, order[high + 1]):
            high += 1
        target = low + draw(state, high - low + 1)
        while place > target:
            order[place] = order[place - 1]
            place -= 1
        while place < target:
            order[place] = order[place + 1]
            place += 1
        order[target] = task


@compiled
def _comes_before(problem: Direction, task: int, other: int) -> bool:
    first = problem.first_before
    for at in range(first[task], first[task + 1]):  # noqa: SIM110 - compiled code has no generators
        if problem.before[at] == other:
            return True
    return False
