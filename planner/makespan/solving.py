"""Finds a shortest schedule: a first one at once, then a genetic algorithm beside CP-SAT's bounds and proofs.

Where the bound meets the first schedule, nothing is searched and nothing large is imported. With several workers and
a clock, the two searches are threads side by side; with one worker, or counted work, they take turns that double.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from planner.limits import Limits
from planner.makespan.bounds import energy_bounds, precedence_bounds
from planner.makespan.first_plan import first_plan
from planner.makespan.incumbent import Incumbent
from planner.makespan.instance import Instance
from planner.makespan.reduction import reduce_modes
from planner.makespan.result import Result
from planner.plan import Status


def solve(instance: Instance, limits: Limits | None = None, on_plan: Callable[[Result], None] | None = None) -> Result:
    """The shortest schedule found within the limits; `on_plan` hears of each one that is shorter than all before.

    `lower_bound` holds whatever the status. With `limits.work`, the same instance and seed give the same schedule.
    """
    begun = time.perf_counter()
    limits = limits or Limits()
    reduced = reduce_modes(instance)
    if reduced is None:
        return Result(Status.INFEASIBLE, None, 0, (), (), time.perf_counter() - begun, None, None)
    bounds = precedence_bounds(reduced.instance)
    incumbent = Incumbent(reduced, limits, begun, on_plan)
    latest = bounds.latest_starts(reduced.instance, reduced.instance.horizon())
    if any(last < head for last, head in zip(latest, bounds.heads, strict=True)):
        incumbent.refute()
        return incumbent.result()
    incumbent.raise_bound(bounds.lower_bound)
    first = first_plan(reduced.instance, bounds)
    if first is not None:
        incumbent.offer(*first)
    if not incumbent.over:
        bounds = energy_bounds(reduced.instance, bounds)
        incumbent.raise_bound(bounds.lower_bound)
    if not incumbent.over:
        from planner.makespan.search import Search

        Search(reduced.instance, bounds, incumbent, limits).run()
    return incumbent.result()
