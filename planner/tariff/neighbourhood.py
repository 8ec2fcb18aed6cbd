"""Large neighbourhood search: a part of the tasks is placed anew, exactly, while the others stay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.tariff.capacity_rows import Rows
from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.pacing import Pace
from planner.tariff.part_model import PartModel
from planner.tariff.windows import Windows

PIECE = 1.0
"""Seconds, or deterministic units, for one part."""
SETTING_UP = 0.02
"""Units that building a part's model counts for at least."""


class Neighbourhood:
    """Chooses parts and places them anew."""

    def __init__(
        self, instance: TariffInstance, windows: Windows, rows: Rows, useful: NDArray[np.bool_], seed: int
    ) -> None:
        self._instance = instance
        self._windows = windows
        self._rows = rows
        self._useful = useful
        self._random = np.random.default_rng(seed)
        before, after = instance.neighbours
        self._near = [{other for other, _ in (*before[task], *after[task])} for task in range(instance.tasks)]
        self._size = min(30.0, float(instance.tasks))

    def improve(self, starts: Ints, pace: Pace) -> Ints:
        """A cheaper schedule than the valid `starts`, or `starts` itself."""
        part = self._choose(starts, round(self._size))
        model = PartModel(self._instance, self._windows, self._rows, starts, part, self._useful)
        piece = pace.part(PIECE)
        answer = model.solve(piece, int(self._random.integers(1 << 30)))
        pace.worked(max(answer.units, SETTING_UP))
        self._size = (
            min(self._size * 1.05, float(self._instance.tasks)) if answer.settled else max(self._size * 0.9, 5.0)
        )
        return starts if answer.starts is None else answer.starts

    def _choose(self, starts: Ints, size: int) -> list[int]:
        """Tasks that run side by side, that belong together, or both."""
        instance = self._instance
        seed = int(self._random.integers(instance.tasks))
        kind = int(self._random.integers(3))
        if kind == 0:
            # Those closest in time.
            distance = np.abs(starts - starts[seed]) + self._random.random(instance.tasks) * 2
            return [int(task) for task in np.argsort(distance, kind="stable")[:size]]
        chosen = self._connected(seed, size if kind == 1 else size // 2)
        if len(chosen) < size:
            # And those that take what they want: same resources, any time.
            shares = (instance.demands[:, instance.demands[seed] > 0] > 0).any(axis=1) * 1.0
            order = np.argsort(-shares + self._random.random(instance.tasks), kind="stable")
            chosen += [int(task) for task in order if int(task) not in chosen][: size - len(chosen)]
        return chosen

    def _connected(self, seed: int, size: int) -> list[int]:
        chosen = [seed]
        for task in chosen:
            if len(chosen) >= size:
                break
            near = sorted(self._near[task] - set(chosen))
            chosen += [near[index] for index in self._random.permutation(len(near))]
        return chosen[:size]
