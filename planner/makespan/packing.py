"""The instance as arrays for machine code: all resources of a mode in a few words, both directions of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.makespan.bounds import Bounds
from planner.makespan.decoding import Array, Direction
from planner.makespan.instance import Instance

WORD = 62
"""Bits of a signed word that lanes may use."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows are modes, those of a task side by side: `first_row[task] : first_row[task + 1]`."""

    tasks: int
    forward: Direction
    backward: Direction
    urgency: Array
    """By task: the least time from its start to the end of all."""
    first_row: Array
    consumption: Array
    budgets: Array
    latest_end: Array
    """By task; empty where no task has a deadline."""
    worst: int
    """More than the makespan of every schedule without idle time."""

    @property
    def several(self) -> bool:
        """Whether some task has modes to choose from."""
        return bool(self.first_row[-1] > self.tasks)

    def lengths(self, modes: list[int]) -> Array:
        """By task: its duration."""
        return self.forward.duration[self.first_row[:-1] + np.array(modes, np.int64)]


def pack(instance: Instance, bounds: Bounds) -> Packed:
    """The arrays. A capacity may have up to 61 bits; what is above all demands together is cut off first."""
    tasks = len(instance)
    rows = [(task, mode) for task, modes in enumerate(instance.durations) for mode in range(len(modes))]
    duration = np.array([instance.durations[task][mode] for task, mode in rows], np.int64)
    words: list[tuple[int, int]] = []
    demand = np.zeros((len(rows), 0), np.int64)
    used = WORD
    for resource, capacity in enumerate(instance.capacities):
        held = np.array([instance.demands[task][mode][resource] for task, mode in rows], dtype=object)
        most = sum(max(mode[resource] for mode in modes) for modes in instance.demands)
        if most <= capacity:
            continue
        lane = capacity.bit_length() + 1
        if used + lane > WORD:
            used = 0
            words.append((0, 0))
            demand = np.concatenate([demand, np.zeros((len(rows), 1), np.int64)], axis=1)
        guard = 1 << (used + lane - 1)
        filled, guarded = words[-1]
        words[-1] = (filled | (capacity << used) | guard, guarded | guard)
        demand[:, -1] += (held * (1 << used)).astype(np.int64)
        used += lane
    full = np.array([word for word, _ in words], np.int64)
    guards = np.array([word for _, word in words], np.int64)
    before: list[list[tuple[int, int]]] = [[] for _ in range(tasks)]
    after: list[list[tuple[int, int]]] = [[] for _ in range(tasks)]
    for task, following in enumerate(instance.successors):
        for place, later in enumerate(following):
            before[later].append((task, instance.lag(task, place)))
            after[task].append((later, instance.lag(task, place)))
    release = np.array([instance.release(task) for task in range(tasks)], np.int64)
    ends = [instance.deadline(task) for task in range(tasks)]
    worst = instance.horizon() + 1
    latest_end = np.array([worst if end is None else end for end in ends], np.int64)
    return Packed(
        tasks=tasks,
        forward=Direction(duration, demand, full, guards, *_links(before), release),
        backward=Direction(duration, demand, full, guards, *_links(after), np.zeros(tasks, np.int64)),
        urgency=np.array(bounds.tails, np.int64),
        first_row=np.cumsum([0, *(len(modes) for modes in instance.durations)]).astype(np.int64),
        consumption=np.array(
            [instance.consumptions[task][mode] if instance.consumptions else () for task, mode in rows], np.int64
        ).reshape(len(rows), len(instance.budgets)),
        budgets=np.array(instance.budgets, np.int64),
        latest_end=latest_end if any(end is not None for end in ends) else latest_end[:0],
        worst=worst,
    )


def _links(rows: list[list[tuple[int, int]]]) -> tuple[Array, Array, Array]:
    first = np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64)
    links = [link for row in rows for link in row]
    return (
        first,
        np.array([other for other, _ in links], np.int64),
        np.array([wait for _, wait in links], np.int64),
    )
