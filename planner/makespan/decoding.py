"""From an order of tasks to a schedule: serial generation, and forward-backward improvement, in machine code.

Serial schedule generation: Kelley 1963, Kolisch, Serial and parallel resource-constrained project scheduling methods
revisited, EJOR 90 (1996). Forward-backward improvement: Tormos and Lova, Annals of OR 102 (2001); Valls, Ballestin and
Quintanilla, Justification and RCPSP: a technique that pays, EJOR 165 (2005).

All renewable resources of a task are packed into a few 64-bit words, one lane each, with a guard bit above each lane
(`packing.py`): `(free - demand) & guard == guard` says that every lane still holds. What is free is kept as a list of
moments at which it changes, so that the grain of time does not matter.

Arrays: `row[task]` is the row of the task's mode in `duration[row]` and `demand[row, word]`; what comes before a
task is `before[first_before[task] : first_before[task + 1]]`, with `wait` beside it (least time from end to start).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from planner.makespan.compiling import compiled

Array = Any  # numpy arrays: numba reads their types itself


class Direction(NamedTuple):
    """The problem read from its start, or from its end."""

    duration: Array
    demand: Array
    full: Array
    guard: Array
    first_before: Array
    before: Array
    wait: Array
    release: Array


@compiled
def serial(order: Array, row: Array, problem: Direction, start: Array, moment: Array, free: Array) -> int:
    """Start each task of an order (predecessors first) as early as it fits; writes `start`, returns the makespan."""
    duration, demand, full, guard, first_before, before, wait, release = problem
    words = full.shape[0]
    moments = 1
    moment[0] = 0
    for word in range(words):
        free[0, word] = full[word]
    makespan = 0
    for place in range(order.shape[0]):
        task = order[place]
        mode = row[task]
        length = duration[mode]
        begin = release[task]
        for at in range(first_before[task], first_before[task + 1]):
            earlier = before[at]
            ready = start[earlier] + duration[row[earlier]] + wait[at]
            if ready > begin:
                begin = ready
        if length > 0:
            # The last segment that begins at or before `begin`.
            low = 0
            high = moments - 1
            while low < high:
                middle = (low + high + 1) >> 1
                if moment[middle] <= begin:
                    low = middle
                else:
                    high = middle - 1
            end = begin + length
            at = low
            while at < moments and moment[at] < end:
                fits = True
                for word in range(words):
                    if ((free[at, word] - demand[mode, word]) & guard[word]) != guard[word]:
                        fits = False
                        break
                at += 1
                if not fits:
                    low = at
                    begin = moment[at]
                    end = begin + length
            # Now it fits in [begin, end), and `at` is the first segment that begins at `end` or later.
            if at == moments or moment[at] != end:
                for shifted in range(moments, at, -1):
                    moment[shifted] = moment[shifted - 1]
                    for word in range(words):
                        free[shifted, word] = free[shifted - 1, word]
                moment[at] = end
                for word in range(words):
                    free[at, word] = free[at - 1, word]
                moments += 1
            if moment[low] != begin:
                low += 1
                for shifted in range(moments, low, -1):
                    moment[shifted] = moment[shifted - 1]
                    for word in range(words):
                        free[shifted, word] = free[shifted - 1, word]
                moment[low] = begin
                for word in range(words):
                    free[low, word] = free[low - 1, word]
                moments += 1
                at += 1
            for held in range(low, at):
                for word in range(words):
                    free[held, word] -= demand[mode, word]
        start[task] = begin
        if begin + length > makespan:
            makespan = begin + length
    return makespan


@compiled
def turn(order: Array, row: Array, duration: Array, start: Array) -> None:
    """Sort an order by falling end: the order in which the mirrored problem is to be scheduled."""
    tasks = order.shape[0]
    for left in range(tasks >> 1):
        order[left], order[tasks - 1 - left] = order[tasks - 1 - left], order[left]
    for place in range(1, tasks):
        task = order[place]
        end = start[task] + duration[row[task]]
        at = place - 1
        while at >= 0 and start[order[at]] + duration[row[order[at]]] < end:
            order[at + 1] = order[at]
            at -= 1
        order[at + 1] = task


@compiled
def justify(
    order: Array, row: Array, forward: Direction, backward: Direction, start: Array, moment: Array, free: Array
) -> tuple[int, int]:
    """Read an order from its end, schedule as late as possible, then as early; again while that shortens it.

    Leaves `order` sorted by start, and the early schedule in `start`; returns its makespan and how many were made.
    """
    tasks = order.shape[0]
    duration = forward.duration
    for left in range(tasks >> 1):
        order[left], order[tasks - 1 - left] = order[tasks - 1 - left], order[left]
    made = 0
    late = True
    previous = 0
    while True:
        makespan = serial(order, row, backward if late else forward, start, moment, free)
        made += 1
        if not late and makespan >= previous:
            break
        turn(order, row, duration, start)
        previous = makespan
        late = not late
    for place in range(1, tasks):
        task = order[place]
        begin = start[task]
        at = place - 1
        while at >= 0 and start[order[at]] > begin:
            order[at + 1] = order[at]
            at -= 1
        order[at + 1] = task
    return makespan, made
