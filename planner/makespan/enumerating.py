"""Enumeration as the search uses it: ask for something shorter than the incumbent until there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from planner.makespan.bounds import Bounds
from planner.makespan.incumbent import Incumbent
from planner.makespan.instance import Instance
from planner.makespan.packing import Packed

MOST_TASKS = 62
"""Sets of tasks are bits of a signed word."""
SMALL = 40
"""Up to so many tasks, the best schedule is found soon, and enumeration, the strongest proof, may take all the time."""
MOST_PARTIAL = 1_000_000
"""Partial schedules of one size: about 100 MB each for two sizes at a time."""


class Enumerating:
    """Gives up for good once it has run out of room."""

    per_second = 100_000.0
    """Partial schedules expanded, roughly."""

    def __init__(self, instance: Instance, bounds: Bounds, packed: Packed, incumbent: Incumbent) -> None:
        self._instance = instance
        self._bounds = bounds
        self._packed = packed
        self._incumbent = incumbent
        self.share = 1.0 if len(instance) <= SMALL else 0.25
        """Of the time left, what a run may take."""
        self.worthwhile = _expressible(instance)

    def run(self, enumeration: ModuleType, go_on: Callable[[int], bool]) -> None:
        """Until there is nothing shorter, or no more room, or `go_on` says no."""
        while not self._incumbent.over:
            makespan, _, modes = self._incumbent.snapshot()
            if makespan is None:
                return
            answer = enumeration.schedule_within(
                self._instance, self._bounds, self._packed, makespan - 1, MOST_PARTIAL, go_on
            )
            if answer.starts is not None:
                self._incumbent.offer(answer.starts, modes)
            elif answer.complete:
                self._incumbent.raise_bound(makespan)
            else:
                self.worthwhile = self.worthwhile and not answer.full
                return


def _expressible(instance: Instance) -> bool:
    """One mode each, no lags, releases or deadlines, not too many tasks, and energy fits a word."""
    return (
        len(instance) <= MOST_TASKS
        and all(len(modes) == 1 for modes in instance.durations)
        and not any(any(lags) for lags in instance.lags)
        and not any(instance.releases)
        and all(deadline is None for deadline in instance.deadlines)
        and max(instance.capacities, default=0) * instance.horizon() < 1 << 62
    )
