"""Whether there is a shorter schedule at all, by enumeration: for instances of which few tasks fit side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from planner.makespan.bounds import Bounds
from planner.makespan.expansion import MOST_AT_ONCE, Layer, Question, expand
from planner.makespan.instance import Instance
from planner.makespan.packing import Packed

CHUNK = 250
"""Partial schedules expanded between two looks at whether to go on."""


class Answer(NamedTuple):
    """Whether there is a schedule."""

    starts: list[int] | None
    """By task, if one was found."""
    complete: bool
    """Whether everything was looked at: without starts, there is none."""
    full: bool = False
    """Whether it ended for want of room."""


def schedule_within(
    instance: Instance, bounds: Bounds, packed: Packed, target: int, most: int, go_on: Callable[[int], bool]
) -> Answer:
    """A schedule that ends by the target, of an instance with one mode each and no lags, releases and deadlines.

    At most so many partial schedules are kept of one size. `go_on` hears how many were expanded since it last was.
    """
    latest = bounds.latest_starts(instance, target)
    if any(last < head for last, head in zip(latest, bounds.heads, strict=True)):
        return Answer(None, complete=True)
    tasks = len(instance)
    exclusive = _exclusive(instance, bounds.order)
    # Greedy sets of tasks that exclude each other are largest from those that exclude most.
    weight = [
        sum(instance.durations[other][0] for other in range(tasks) if exclusive[task] >> other & 1)
        for task in range(tasks)
    ]
    order = sorted(range(tasks), key=lambda task: (-weight[task], -instance.durations[task][0], task))
    number = {task: place for place, task in enumerate(order)}

    def renumbered(members: int) -> int:
        return sum(1 << number[task] for task in range(tasks) if members >> task & 1)

    predecessors = [0] * tasks
    for task, following in enumerate(instance.successors):
        for after in following:
            predecessors[after] |= 1 << task
    duration = [instance.durations[task][0] for task in order]
    question = Question(
        duration=np.array(duration, np.int64),
        demand=packed.forward.demand[order],
        full=packed.forward.full,
        guard=packed.forward.guard,
        energy=np.array(
            [[d * instance.durations[task][0] for d in instance.demands[task][0]] for task in order], np.int64
        ),
        capacity=np.array(instance.capacities, np.int64),
        predecessors=np.array([renumbered(predecessors[task]) for task in order], np.int64),
        latest=np.array([latest[task] for task in order], np.int64),
        exclusive=np.array([renumbered(exclusive[task]) for task in order], np.int64),
        target=target,
    )
    layer = _layer(1)
    layer.size[:] = 1
    layer.alive[0] = True
    layer.tasks[0] = layer.time[0] = layer.going[0] = 0
    trail = []
    for _ in range(tasks):
        found = _layer(most)
        bucket = np.full(1 << max(10, (4 * int(layer.size[0])).bit_length()), -1, np.int32)
        for first in range(0, int(layer.size[0]), CHUNK):
            beyond = min(first + CHUNK, int(layer.size[0]))
            if not expand(question, layer, first, beyond, found, bucket):
                return Answer(None, complete=False, full=True)
            if not go_on(beyond - first):
                return Answer(None, complete=False)
        size = int(found.size[0])
        if size == 0:
            return Answer(None, complete=True)
        trail.append((found.before[:size].copy(), found.last[:size].copy(), found.start[:size].copy()))
        layer = found
    starts = [0] * tasks
    place = int(np.flatnonzero(layer.alive[: int(layer.size[0])])[0])
    for before, last, start in reversed(trail):
        starts[order[int(last[place])]] = int(start[place])
        place = int(before[place])
    return Answer(starts, complete=True)


def _exclusive(instance: Instance, order: tuple[int, ...]) -> list[int]:
    """By task: those that can't go on beside it, because one follows the other or they need too much together."""
    tasks = len(instance)
    after = [0] * tasks
    for task in reversed(order):
        for later in instance.successors[task]:
            after[task] |= 1 << later | after[later]
    found = list(after)
    for one in range(tasks):
        for other in range(tasks):
            if after[one] >> other & 1:
                found[other] |= 1 << one
            elif one != other and any(
                a + b > capacity
                for a, b, capacity in zip(
                    instance.demands[one][0], instance.demands[other][0], instance.capacities, strict=True
                )
            ):
                found[one] |= 1 << other
    return found


def _layer(most: int) -> Layer:
    return Layer(
        size=np.zeros(2, np.int64),
        tasks=np.empty(most, np.int64),
        time=np.empty(most, np.int64),
        going=np.empty(most, np.int64),
        who=np.empty((most, MOST_AT_ONCE), np.int8),
        end=np.empty((most, MOST_AT_ONCE), np.int32),
        before=np.empty(most, np.int32),
        last=np.empty(most, np.int8),
        start=np.empty(most, np.int32),
        following=np.empty(most, np.int32),
        alive=np.empty(most, np.bool_),
    )
