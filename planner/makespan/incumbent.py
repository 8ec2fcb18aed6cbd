"""The best schedule so far, whoever found it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from planner.limits import Limits
from planner.makespan.reduction import Reduced
from planner.makespan.result import Result
from planner.plan import Status


class Incumbent:
    """Takes schedules and bounds from all threads; only ever gets better, and tells of each better schedule.

    Modes are numbered as in the reduced instance inside, as in the original in results.
    """

    def __init__(
        self, reduced: Reduced, limits: Limits, begun: float, on_plan: Callable[[Result], None] | None
    ) -> None:
        self._reduced = reduced
        self._limits = limits
        self._begun = begun
        self._on_plan = on_plan
        self._lock = threading.RLock()
        self._first: float | None = None
        self._over = threading.Event()
        self._infeasible = False
        self.makespan: int | None = None
        self.lower_bound = 0
        self.starts: tuple[int, ...] = ()
        self.modes: tuple[int, ...] = ()

    def offer(self, starts: Sequence[int], modes: Sequence[int]) -> None:
        """A schedule that keeps every rule: kept if it is the shortest."""
        instance = self._reduced.instance
        ends = (
            start + instance.durations[task][mode] for task, (start, mode) in enumerate(zip(starts, modes, strict=True))
        )
        makespan = max(ends, default=0)
        with self._lock:
            if self.makespan is not None and makespan >= self.makespan:
                return
            self.makespan, self.starts, self.modes = makespan, tuple(starts), tuple(modes)
            if self._first is None:
                self._first = self.seconds()
            # Told under the lock, or a slower thread could tell of a longer schedule afterwards.
            if self._on_plan is not None:
                self._on_plan(self.result())
            self._check()

    def raise_bound(self, bound: int) -> None:
        """No schedule is shorter than `bound`."""
        with self._lock:
            self.lower_bound = max(self.lower_bound, bound)
            self._check()

    def refute(self) -> None:
        """There is no schedule shorter than the best so far; without one, there is none at all."""
        with self._lock:
            if self.makespan is None:
                self._infeasible = True
                self._over.set()
            else:
                self.raise_bound(self.makespan)

    def snapshot(self) -> tuple[int | None, tuple[int, ...], tuple[int, ...]]:
        """Makespan, starts and modes that belong together."""
        with self._lock:
            return self.makespan, self.starts, self.modes

    @property
    def over(self) -> bool:
        """Whether the search has what it wants, or has been told to stop."""
        if self._limits.cancelled is not None and self._limits.cancelled():
            self._over.set()
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the search is over, so long at most; whether it is."""
        return self._over.wait(seconds) or self.over

    def stop(self) -> None:
        """No thread goes on."""
        self._over.set()

    def seconds(self) -> float:
        """Since the search began."""
        return time.perf_counter() - self._begun

    def result(self) -> Result:
        """What is known now."""
        with self._lock:
            if self.makespan is None:
                status = Status.INFEASIBLE if self._infeasible else Status.UNKNOWN
                return Result(status, None, self.lower_bound, (), (), self.seconds(), None, None)
            lower = min(self.lower_bound, self.makespan)
            return Result(
                status=Status.OPTIMAL if lower == self.makespan else Status.FEASIBLE,
                makespan=self.makespan,
                lower_bound=lower,
                starts=self.starts,
                modes=tuple(self._reduced.original_modes(self.modes)),
                seconds=self.seconds(),
                gap=(self.makespan - lower) / max(1, self.makespan),
                first_plan_seconds=self._first,
            )

    def _check(self) -> None:
        if self.makespan is not None and self.makespan - self.lower_bound <= self._limits.gap * self.makespan:
            self._over.set()
