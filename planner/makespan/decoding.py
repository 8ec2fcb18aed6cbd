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

from planner.machine_code import compiled

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
    moments = _clear(problem.full, moment, free)
    makespan = 0
    for place in range(order.shape[0]):
        task = order[place]
        mode = row[task]
        begin = _ready(task, row, problem, start)
        length = problem.duration[mode]
        if length > 0:
            begin, low, at = _fit(mode, begin, problem, moments, moment, free)
            moments = _hold(mode, begin, begin + length, low, at, problem.demand, moments, moment, free)
        start[task] = begin
        if begin + length > makespan:
            makespan = begin + length
    return makespan


@compiled
def serial_in_best_modes(
    order: Array, row: Array, problem: Direction, first_row: Array, consumption: Array, left: Array,
    start: Array, moment: Array, free: Array,
) -> int:  # fmt: skip
    """The same, each task in that mode which ends first and that the budgets allow; changes `row`, and `left` of them.

    As the extended generation scheme of Van Peteghem and Vanhoucke, EJOR 201 (2010).
    """
    moments = _clear(problem.full, moment, free)
    makespan = 0
    for place in range(order.shape[0]):
        task = order[place]
        ready = _ready(task, row, problem, start)
        chosen = row[task]
        begin = low = at = 0
        end = 1 << 60
        for mode in range(first_row[task], first_row[task + 1]):
            allowed = True
            for budget in range(left.shape[0]):
                more = consumption[mode, budget] - consumption[row[task], budget]
                if more > 0 and more > left[budget]:
                    allowed = False
            if allowed:
                other, other_low, other_at = _fit(mode, ready, problem, moments, moment, free)
                other_end = other + problem.duration[mode]
                if other_end < end or (other_end == end and mode == row[task]):
                    begin, low, at, end, chosen = other, other_low, other_at, other_end, mode
        for budget in range(left.shape[0]):
            left[budget] -= consumption[chosen, budget] - consumption[row[task], budget]
        row[task] = chosen
        if end > begin:
            moments = _hold(chosen, begin, end, low, at, problem.demand, moments, moment, free)
        start[task] = begin
        makespan = max(makespan, end)
    return makespan


@compiled
def _clear(full: Array, moment: Array, free: Array) -> int:
    """Everything is free from 0 on; returns how many segments there are."""
    moment[0] = 0
    for word in range(full.shape[0]):
        free[0, word] = full[word]
    return 1


@compiled
def _ready(task: int, row: Array, problem: Direction, start: Array) -> Any:
    """When what comes before the task lets it start."""
    begin = problem.release[task]
    for at in range(problem.first_before[task], problem.first_before[task + 1]):
        earlier = problem.before[at]
        ready = start[earlier] + problem.duration[row[earlier]] + problem.wait[at]
        if ready > begin:
            begin = ready
    return begin


@compiled
def _fit(mode: int, begin: int, problem: Direction, moments: int, moment: Array, free: Array) -> tuple[int, int, int]:
    """The first start from `begin` on at which a mode fits, the segment that this is in, and the one after its end."""
    words = problem.full.shape[0]
    length = problem.duration[mode]
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
            if ((free[at, word] - problem.demand[mode, word]) & problem.guard[word]) != problem.guard[word]:
                fits = False
                break
        at += 1
        if not fits:
            low = at
            begin = moment[at]
            end = begin + length
    return begin, low, at


@compiled
def _hold(
    mode: int, begin: int, end: int, low: int, at: int, demand: Array, moments: int, moment: Array, free: Array
) -> int:
    """Take a mode's demand from what is free in [begin, end); returns how many segments there are then."""
    words = free.shape[1]
    if at == moments or moment[at] != end:
        _split(at, end, moments, moment, free)
        moments += 1
    if moment[low] != begin:
        low += 1
        _split(low, begin, moments, moment, free)
        moments += 1
        at += 1
    for held in range(low, at):
        for word in range(words):
            free[held, word] -= demand[mode, word]
    return moments


@compiled
def _split(place: int, when: int, moments: int, moment: Array, free: Array) -> None:
    """A new segment that begins at a moment inside the one before it."""
    for shifted in range(moments, place, -1):
        moment[shifted] = moment[shifted - 1]
        for word in range(free.shape[1]):
            free[shifted, word] = free[shifted - 1, word]
    moment[place] = when
    for word in range(free.shape[1]):
        free[place, word] = free[place - 1, word]


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
