"""Until when a plan may reach: the end of time for calendars, prices and searches."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from planner.calendars import CapacityBand

if TYPE_CHECKING:
    from planner.problem import Problem

DAY = 86400.0
_WEEKS_OF_BANDS = 14 * DAY
_BAND_STRETCH = 8
"""Where capacity comes and goes with the clock, work may need several times as long as it takes."""


def horizon(problem: Problem) -> float:
    """Seconds from the origin after which no plan worth having goes on.

    One task after the other, after the last period, reservation, release and window: by then everything fits that can
    ever fit. Hours of the clock come again and again: two weeks and a multiple of all work is laid out for them. A
    given horizon, and deadlines where every task has one, end it earlier.
    """
    last = work = 0.0
    all_due = True
    latest = 0.0
    for task in problem.tasks:
        last = max(last, task.release, task.preferred_start or 0.0)
        if task.window is not None:
            last = max(last, task.window[0])
        work += max(mode.duration * _slowest(mode.demands) for mode in task.modes)
        if task.deadline is None:
            all_due = False
        else:
            latest = max(latest, task.deadline)
    work += sum(arc.lag for arc in problem.precedence if arc.lag > 0)
    banded = False
    for pool in problem.pools:
        for part in pool.calendar:
            if isinstance(part, CapacityBand):
                banded = True
            else:
                last = max(last, part.end)
        if pool.price is not None:
            last = max((last, *(part.end for part in pool.price.periods)))
            banded = banded or bool(pool.price.bands)
    for reservation in problem.reservations:
        last = max(last, reservation.end)
        if reservation.movable:
            work += reservation.end - reservation.start
    if problem.current is not None and problem.current.schedule is not None:
        last = max(last, *problem.current.schedule.ends)
    end = last + (_WEEKS_OF_BANDS + _BAND_STRETCH * work if banded else work)
    return min(end, latest if all_due else inf, inf if problem.horizon is None else problem.horizon)


def _slowest(demands: tuple[object, ...]) -> float:
    """By what a duration grows when each malleable demand gets the least it may."""
    ratio = 1.0
    for demand in demands:
        low = getattr(demand, "min_amount", None)
        if low is not None:
            ratio *= (demand.amount / low) ** demand.speedup  # type: ignore[attr-defined]
    return ratio
