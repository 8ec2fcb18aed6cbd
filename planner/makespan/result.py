"""What a search for the shortest schedule comes to."""

from __future__ import annotations

from dataclasses import dataclass

from planner.plan import Status


@dataclass(frozen=True, slots=True)
class Result:
    """The best schedule so far, and what is known about the best there can be."""

    status: Status
    makespan: int | None
    """End of the last task; None without a schedule."""
    lower_bound: int
    """No schedule is shorter (whatever the status, as long as there is one)."""
    starts: tuple[int, ...]
    """By task; empty without a schedule."""
    modes: tuple[int, ...]
    """By task: the chosen mode's number; empty without a schedule."""
    seconds: float
    """Wall-clock seconds until now."""
    gap: float | None
    """(makespan - lower bound) / makespan: 0 for an optimum, None without a schedule."""
    first_plan_seconds: float | None
    """When the first schedule was there."""
