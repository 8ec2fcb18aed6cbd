"""Start windows that precedence and closed slots tighten, and simple proofs that nothing fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.tariff.instance import Ints, TariffInstance, sum_over_run


@dataclass(frozen=True, slots=True)
class Windows:
    """First and last start of each task ((N,) each); `reason` says why there is no schedule, empty if not known."""

    earliest: Ints
    latest: Ints
    reason: str = ""


def tighten(instance: TariffInstance) -> Windows:
    """Windows in which a start must lie in every schedule.

    A task alone must fit below the capacities (a slot that is closed to it bars every start that would cover it), and
    every task must follow its predecessors. Then the demand that cannot leave an interval is held against its capacity.
    """
    earliest = np.maximum(instance.earliest, 0)
    latest = np.minimum(instance.latest, instance.horizon - instance.durations)
    open_starts = allowed_starts(instance)
    before, after = instance.neighbours
    for task in instance.order:
        for first, gap in before[task]:
            earliest[task] = max(earliest[task], earliest[first] + gap)
        fitting = np.flatnonzero(open_starts[task, max(earliest[task], 0) : latest[task] + 1])
        if not fitting.size:
            return Windows(earliest, latest, f"task {task} fits nowhere in {earliest[task]} .. {latest[task]}")
        earliest[task] += fitting[0]
    for task in reversed(instance.order):
        for second, gap in after[task]:
            latest[task] = min(latest[task], latest[second] - gap)
        fitting = np.flatnonzero(open_starts[task, earliest[task] : latest[task] + 1])
        if not fitting.size:
            return Windows(earliest, latest, f"task {task} fits nowhere in {earliest[task]} .. {latest[task]}")
        latest[task] = earliest[task] + fitting[-1]
    return Windows(earliest, latest, _overload(instance, earliest, latest))


def allowed_starts(instance: TariffInstance) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """(N, H + 1): whether a task begun there alone stays below the capacities of all its slots."""
    blocked = np.zeros((instance.tasks, instance.horizon), np.int64)
    for resource in range(instance.resources):
        blocked += instance.demands[:, resource, None] > instance.capacities[None, resource]
    return np.asarray(sum_over_run(blocked, instance.durations) == 0)


def _overload(instance: TariffInstance, earliest: Ints, latest: Ints) -> str:
    """Energetic reasoning over intervals between window ends; the first interval that holds too much, in words."""
    ends = np.unique(latest + instance.durations)
    begins = np.unique(earliest)
    if len(begins) * len(ends) * instance.tasks > 4_000_000:
        begins = begins[:: 1 + len(begins) // 40]
        ends = ends[:: 1 + len(ends) // 40]
    sums = np.zeros((instance.resources, instance.horizon + 1), np.int64)
    np.cumsum(instance.capacities, axis=1, out=sums[:, 1:])
    for begin in begins.tolist():
        later = ends[ends > begin]
        left = np.maximum(earliest + instance.durations - begin, 0)[:, None]
        right = np.maximum(later[None, :] - latest[:, None], 0)
        inside = np.minimum(np.minimum(left, right), np.minimum(instance.durations[:, None], later[None, :] - begin))
        over = np.argwhere(instance.demands.T @ inside > sums[:, later] - sums[:, begin, None])
        if over.size:
            resource, index = over[0].tolist()
            return f"resource {resource} can't hold what must run in slots {begin} .. {int(later[index]) - 1}"
    return ""
