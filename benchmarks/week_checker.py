"""Whether a plan of tens of thousands of tasks keeps every rule: arithmetic of its own in seconds, by sweeps.

Of problems as `week_problems` makes them: one mode a task, nothing split, malleable or movable, no bursts or budgets.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from planner.calendars import CapacityPeriod
from planner.plan import Plan
from planner.problem import Pool

NEAR = 1e-5
"""Seconds, and units, that floats may be off by."""
HOUR = 3600.0


def check(plan: Plan) -> None:
    """Windows, precedence, capacity at every instant, the cost to the cent. Raises AssertionError."""
    problem, done = plan.problem, plan.assignments
    assert len(done) == len(problem.tasks), "tasks are missing"
    for task in problem.tasks:
        at = done[task.id]
        assert abs(at.end - at.start - task.modes[at.mode].duration) < NEAR, (
            f"{task.id} does not last as long as it does"
        )
        assert at.start >= task.release - NEAR, f"{task.id} starts before its release"
        assert task.window is None or task.window[0] - NEAR <= at.start <= task.window[1] + NEAR, f"{task.id}: window"
        assert task.deadline is None or at.end <= task.deadline + NEAR, f"{task.id} misses its deadline"
    for arc in problem.precedence:
        assert done[arc.after].start >= done[arc.before].end + arc.lag - NEAR, f"{arc.after} starts too early"
    total = sum(task.modes[done[task.id].mode].cost for task in problem.tasks)
    for pool in problem.pools:
        total += _sweep(plan, pool)
    assert abs(total - plan.cost) < 0.005 * max(1.0, total / 1e4), f"it costs {total}, not {plan.cost}"


def _sweep(plan: Plan, pool: Pool) -> float:
    """Check a pool from change to change; what its use costs."""
    changes: dict[float, float] = defaultdict(float)
    for at in plan.assignments.values():
        if amount := at.amounts.get(pool.id):
            changes[at.start] += amount
            changes[at.end] -= amount
    last = max(changes, default=0.0)
    for part in (*pool.calendar, *(() if pool.price is None else pool.price.periods)):
        for edge in (getattr(part, "start", None), getattr(part, "end", None)):
            if edge is not None and edge < last:
                changes[edge] += 0.0
    promised: dict[float, float] = defaultdict(float)
    for given in plan.problem.reservations:
        if given.pool == pool.id:
            for edge, amount in ((given.start, given.amount), (given.end, -given.amount)):
                promised[edge] += amount
                changes[edge] += 0.0
    for hour in range(int(last / HOUR) + 1):  # bands begin and end at full hours here
        changes[hour * HOUR] += 0.0
    moments = sorted(changes)
    used = reserved = money = 0.0
    for moment, following in pairwise(moments):
        used += changes[moment]
        reserved += promised.get(moment, 0.0)
        local = _clock(plan, pool, (moment + following) / 2) if pool.calendar or pool.price else None
        room = max(_capacity(pool, moment, local) - reserved, 0.0)
        assert used <= room + NEAR, f"{pool.id}: {used} of {room} held at {moment}"
        if used and pool.price is not None:
            money += used * _price(pool, moment, local) * (following - moment) / HOUR
    return money


def _clock(plan: Plan, pool: Pool, moment: float) -> datetime:
    assert plan.problem.origin is not None
    return (plan.problem.origin + timedelta(seconds=moment)).astimezone(ZoneInfo(pool.zone))


def _capacity(pool: Pool, moment: float, local: datetime | None) -> float:
    for part in pool.calendar:
        if isinstance(part, CapacityPeriod):
            if part.start <= moment < part.end:
                return part.capacity
        elif _holds(part, local):
            return part.capacity
    return pool.capacity


def _price(pool: Pool, moment: float, local: datetime | None) -> float:
    assert pool.price is not None
    for part in pool.price.periods:
        if part.start <= moment < part.end:
            return part.price
    return next((band.price for band in pool.price.bands if _holds(band, local)), pool.price.price)


def _holds(band: object, local: datetime | None) -> bool:
    """Bands within one day, or of a whole one."""
    assert local is not None
    begins, ends = band.begins, band.ends  # type: ignore[attr-defined]
    return local.weekday() in band.days and (begins == ends or begins <= local.time() < ends)  # type: ignore[attr-defined]
