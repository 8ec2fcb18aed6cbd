"""Whether a schedule keeps every rule of its instance: counted here task by task and unit of time by unit of time."""

from __future__ import annotations

from collections.abc import Sequence

from planner.makespan import Instance


def faults(instance: Instance, starts: Sequence[int], modes: Sequence[int], makespan: int) -> list[str]:
    """What is wrong with a schedule, in words; nothing for one that is right."""
    tasks = len(instance.durations)
    if len(starts) != tasks or len(modes) != tasks:
        return [f"{len(starts)} starts and {len(modes)} modes for {tasks} tasks"]
    wrong = [
        f"task {task} has no mode {mode}"
        for task, mode in enumerate(modes)
        if not 0 <= mode < len(instance.durations[task])
    ]
    if wrong:
        return wrong
    ends = [
        start + instance.durations[task][mode] for task, (start, mode) in enumerate(zip(starts, modes, strict=True))
    ]
    for task, start in enumerate(starts):
        earliest = instance.releases[task] if instance.releases else 0
        if start < earliest:
            wrong.append(f"task {task} starts at {start}, before {earliest}")
        deadline = instance.deadlines[task] if instance.deadlines else None
        if deadline is not None and ends[task] > deadline:
            wrong.append(f"task {task} ends at {ends[task]}, after {deadline}")
        for place, after in enumerate(instance.successors[task]):
            ready = ends[task] + (instance.lags[task][place] if instance.lags else 0)
            if starts[after] < ready:
                wrong.append(f"task {after} starts at {starts[after]}, and after task {task} it may at {ready}")
    for resource, capacity in enumerate(instance.capacities):
        held: dict[int, int] = {}
        for task, mode in enumerate(modes):
            for moment in range(starts[task], ends[task]):
                held[moment] = held.get(moment, 0) + instance.demands[task][mode][resource]
        wrong += [
            f"resource {resource} holds {amount} of {capacity} at {moment}"
            for moment, amount in sorted(held.items())
            if amount > capacity
        ]
    for budget, most in enumerate(instance.budgets):
        used = sum(instance.consumptions[task][mode][budget] for task, mode in enumerate(modes))
        if used > most:
            wrong.append(f"budget {budget} is {most}, and {used} is used")
    if makespan != max(ends, default=0):
        wrong.append(f"the makespan is {max(ends, default=0)}, not {makespan}")
    return wrong
