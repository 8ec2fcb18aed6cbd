"""What a search for the cheapest schedule comes to."""

from __future__ import annotations

from dataclasses import dataclass

from planner.plan import Status


@dataclass(frozen=True, slots=True)
class Result:
    """The best schedule so far, and what is known about the best there can be."""

    status: Status
    cost: int | None
    lower_bound: int
    """No schedule costs less (whatever the status, as long as there is one)."""
    starts: tuple[int, ...] | None
    """First slot of each task."""
    seconds: float
    """Wall-clock seconds until now."""
    gap: float | None
    """(cost - lower bound) / |cost|: 0 for an optimum, None without a schedule."""
    first_plan_seconds: float | None
    reason: str = ""
    """For INFEASIBLE: why."""
