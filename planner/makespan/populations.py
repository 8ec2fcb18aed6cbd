"""The genetic algorithm as the search uses it: slices of it, with the incumbent as what it gives to and takes from."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

from planner.makespan.incumbent import Incumbent
from planner.makespan.packing import Packed

PATIENCE = 40_000
"""Schedules without a better one after which a population is given up at the soonest."""
PATIENCE_FACTOR = {False: 3.0, True: 0.7}
"""Added to it: so many times the schedules that led to its best; less with modes, where CP-SAT finds more by itself."""
SLICE = 200_000
"""Tasks put into schedules between two looks at the clock (about 0.01 s)."""


class Populations:
    """One population after another, each larger and from another seed."""

    def __init__(self, evolution: ModuleType, packed: Packed, incumbent: Incumbent, seed: int, seconds: float) -> None:
        self._evolution = evolution
        self._packed = packed
        self._incumbent = incumbent
        self._seed = seed
        tasks = max(1, packed.tasks)
        # Measured: 5.4 microseconds a schedule of 120 tasks with four resources in one word.
        self.per_second = 1e6 / (0.035 * tasks + 0.0001 * tasks * tasks)
        self._slice = max(200, SLICE // tasks)
        # More members learn more slowly and get further.
        self._size = 10 + int(min(math.sqrt(self.per_second * min(max(seconds, 0.0), 60.0)) / 4, 2 * tasks))
        self._begin()

    def _begin(self) -> None:
        self._population = self._evolution.Evolution(self._packed, self._size, self._seed)
        self.made = self._best_at = 0

    @property
    def tired(self) -> bool:
        """Whether this population is not likely to find anything better."""
        return self.made > PATIENCE + PATIENCE_FACTOR[self._packed.several] * self._best_at

    def renew(self) -> None:
        """Begin again with more members."""
        self._seed += 1
        self._size = min(4 * self._size, self._size + 2 * max(1, self._packed.tasks))
        self._begin()

    def run(self, most: int | None = None) -> bool:
        """Make one slice of schedules, so many at most; whether one is better than the incumbent."""
        self.made += self._population.run(min(most or self._slice, self._slice), self._incumbent.lower_bound)
        makespan, starts, modes = self._incumbent.snapshot()
        population = self._population
        if population.makespan is not None and (makespan is None or population.makespan < makespan):
            self._incumbent.offer(population.starts, population.modes)
            self._best_at = self.made
            return True
        if makespan is not None:
            population.insert(list(starts), list(modes), makespan)
        return False

    def run_while(self, go_on: Callable[[int], bool], most: int) -> int:
        """Slices of so many schedules at most in all; `go_on` hears of each slice. Returns how many were made."""
        before = total = 0
        while total < most:
            before = self.made
            self.run(most - total)
            total += self.made - before
            if self._incumbent.over or not go_on(self.made - before):
                break
            if self.tired:
                self.renew()
        return total
