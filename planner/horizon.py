"""Until when a plan may reach: the end of time for calendars, prices and searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.calendars import CapacityBand
from planner.cpm import soonest
from planner.grid import coarsest_rounding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planner.problem import Demand, Pool, Problem

DAY = 86400.0
_WEEKS_OF_BANDS = 14 * DAY
_BAND_STRETCH = 8
"""Where capacity comes and goes with the clock, work may need several times as long as it takes."""


def horizon(problem: Problem) -> float:
    """Seconds from the origin after which no plan worth having goes on.

    One task after the other, after the last period, reservation, release and window: by then everything fits that can
    ever fit, also where each time is rounded up for a search. Hours of the clock come again and again: two weeks and a
    multiple of all work is laid out for them. A given horizon, and deadlines where every task has one, end it earlier.
    """
    work = sum(max([mode.duration * _slowest(mode.demands) for mode in task.modes]) for task in problem.tasks)
    work += sum(arc.lag for arc in problem.precedence if arc.lag > 0)
    work += sum(given.end - given.start for given in problem.reservations if given.movable)
    end = _last(problem) + (_WEEKS_OF_BANDS + _BAND_STRETCH * work if banded(problem) else work)
    return _ended(problem, end + _rounding(problem, end))


def likely_horizon(problem: Problem) -> float:
    """Until when a plan most likely reaches, with room to choose: where hours of the clock matter, laying out all that
    `horizon` allows would take longer than to plan."""
    durations = [min(mode.duration * _slowest(mode.demands) for mode in task.modes) for task in problem.tasks]
    longest = max(soonest(problem.graph, durations, [0.0] * len(durations))[1])
    held = dict.fromkeys((pool.id for pool in problem.pools), 0.0)
    for task, duration in zip(problem.tasks, durations, strict=True):
        for demand in task.modes[0].demands:
            held[demand.pool] += demand.amount * duration
    for pool in problem.pools:
        longest = max(longest, held[pool.id] / (pool.capacity or 1.0))
    return min(_ended(problem, _last(problem) + _cycles(problem) + 2 * longest), horizon(problem))


def banded(problem: Problem) -> bool:
    """Whether hours of the clock matter."""
    return any(
        (pool.price is not None and pool.price.bands) or any(isinstance(part, CapacityBand) for part in pool.calendar)
        for pool in _used(problem)
    )


def _used(problem: Problem) -> list[Pool]:
    """Pools that a task may hold: the hours of the others change nothing."""
    demanded = {demand.pool for task in problem.tasks for mode in task.modes for demand in mode.demands}
    return [pool for pool in problem.pools if pool.id in demanded]


def _cycles(problem: Problem) -> float:
    """Long enough for every hour of the clock to come a few times: three days, or ten where days of the week differ."""
    used = _used(problem)
    days = {band.days for pool in used for band in pool.calendar if isinstance(band, CapacityBand)}
    days.update(band.days for pool in used if pool.price is not None for band in pool.price.bands)
    return 10 * DAY if any(len(set(each)) < 7 for each in days) else 3 * DAY


def _ended(problem: Problem, end: float) -> float:
    """The end, or what the problem says of it."""
    if problem.horizon is not None:
        end = min(end, problem.horizon)
    if all(task.deadline is not None for task in problem.tasks):
        end = min(end, max(task.deadline or 0.0 for task in problem.tasks))
    return end


def _last(problem: Problem) -> float:
    """The last moment that a problem names: after it, only hours of the clock change anything."""
    last = 0.0
    for task in problem.tasks:
        last = max(last, task.release, task.preferred_start or 0.0, task.window[0] if task.window else 0.0)
    for pool in _used(problem):
        last = max((last, *(part.end for part in pool.calendar if not isinstance(part, CapacityBand))))
        if pool.price is not None:
            last = max((last, *(part.end for part in pool.price.periods)))
    last = max((last, *(given.end for given in problem.reservations)))
    if problem.current is not None and problem.current.schedule is not None:
        last = max(last, *problem.current.schedule.ends)
    return last


def _rounding(problem: Problem, end: float) -> float:
    """How much later everything may have ended on the grid of a search, which puts the last moment, the end of each
    task, each lag and both ends of movable reservations up to a tick later."""
    movable = sum(given.movable for given in problem.reservations)
    return (1 + len(problem.tasks) + len(problem.precedence) + 2 * movable) * coarsest_rounding(problem, end)


def _slowest(demands: Sequence[Demand]) -> float:
    """By what a duration grows when each malleable demand gets the least it may."""
    ratio = 1.0
    for demand in demands:
        if demand.min_amount is not None:
            ratio *= (demand.amount / demand.min_amount) ** demand.speedup
    return ratio
