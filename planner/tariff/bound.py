"""A lower bound by Lagrangian relaxation of the capacities.

With a price on every capacity row and slot (a multiplier, 0 or more) the rest is a minimum cut; its value less what
the capacities are worth is a bound, whatever the multipliers. They follow the volume algorithm (Barahona and Anbil:
"The volume algorithm: producing primal solutions with a subgradient method", Mathematical Programming 87, 2000).
Every bound is computed in whole numbers, so rounding can't make it too high.

On many slots, multipliers stand for blocks of slots and the cuts run on a coarse grid, both refined step by step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.tariff.capacity_rows import Rows
from planner.tariff.instance import Ints, TariffInstance, sum_over_run
from planner.tariff.minimum_cut import MinimumCut
from planner.tariff.windows import Windows

Floats = NDArray[np.float64]

FINE_SLOTS = 160
"""Up to that many slots, every slot has multipliers of its own from the beginning."""
BLOCKS = 96
"""So many blocks of slots at first, where there are more."""
LARGEST_TOTAL = 1 << 52


class Bound:
    """An anytime lower bound: `step` improves it a little."""

    def __init__(self, instance: TariffInstance, windows: Windows, rows: Rows) -> None:
        self._instance = instance
        self._windows = windows
        self._rows = rows
        spread = int(np.abs(instance.start_costs).sum(axis=0).max(initial=1)) + 1
        self._scale = max(1, min(1 << 12, LARGEST_TOTAL // (64 * spread)))
        self.steps = 0
        horizon = instance.horizon
        block = 1 if horizon <= FINE_SLOTS else -(-horizon // BLOCKS)
        self._stages = [(block, max(1, block // 3)), (max(1, block // 3), max(1, block // 5)), (max(1, block // 5), 1)]
        self._stages = list(dict.fromkeys(self._stages))
        self._enter(*self._stages.pop(0))
        self._best = np.zeros(self._limits.shape)
        self._idle = 0
        self.value, starts = self._evaluate(self._best)
        self.starts: Ints = starts
        self._mean = self._use(starts).astype(np.float64)
        self._pace = 0.1
        self._good = 0

    def _enter(self, block: int, grid: int) -> None:
        """Use multipliers per `block` slots and cuts on a `grid`."""
        self._block = block
        self._cut = MinimumCut(self._instance, self._windows, grid)
        blocks = -(-self._instance.horizon // block)
        self._pad = blocks * block - self._instance.horizon
        padded = np.pad(self._rows.limits, ((0, 0), (0, self._pad)))
        self._limits = padded.reshape(len(padded), blocks, block).sum(axis=2)

    @property
    def arcs(self) -> int:
        """How large one step's cuts are: its work."""
        return self._cut.arcs

    def _evaluate(self, multipliers: Floats) -> tuple[int, Ints]:
        """The bound of these multipliers (Q, blocks), and the relaxed starts (N,)."""
        charged, worth = self._charged(multipliers)
        total, starts = self._cut.solve(charged)
        return -((worth - total) // self._scale), starts

    def _charged(self, multipliers: Floats) -> tuple[Ints, int]:
        """Scaled costs of starts with what they take of the rows, and the scaled worth of all rows."""
        whole = np.rint(multipliers * self._scale).astype(np.int64)
        per_slot = np.repeat(whole, self._block, axis=1)[:, : self._instance.horizon]
        charged = self._instance.start_costs * self._scale
        charged += sum_over_run(self._rows.weights @ per_slot, self._instance.durations)
        return charged, int((whole * self._limits).sum())

    def useful_starts(self, upper: int) -> NDArray[np.bool_]:
        """(N, H + 1): the starts that a schedule cheaper than `upper` can have (reduced-cost fixing)."""
        charged, worth = self._charged(self._best)
        total, _ = self._cut.solve(charged)
        useful: NDArray[np.bool_] = self._cut.dearer(charged) + (total - worth) <= (upper - 1) * self._scale
        return useful

    def _use(self, starts: Ints) -> Ints:
        """(Q, blocks) what schedules that begin so take of each row."""
        horizon = self._instance.horizon
        change = np.zeros((horizon + 1, self._rows.weights.shape[1]), np.int64)
        np.add.at(change, starts, self._rows.weights)
        np.add.at(change, np.minimum(starts + self._instance.durations, horizon), -self._rows.weights)
        use = np.pad(change.cumsum(axis=0)[:horizon].T, ((0, 0), (0, self._pad)))
        summed: Ints = use.reshape(len(use), -1, self._block).sum(axis=2)
        return summed

    def step(self, upper: int | None) -> bool:
        """One iteration; `upper` is the cost of the best known schedule. False when more steps would hardly help."""
        self.steps += 1
        target = self.value + max(abs(self.value), 1) * 0.05
        if upper is not None:
            target = min(target, float(upper))
        direction = self._mean - self._limits
        direction[(direction < 0) & (self._best <= 0)] = 0.0
        norm = float((direction * direction).sum())
        if norm <= 1e-9 or target <= self.value:
            return self._refine()
        tried = np.maximum(self._best + direction * (self._pace * (target - self.value) / norm), 0.0)
        value, starts = self._evaluate(tried)
        use = self._use(starts)
        self.starts = starts
        fresh = use - self._limits
        share = 0.1 if self._pace > 0.01 else 0.05
        if value > self.value:
            if float((fresh * direction).sum()) > 0:
                self._pace = min(self._pace * 1.1, 2.0)
            self._idle = self._idle if value - self.value < 1e-5 * abs(value) else 0
            self.value = value
            self._best = tried
        else:
            self._good += 1
            if self._good % 15 == 0:
                self._pace *= 0.66
        self._idle += 1
        self._mean += share * (use - self._mean)
        return True if self._idle < 250 and self._pace > 1e-4 else self._refine()

    def _refine(self) -> bool:
        """The next finer stage with the multipliers so far; False where there is none."""
        if not self._stages:
            return False
        block, grid = self._stages.pop(0)
        coarse = np.repeat(self._best, self._block, axis=1)[:, : self._instance.horizon]
        self._enter(block, grid)
        self._best = coarse[:, ::block].copy()
        self._pace = 0.05
        self._idle = 0
        value, starts = self._evaluate(self._best)
        self.value = max(self.value, value)
        self._mean = self._use(starts).astype(np.float64)
        return True
