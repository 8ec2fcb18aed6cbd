"""How far a part of the search may go: by the clock, or by counted work that gives the same plan each time."""

from __future__ import annotations

import threading
import time

from planner.limits import Limits


class Ending:
    """Whether the whole search is over: cancelled, close enough to the bound, or out of time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._begun = time.perf_counter()
        self._enough = threading.Event()
        self.counted = limits.work is not None
        self.total = limits.work if limits.work is not None else limits.seconds
        """Units or seconds in all; None: no end of its own."""

    def seconds(self) -> float:
        """Since the search began."""
        return time.perf_counter() - self._begun

    def enough(self) -> None:
        """The search has what it wants."""
        self._enough.set()

    def reached(self) -> bool:
        """No part may go on."""
        if self._enough.is_set() or (self._limits.cancelled is not None and self._limits.cancelled()):
            return True
        return not self.counted and self.total is not None and self.seconds() >= self.total


class Pace:
    """One part of the search: `units` of work, or until `until` seconds since the search began; `counted`: the units
    end it also where the search as a whole goes by the clock."""

    def __init__(self, ending: Ending, *, units: float, until: float, counted: bool = False) -> None:
        self.ending = ending
        self._counted = counted
        self._units = units
        self._from = ending.seconds()
        self._until = until
        self.done = 0.0
        """Units counted so far."""

    def part(self, share: float) -> Pace:
        """The next part of this one, of `share` units or seconds at most."""
        until = self.ending.seconds() + share
        # A last part that would be too short to be of use is joined to the one before.
        until = self._until if until + share / 2 > self._until else until
        left = self._units - self.done
        return Pace(self.ending, units=left if share * 1.5 > left else share, until=until)

    def counted_part(self, units: float) -> Pace:
        """The next part of this one, of so much work however long it takes, but no longer than this one."""
        left = self._units - self.done if self.ending.counted else units
        return Pace(self.ending, units=min(units, left), until=self._until, counted=True)

    def rest(self) -> tuple[float | None, float]:
        """What is left: seconds (None where work is counted) and units."""
        if self.ending.counted:
            return None, max(0.0, self._units - self.done)
        return max(0.0, self._until - self.ending.seconds()), float("inf")

    def worked(self, units: float) -> None:
        """Count work that was done."""
        self.done += units

    def progress(self) -> float:
        """0 .. 1; 1 is the end."""
        if self.ending.reached():
            return 1.0
        done = min(1.0, self.done / self._units) if self._units > 0 else 1.0
        if self.ending.counted:
            return done
        whole = self._until - self._from
        passed = min(1.0, (self.ending.seconds() - self._from) / whole) if whole > 0 else 1.0
        return max(done, passed) if self._counted else passed
