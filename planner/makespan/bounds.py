"""What no schedule can beat: earliest starts, latest starts and delays between tasks that hold in every schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planner.makespan.instance import Instance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_TASKS_FOR_PAIRS = 300
"""Pairs take memory with the square of the tasks, time with the cube."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What precedence and the energy of tasks imply."""

    order: tuple[int, ...]
    """All tasks, each after its predecessors."""
    arcs: tuple[tuple[tuple[int, int], ...], ...]
    """By task: (later task, least time from start to start), more than precedence alone where energy says so."""
    heads: tuple[int, ...]
    """By task: no schedule starts it earlier."""
    tails: tuple[int, ...]
    """By task: the least time from its start to the end of the schedule."""
    lower_bound: int

    def latest_starts(self, instance: Instance, makespan: int) -> list[int]:
        """By task: the latest start in a schedule that is not longer; there is none where that is before the head."""
        latest = [0] * len(self.order)
        for task in reversed(self.order):
            bound = makespan - self.tails[task]
            deadline = instance.deadline(task)
            if deadline is not None:
                bound = min(bound, deadline - min(instance.durations[task]))
            latest[task] = min([bound, *(latest[after] - delay for after, delay in self.arcs[task])])
        return latest


def precedence_bounds(instance: Instance) -> Bounds:
    """The critical-path method with shortest modes, and the energy of each resource as a whole. Linear in its input."""
    arcs = tuple(
        tuple(
            (after, min(durations) + instance.lag(task, place)) for place, after in enumerate(instance.successors[task])
        )
        for task, durations in enumerate(instance.durations)
    )
    return _bounds(instance, _topological(instance), arcs, [], [])


def energy_bounds(instance: Instance, weak: Bounds) -> Bounds:
    """The same, and what lies between two tasks has to fit between them: start to start at least energy / capacity.

    As in the pair delays of or-tools' rcpsp_sat example, with energy instead of solved subproblems.
    """
    tasks = len(instance)
    if not 0 < tasks <= MOST_TASKS_FOR_PAIRS:
        return weak
    import numpy as np

    order = np.array(weak.order)
    shortest = np.array([min(modes) for modes in instance.durations])
    source, sink = tasks, tasks + 1
    never = -(1 << 40)
    delay = np.full((tasks + 2, tasks + 2), never)
    for task, row in enumerate(weak.arcs):
        for after, least in row:
            delay[task, after] = max(delay[task, after], least)
    delay[source, :tasks] = weak.heads
    delay[:tasks, sink] = weak.tails
    delay[source, sink] = weak.lower_bound
    _close(delay, order)
    related = delay > never // 2
    within = related.astype(float)
    span = np.concatenate([shortest, [0, 0]])
    for resource, capacity in enumerate(instance.capacities):
        if capacity == 0:
            continue
        energy = [
            min(duration * demand[resource] for duration, demand in zip(durations, demands, strict=True))
            for durations, demands in zip(instance.durations, instance.demands, strict=True)
        ]
        weight = np.array([*energy, 0, 0], float)
        between = (within * weight) @ within
        least = np.ceil(between / capacity * (1 - 1e-12) - 1e-9).astype(int) + span[:, None]
        delay = np.where(related, np.maximum(delay, least), delay)
    _close(delay, order)
    # Only delays that no path over a third task implies become arcs.
    implied = np.full((tasks, tasks), never)
    inner = delay[:tasks, :tasks]
    for task in order:
        np.maximum(implied, inner[:, task, None] + inner[None, task, :], out=implied)
    arcs = tuple(
        tuple(
            (int(after), int(inner[task, after]))
            for after in np.flatnonzero(related[task, :tasks] & (inner[task] > implied[task]))
        )
        for task in range(tasks)
    )
    heads = [int(value) for value in delay[source, :tasks]]
    tails = [int(value) for value in delay[:tasks, sink]]
    return _bounds(instance, weak.order, arcs, heads, tails, int(delay[source, sink]))


def _close(delay: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    """Longest paths over every task, in place."""
    import numpy as np

    for task in order:
        np.maximum(delay, delay[:, task, None] + delay[None, task, :], out=delay)


def _bounds(
    instance: Instance,
    order: tuple[int, ...],
    arcs: tuple[tuple[tuple[int, int], ...], ...],
    heads: list[int],
    tails: list[int],
    lower_bound: int = 0,
) -> Bounds:
    heads = heads or [0] * len(order)
    tails = tails or [0] * len(order)
    for task in order:
        heads[task] = max(heads[task], instance.release(task))
        for after, delay in arcs[task]:
            heads[after] = max(heads[after], heads[task] + delay)
    for task in reversed(order):
        longest = max((delay + tails[after] for after, delay in arcs[task]), default=0)
        tails[task] = max(tails[task], longest, min(instance.durations[task]))
    longest_path = max((head + tail for head, tail in zip(heads, tails, strict=True)), default=0)
    lower_bound = max(lower_bound, longest_path, instance.energy_bound())
    return Bounds(order, arcs, tuple(heads), tuple(tails), lower_bound)


def _topological(instance: Instance) -> tuple[int, ...]:
    waiting = [0] * len(instance)
    for row in instance.successors:
        for after in row:
            waiting[after] += 1
    order = [task for task in range(len(instance)) if not waiting[task]]
    for task in order:
        for after in instance.successors[task]:
            waiting[after] -= 1
            if not waiting[after]:
                order.append(after)
    return tuple(order)
