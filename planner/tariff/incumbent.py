"""The best schedule so far, whoever found it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from planner.limits import Limits
from planner.plan import Status
from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.pacing import Ending
from planner.tariff.result import Result


class Incumbent:
    """Takes schedules and bounds from all threads; only ever gets better, and tells of each better schedule."""

    def __init__(
        self, instance: TariffInstance, limits: Limits, ending: Ending, on_plan: Callable[[Result], None] | None
    ) -> None:
        self._instance = instance
        self._limits = limits
        self._ending = ending
        self._on_plan = on_plan
        self._lock = threading.Lock()
        self._first: float | None = None
        self.starts: Ints | None = None
        self.cost: int | None = None
        self.bound = -(1 << 62)

    def offer(self, starts: Ints) -> None:
        """A schedule: checked by definition, kept if it is the cheapest."""
        cost = self._instance.cost(starts)
        with self._lock:
            if (self.cost is not None and cost > self.cost) or self._instance.faults(starts):
                return
            if cost == self.cost and self.starts is not None:
                # Which thread comes first must not matter where work is counted.
                self.starts = min(self.starts, starts.copy(), key=lambda each: tuple(each.tolist()))
                return
            self.starts, self.cost = starts.copy(), cost
            if self._first is None:
                self._first = self._ending.seconds()
            result = self.result()
            # Told under the lock, or a slower thread could tell of a dearer schedule afterwards.
            if self._on_plan is not None:
                self._on_plan(result)
        self.check()

    def raise_bound(self, bound: int) -> None:
        """No schedule costs less than `bound`."""
        with self._lock:
            self.bound = max(self.bound, bound)
        self.check()

    def check(self, *, settled: bool = False) -> None:
        """End the search where the gap is small enough; with counted work only where all threads have `settled`."""
        gap = self.result().gap
        if gap is not None and gap <= self._limits.gap and (settled or not self._ending.counted):
            self._ending.enough()

    def result(self, *, infeasible: str = "") -> Result:
        """What is known now; `infeasible`: why there is no schedule."""
        seconds = self._ending.seconds()
        if self.cost is None or self.starts is None:
            status = Status.INFEASIBLE if infeasible else Status.UNKNOWN
            return Result(status, None, self.bound, None, seconds, None, None, infeasible)
        below = self.cost - self.bound
        return Result(
            status=Status.OPTIMAL if below <= 0 else Status.FEASIBLE,
            cost=self.cost,
            lower_bound=min(self.bound, self.cost),
            starts=tuple(self.starts.tolist()),
            seconds=seconds,
            gap=0.0 if below <= 0 else below / max(abs(self.cost), 1),
            first_plan_seconds=self._first,
        )
