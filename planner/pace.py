"""How much of its limits a search has used."""

from __future__ import annotations

import time
from dataclasses import replace
from math import inf

from planner.limits import Limits


class Pace:
    """Counts down `Limits`: seconds on the clock since `began` (`time.perf_counter()`), or deterministic work."""

    def __init__(self, limits: Limits, began: float, whole: Pace | None = None) -> None:
        self.limits = limits
        self.began = began
        self._worked = 0.0
        self._whole = whole

    @property
    def deterministic(self) -> bool:
        """Whether work is counted instead of time."""
        return self.limits.work is not None

    def left(self) -> float:
        """Seconds, or units of work, that are left."""
        if self.limits.work is not None:
            return max(self.limits.work - self._worked, 0.0)
        if self.limits.seconds is None:
            return inf
        return max(self.limits.seconds - (time.perf_counter() - self.began), 0.0)

    def worked(self, units: float) -> None:
        """Note deterministic work that was done."""
        self._worked += units
        if self._whole is not None:
            self._whole.worked(units)

    def part(self, share: float) -> Pace:
        """A share of what is left, counted from now; what it uses is used here, too."""
        now, left = time.perf_counter(), self.left()
        if self.deterministic:
            return Pace(replace(self.limits, work=left * share), now, self)
        return Pace(replace(self.limits, seconds=None if left == inf else left * share), now, self)

    def cancelled(self) -> bool:
        """Whether the caller wants an end."""
        return self.limits.cancelled is not None and self.limits.cancelled()

    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left() <= 0 or self.cancelled()
