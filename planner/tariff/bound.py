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
REACH = 0.05
"""Steps aim at most that share above the bound so far."""
PATIENCE = 15
"""Steps that do not raise the bound before they get shorter."""


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
        slots = np.arange(horizon + 1)
        inside = (slots >= windows.earliest[:, None]) & (slots <= windows.latest[:, None])
        dearest = np.where(inside, instance.start_costs, -(1 << 60)).max(axis=1)
        self._most = int(dearest.sum())
        weight = int((rows.weights.sum(axis=1) * instance.durations).sum()) + 1
        self._ceiling = LARGEST_TOTAL / self._scale / weight
        self.value = -(1 << 62)
        """No schedule costs less."""
        self._begin(np.zeros(self._limits.shape), pace=0.1)

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

    @property
    def refuted(self) -> bool:
        """The bound is above what any schedule can cost: there is none."""
        return self.value > self._most

    def _begin(self, multipliers: Floats, pace: float) -> None:
        """Go on from these multipliers."""
        self._best = multipliers
        self._level, starts = self._evaluate(multipliers)
        self._mean = self._use(starts).astype(np.float64)
        self._pace = pace
        self._idle = 0
        self._failed = 0

    def _evaluate(self, multipliers: Floats) -> tuple[int, Ints]:
        """The scaled bound of these multipliers (Q, blocks), kept if it is the highest, and the relaxed starts (N,)."""
        charged, worth = self._charged(multipliers)
        total, starts = self._cut.solve(charged)
        self.value = max(self.value, -((worth - total) // self._scale))
        return total - worth, starts

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
        level = self._level / self._scale
        target = level + max(abs(level), 1.0) * REACH
        if upper is not None:
            target = min(target, float(upper))
        direction = self._mean - self._limits
        direction[(direction < 0) & (self._best <= 0)] = 0.0
        norm = float((direction * direction).sum())
        if norm <= 1e-9 or target <= level or self.refuted:
            return self._refine()
        length = self._pace * (target - level) / norm
        tried = np.clip(self._best + direction * length, 0.0, self._ceiling)
        reached, starts = self._evaluate(tried)
        use = self._use(starts)
        if reached > self._level:
            if float(((use - self._limits) * direction).sum()) > 0:
                self._pace = min(self._pace * 1.1, 2.0)
            if reached - self._level > 1e-5 * abs(reached):
                self._idle = 0
            self._level = reached
            self._best = tried
        else:
            self._failed += 1
            if self._failed % PATIENCE == 0:
                self._pace *= 0.66
        self._idle += 1
        self._mean += (0.1 if self._pace > 0.01 else 0.05) * (use - self._mean)
        return True if self._idle < 250 and self._pace > 1e-4 else self._refine()

    def _refine(self) -> bool:
        """The next finer stage with the multipliers so far; False where there is none."""
        if not self._stages or self.refuted:
            return False
        per_slot = np.repeat(self._best, self._block, axis=1)[:, : self._instance.horizon]
        self._enter(*self._stages.pop(0))
        self._begin(per_slot[:, :: self._block].copy(), pace=0.05)
        return True
