"""Schedules merged: of the starts that several annealings ended with, the cheapest schedule that uses no others.

Blum, Pinacho, Lopez-Ibanez, Lozano, "Construct, Merge, Solve & Adapt", Computers & Operations Research 68, 2016.
Short annealings agree on most of what is good, so there are few starts to choose from and CP-SAT is done at once; what
comes out is better than any of them, and than one annealing that takes as long as all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.tariff.annealing import Annealer
from planner.tariff.capacity_rows import Rows
from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.pacing import Pace
from planner.tariff.part_model import PartModel
from planner.tariff.windows import Windows

ANNEALINGS = 8
"""Annealings between two merges."""
UNITS = 0.1
"""Of counted work for each of them."""
PIECE = 1.5
"""Seconds, or deterministic units, for a merge at most."""
SETTING_UP = 0.01
"""Units that building a model counts for at least."""


class Merger:
    """Collects starts and merges them. `seen` (N, H + 1) holds those collected so far, and changes."""

    def __init__(
        self, instance: TariffInstance, windows: Windows, rows: Rows, annealer: Annealer, seen: NDArray[np.bool_]
    ) -> None:
        self._instance = instance
        self._windows = windows
        self._rows = rows
        self._annealer = annealer
        self._tasks = np.arange(instance.tasks)
        self.seen = seen

    def improve(self, best: Ints | None, seed: int, pace: Pace, heat: float) -> Ints | None:
        """One round of annealings and their merge: the cheapest schedule known after it."""
        for number in range(ANNEALINGS):
            found = self._anneal(seed * ANNEALINGS + number, pace, heat)
            if found is not None:
                self.seen[self._tasks, found] = True
                if best is None or self._instance.cost(found) < self._instance.cost(best):
                    best = found
            if pace.progress() >= 1.0:
                return best
        if best is None:
            return None
        self.seen[self._tasks, best] = True
        model = PartModel(self._instance, self._windows, self._rows, best, self._tasks.tolist(), self.seen)
        answer = model.solve(pace.part(PIECE), seed)
        pace.worked(max(answer.units, SETTING_UP))
        best = best if answer.starts is None else answer.starts
        if not answer.settled:  # too many to choose from: collect anew
            self.seen[:] = False
        return best

    def _anneal(self, seed: int, pace: Pace, heat: float) -> Ints | None:
        last: list[Ints] = []
        part = pace.counted_part(UNITS)
        self._annealer.run(self._windows.earliest, seed, part, last.append, hot=heat)
        pace.worked(part.done)
        return last[-1] if last else None
