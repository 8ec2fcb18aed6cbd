"""A first schedule at once: tasks one after the other, each where it is cheapest or soonest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.windows import Windows


def list_schedules(instance: TariffInstance, windows: Windows) -> list[Ints]:
    """The valid schedules that listing finds, cheapest first; none where each rule runs into a full slot."""
    urgent = sorted(range(instance.tasks), key=lambda task: (int(windows.latest[task]), int(windows.earliest[task])))
    order = _ready_order(instance, urgent)
    soonest = np.broadcast_to(np.arange(instance.horizon + 1), instance.start_costs.shape)
    found = [_listed(instance, windows, order, costs) for costs in (instance.start_costs, soonest)]
    return sorted((starts for starts in found if starts is not None), key=instance.cost)


def descend(instance: TariffInstance, windows: Windows, starts: Ints, over: Callable[[], bool]) -> Ints:
    """Task after task to its cheapest start while all others stay, until none gets cheaper or it is `over`.

    From the last to the first and back, since what follows a task bars its way to later slots.
    """
    free = instance.capacities.copy()
    found = starts.copy()
    for task in range(instance.tasks):
        free[:, found[task] : found[task] + instance.durations[task]] -= instance.demands[task, :, None]
    before, after = instance.neighbours
    order = sorted(range(instance.tasks), key=lambda task: -int(found[task]))
    moved = True
    while moved:
        moved = False
        for task in order:
            if over():
                return found
            low = max([int(windows.earliest[task]), *(int(found[a]) + gap for a, gap in before[task])])
            high = min([int(windows.latest[task]), *(int(found[b]) - gap for b, gap in after[task])])
            now, duration, demand = int(found[task]), int(instance.durations[task]), instance.demands[task, :, None]
            free[:, now : now + duration] += demand
            fitting = _fitting(instance, free, task, low, high)
            at = int(fitting[np.argmin(instance.start_costs[task, fitting])])
            if instance.start_costs[task, at] < instance.start_costs[task, now]:
                found[task] = at
                moved = True
            at = int(found[task])
            free[:, at : at + duration] -= demand
        order.reverse()
    return found


def _ready_order(instance: TariffInstance, urgent: list[int]) -> list[int]:
    """By urgency, but no task before its predecessors."""
    before = instance.neighbours[0]
    order: list[int] = []
    seen = [False] * instance.tasks
    for wanted in urgent:
        stack = [wanted]
        while stack:
            task = stack[-1]
            waiting = [other for other, _ in before[task] if not seen[other]]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if not seen[task]:
                seen[task] = True
                order.append(task)
    return order


def _listed(instance: TariffInstance, windows: Windows, order: list[int], costs: Ints) -> Ints | None:
    """Each task in the `order` at the least of `costs` (N, H + 1) that its predecessors and the capacities allow."""
    free = instance.capacities.copy()
    starts = windows.earliest.copy()
    following = instance.neighbours[1]
    for task in order:
        low, high = int(starts[task]), int(windows.latest[task])
        if low > high:
            return None
        fitting = _fitting(instance, free, task, low, high)
        if not fitting.size:
            return None
        at = int(fitting[np.argmin(costs[task, fitting])])
        starts[task] = at
        free[:, at : at + int(instance.durations[task])] -= instance.demands[task, :, None]
        for second, gap in following[task]:
            starts[second] = max(int(starts[second]), at + gap)
    return starts


def _fitting(instance: TariffInstance, free: Ints, task: int, low: int, high: int) -> Ints:
    """The starts in low .. high at which what is `free` (R, H) holds the task."""
    used = np.flatnonzero(instance.demands[task])
    duration = int(instance.durations[task])
    full = (free[used, low : high + duration] < instance.demands[task, used, None]).any(axis=0)
    count = np.concatenate([[0], np.cumsum(full)])
    fitting: Ints = low + np.flatnonzero(count[duration:] == count[: len(count) - duration])
    return fitting
