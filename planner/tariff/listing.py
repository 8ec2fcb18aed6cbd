"""A first schedule at once: tasks one after the other, each where it is cheapest or soonest."""

from __future__ import annotations

import numpy as np

from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.windows import Windows


def list_schedules(instance: TariffInstance, windows: Windows) -> list[Ints]:
    """The valid schedules that listing finds, cheapest first; none where each rule runs into a full slot."""
    urgent = sorted(range(instance.tasks), key=lambda task: (int(windows.latest[task]), int(windows.earliest[task])))
    rank = {task: position for position, task in enumerate(_ready_order(instance, urgent))}
    ranked = sorted(rank, key=rank.__getitem__)
    found = [_listed(instance, windows, ranked, cheapest=cheapest) for cheapest in (True, False)]
    return sorted((starts for starts in found if starts is not None), key=instance.cost)


def _ready_order(instance: TariffInstance, urgent: list[int]) -> list[int]:
    """By urgency, but no task before its predecessors."""
    before: list[list[int]] = [[] for _ in range(instance.tasks)]
    for first, second in instance.edges.tolist():
        before[second].append(first)
    order: list[int] = []
    seen = [False] * instance.tasks
    for wanted in urgent:
        stack = [wanted]
        while stack:
            task = stack[-1]
            waiting = [other for other in before[task] if not seen[other]]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if not seen[task]:
                seen[task] = True
                order.append(task)
    return order


def _listed(instance: TariffInstance, windows: Windows, order: list[int], *, cheapest: bool) -> Ints | None:
    free = instance.capacities.copy()
    starts = windows.earliest.copy()
    following: list[list[tuple[int, int]]] = [[] for _ in range(instance.tasks)]
    for (first, second), gap in zip(instance.edges.tolist(), instance.gaps.tolist(), strict=True):
        following[first].append((second, gap))
    for task in order:
        low, high = int(starts[task]), int(windows.latest[task])
        if low > high:
            return None
        duration = int(instance.durations[task])
        used = np.flatnonzero(instance.demands[task])
        span = free[used, low : high + duration] < instance.demands[task, used, None]
        full = np.concatenate([[0], np.cumsum(span.any(axis=0))])
        fitting = low + np.flatnonzero(full[duration:] == full[: len(full) - duration])
        fitting = fitting[fitting <= high]
        if not fitting.size:
            return None
        at = int(fitting[np.argmin(instance.start_costs[task, fitting])] if cheapest else fitting[0])
        starts[task] = at
        free[used, at : at + duration] -= instance.demands[task, used, None]
        for second, gap in following[task]:
            starts[second] = max(int(starts[second]), at + gap)
    return starts
