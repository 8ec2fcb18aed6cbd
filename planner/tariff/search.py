"""Finds the cheapest schedule: a first one at once, then annealing beside the bound, then annealing from the best."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from planner.limits import Limits
from planner.tariff.incumbent import Incumbent
from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.listing import list_schedules
from planner.tariff.pacing import Ending, Pace
from planner.tariff.result import Result
from planner.tariff.windows import Windows, tighten

OPENING = 0.04
"""Share of the whole for a first short annealing."""


def solve(
    instance: TariffInstance, limits: Limits | None = None, on_plan: Callable[[Result], None] | None = None
) -> Result:
    """The cheapest schedule within the limits, and a bound below all schedules.

    `on_plan` is called, from whichever thread, with each better schedule and never with a dearer one. With
    `limits.work` the same instance and seed give the same schedule each time.
    """
    limits = limits or Limits()
    ending = Ending(limits)
    incumbent = Incumbent(instance, limits, ending, on_plan)
    windows = tighten(instance)
    if windows.reason:
        return incumbent.result(infeasible=windows.reason)
    for starts in list_schedules(instance, windows):
        incumbent.offer(starts)
    return _Search(instance, windows, limits, ending, incumbent).run()


class _Search:
    def __init__(
        self, instance: TariffInstance, windows: Windows, limits: Limits, ending: Ending, incumbent: Incumbent
    ) -> None:
        # Here, so that a first schedule needs neither the compiler nor the solver.
        from planner.tariff.annealing import Annealer
        from planner.tariff.bound import Bound
        from planner.tariff.capacity_rows import capacity_rows

        self._instance = instance
        self._windows = windows
        self._limits = limits
        self._ending = ending
        self._incumbent = incumbent
        self._annealer = Annealer(instance, windows)
        self._bound = Bound(instance, windows, capacity_rows(instance))

    def run(self) -> Result:
        total = 10.0 if self._ending.total is None else self._ending.total
        self._anneal(0, self._windows.earliest, Pace(self._ending, units=total * OPENING, until=total * OPENING))
        self._incumbent.raise_bound(self._bound.value)
        with ThreadPoolExecutor(1) as pool:
            rest = Pace(self._ending, units=total * (1 - OPENING), until=total)
            other = pool.submit(self._anneal, 1, self._windows.earliest, rest)
            self._lower(Pace(self._ending, units=total * 0.5, until=total * 0.5))
            self._anneal(2, self._windows.earliest, Pace(self._ending, units=total * 0.5, until=total))
            other.result()
        return self._incumbent.result()

    def _anneal(self, number: int, starts: Ints, pace: Pace) -> None:
        self._annealer.run(starts, self._limits.seed * 1009 + number, pace, self._incumbent.offer)

    def _lower(self, pace: Pace) -> None:
        """Raise the bound."""
        upper = self._incumbent.cost
        while pace.progress() < 1.0 and self._bound.step(upper):
            pace.worked(0.01)
            self._incumbent.raise_bound(self._bound.value)
