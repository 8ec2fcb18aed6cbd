"""Small instances, drawn and solved by trying everything."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import strategies as st

from planner.makespan import Instance

PSPLIB = Path(__file__).parents[3] / ".." / "shared" / "psplib"


def shortest(instance: Instance) -> int | None:
    """The least makespan, by every choice of modes, and every order with each task as early as it fits; None: none."""
    best: int | None = None
    tasks = range(len(instance))
    for modes in itertools.product(*(range(len(durations)) for durations in instance.durations)):
        used = (
            [sum(column) for column in zip(*(instance.consumptions[t][modes[t]] for t in tasks), strict=True)]
            if (instance.budgets)
            else []
        )
        if any(amount > most for amount, most in zip(used, instance.budgets, strict=True)):
            continue
        for order in itertools.permutations(tasks):
            makespan = _decoded(instance, modes, order)
            if makespan is not None and (best is None or makespan < best):
                best = makespan
    return best


def _decoded(instance: Instance, modes: tuple[int, ...], order: tuple[int, ...]) -> int | None:
    ends: dict[int, int] = {}
    held: dict[tuple[int, int], int] = {}
    for task in order:
        begin = instance.releases[task] if instance.releases else 0
        for before, following in enumerate(instance.successors):
            for place, after in enumerate(following):
                if after == task:
                    if before not in ends:
                        return None
                    begin = max(begin, ends[before] + (instance.lags[before][place] if instance.lags else 0))
        duration, demand = instance.durations[task][modes[task]], instance.demands[task][modes[task]]
        if duration and any(amount > capacity for amount, capacity in zip(demand, instance.capacities, strict=True)):
            return None
        while any(
            held.get((resource, moment), 0) + amount > instance.capacities[resource]
            for moment in range(begin, begin + duration)
            for resource, amount in enumerate(demand)
        ):
            begin += 1
        ends[task] = begin + duration
        if instance.deadlines and instance.deadlines[task] is not None and ends[task] > (instance.deadlines[task] or 0):
            return None
        for moment in range(begin, begin + duration):
            for resource, amount in enumerate(demand):
                held[resource, moment] = held.get((resource, moment), 0) + amount
    return max(ends.values(), default=0)


@st.composite
def instances(draw: st.DrawFn, *, several_modes: bool) -> Instance:
    """Up to five tasks on two resources; with several modes also two budgets, else lags, releases and deadlines."""
    tasks = draw(st.integers(1, 4 if several_modes else 5))
    number = st.integers(0, 5)
    modes = [draw(st.integers(1, 2)) if several_modes else 1 for _ in range(tasks)]
    pair = st.tuples(number, number)
    successors = tuple(
        tuple(after for after in range(task + 1, tasks) if draw(st.integers(0, 3)) == 0) for task in range(tasks)
    )
    return Instance(
        durations=tuple(tuple(draw(number) for _ in range(count)) for count in modes),
        demands=tuple(tuple(draw(pair) for _ in range(count)) for count in modes),
        capacities=draw(st.tuples(st.integers(3, 7), st.integers(3, 7))),
        successors=successors,
        consumptions=tuple(tuple(draw(pair) for _ in range(count)) for count in modes) if several_modes else (),
        budgets=draw(st.tuples(st.integers(4, 14), st.integers(4, 14))) if several_modes else (),
        lags=() if several_modes else tuple(tuple(draw(st.integers(0, 2)) for _ in row) for row in successors),
        releases=() if several_modes else tuple(draw(st.sampled_from((0, 0, 3))) for _ in range(tasks)),
        deadlines=() if several_modes else tuple(draw(st.sampled_from((None, None, 9, 14))) for _ in range(tasks)),
    )
