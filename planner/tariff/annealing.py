"""Simulated annealing over start times: the arrays it needs, its temperatures and its penalty."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.moves import NONE, State, Tables, anneal, place
from planner.tariff.pacing import Pace
from planner.tariff.windows import Windows

MOVES_PER_UNIT = 2_500_000
"""Moves in a unit of counted work: about a second."""
CHUNK = 50_000
"""Moves between looks at the clock."""
PUSHES = 8
SWAPS = 16
"""Of 64 moves so many push neighbours aside, and so many exchange two tasks."""
EVERY = 2500
FACTOR = 1.1
"""Every so many moves the penalty on excess rises or falls by that factor."""
FLOOR = 0.02
"""The least penalty, as a share of what a unit of demand costs in a slot."""
COLD = 0.005
COLD_FINE = 0.002
"""Last temperatures, as shares of a task's typical cost: up to `COARSE` slots, and beyond, where moves are smaller."""
COARSE = 160

Found = Callable[[Ints], None]


class Annealer:
    """Everything that runs on one instance share."""

    def __init__(self, instance: TariffInstance, windows: Windows) -> None:
        self._instance = instance
        self.tables = _tables(instance, windows)
        self._typical = max(float(_typical_cost(instance, windows)), 1.0)
        area = np.maximum((instance.demands.sum(axis=1) * instance.durations).mean(), 1.0)
        self._per_unit = self._typical / float(area)
        self._cold = COLD if instance.horizon <= COARSE else COLD_FINE
        # Compiles, or loads what was compiled before: here, so that no clock of an annealing runs meanwhile.
        anneal(self.tables, self._state(windows.earliest, 0), 0, 1.0, 1.0, PUSHES, SWAPS, EVERY, FACTOR)

    def run(self, starts: Ints, seed: int, pace: Pace, found: Found, *, hot: float) -> None:
        """Anneal from `starts` (windows and precedence kept; capacities or not) until the pace ends."""
        state = self._state(starts, seed)
        best = int(NONE)
        begun = min(pace.progress(), 0.999)
        while (progress := pace.progress()) < 1.0:
            since = (progress - begun) / (1.0 - begun)
            heat = self._typical * hot * (self._cold / hot) ** since
            floor = self._per_unit * FLOOR
            anneal(self.tables, state, CHUNK, heat, floor, PUSHES, SWAPS, EVERY, FACTOR)
            pace.worked(CHUNK / MOVES_PER_UNIT)
            if state.totals[2] < best:
                best = int(state.totals[2])
                found(state.chosen.copy())

    def _state(self, starts: Ints, seed: int) -> State:
        instance = self._instance
        state = State(
            start=starts.copy(),
            usage=np.zeros((instance.resources, instance.horizon), np.int64),
            chosen=starts.copy(),
            totals=np.array([instance.cost(starts), 0, NONE], np.int64),
            random=np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1),
            penalty=np.array([self._per_unit * 0.3]),
            moved=np.zeros(instance.tasks, np.int64),
            target=np.zeros(instance.tasks, np.int64),
        )
        for task in range(instance.tasks):
            state.totals[1] += place(self.tables, state.usage, task, int(starts[task]), 1)
        return state


def _typical_cost(instance: TariffInstance, windows: Windows) -> float:
    slots = np.arange(instance.horizon + 1)
    inside = (slots >= windows.earliest[:, None]) & (slots <= windows.latest[:, None])
    return float(np.abs(instance.start_costs)[inside].mean()) if inside.any() else 1.0


def _tables(instance: TariffInstance, windows: Windows) -> Tables:
    tasks = instance.tasks
    # Of two edges between the same tasks the one with the larger distance comes last, and stays.
    right_after = [dict(sorted(after, key=lambda edge: edge[1])) for after in instance.neighbours[1]]
    all_after: list[dict[int, int]] = [{} for _ in range(tasks)]
    for first in reversed(instance.order):
        reach = all_after[first]
        for second, gap in right_after[first].items():
            reach[second] = max(gap, reach.get(second, 0))
            for third, further in all_after[second].items():
                reach[third] = max(gap + further, reach.get(third, 0))
    uses = [
        {resource: int(amount) for resource, amount in enumerate(row) if amount} for row in instance.demands.tolist()
    ]
    changes = np.ones(instance.horizon, np.bool_)
    changes[1:] = (np.diff(instance.prices, axis=1) != 0).any(axis=0) | (np.diff(instance.capacities, axis=1) != 0).any(
        axis=0
    )
    return Tables(
        instance.durations,
        windows.earliest,
        windows.latest,
        instance.start_costs,
        instance.capacities,
        *_compressed(uses),
        *_compressed(right_after),
        *_compressed(_reversed(right_after)),
        *_compressed(all_after),
        *_compressed(_reversed(all_after)),
        np.flatnonzero(changes),
    )


def _reversed(lists: list[dict[int, int]]) -> list[dict[int, int]]:
    turned: list[dict[int, int]] = [{} for _ in lists]
    for first, others in enumerate(lists):
        for second, gap in others.items():
            turned[second][first] = gap
    return turned


def _compressed(lists: Iterable[dict[int, int]]) -> tuple[Ints, Ints, Ints]:
    first = [0]
    keys: list[int] = []
    values: list[int] = []
    for row in lists:
        keys.extend(row)
        values.extend(row.values())
        first.append(len(keys))
    return np.array(first, np.int64), np.array(keys, np.int64), np.array(values, np.int64)
