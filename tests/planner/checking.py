"""Whether a plan keeps every rule of its problem, by arithmetic of its own in seconds: nothing of a solver is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from math import fsum
from zoneinfo import ZoneInfo

from planner.plan import Assignment, Plan
from planner.problem import CapacityPeriod, Mode, Pool, Problem, Task

NEAR = 1e-5
"""Seconds, and units, that floats may be off by."""
MINUTE = 60.0


def faults(plan: Plan) -> list[str]:
    """Every rule that a plan breaks, in words. Empty: it breaks none."""
    return list(_faults(plan))


def _faults(plan: Plan) -> Iterator[str]:
    problem = plan.problem
    done = dict(plan.assignments)
    if set(done) != {task.id for task in problem.tasks}:
        yield f"tasks in the plan are {sorted(done)}"
        return
    for task in problem.tasks:
        yield from _task(task, done[task.id])
    for arc in problem.precedence:
        if done[arc.after].start < done[arc.before].end + arc.lag - NEAR:
            yield f"{arc.after} starts at {done[arc.after].start}, {arc.before} ends at {done[arc.before].end}"
    if problem.horizon is not None:
        yield from (f"{a.task} ends after the horizon" for a in done.values() if a.end > problem.horizon + NEAR)
    for limit in problem.max_durations:
        fellows = [done[task.id] for task in problem.tasks if limit.group in (None, task.group)]
        lasts = max(each.end for each in fellows) - min(each.start for each in fellows)
        if lasts > limit.seconds + NEAR:
            yield f"{limit}: it takes {lasts} s"
    for pool in problem.pools:
        yield from _pool(plan, pool)
    yield from _money(plan)


def _task(task: Task, done: Assignment) -> Iterator[str]:
    mode = task.modes[done.mode]
    held = sum(end - start for start, end in done.parts)
    expected = _duration(mode, done)
    if abs(held - expected) > NEAR:
        yield f"{task.id} runs for {held} s, its mode takes {expected} s"
    if (done.parts[0][0], done.parts[-1][1]) != (done.start, done.end):
        yield f"{task.id}: its parts {done.parts} are not from {done.start} to {done.end}"
    if any(after < before - NEAR for (_, before), (after, _) in pairwise(done.parts)):
        yield f"{task.id}: its parts {done.parts} overlap"
    if len(done.parts) > (task.max_parts if task.splittable else 1):
        yield f"{task.id} has {len(done.parts)} parts"
    if len(done.parts) > 1 and min(end - start for start, end in done.parts) < min(task.min_part, held) - NEAR:
        yield f"{task.id}: a part of {done.parts} is shorter than {task.min_part} s"
    earliest = max(task.release, task.window[0] if task.window else 0.0)
    if done.start < earliest - NEAR:
        yield f"{task.id} starts at {done.start}, before {earliest}"
    if task.window is not None and done.start > task.window[1] + NEAR:
        yield f"{task.id} starts at {done.start}, after {task.window[1]}"
    if task.deadline is not None and done.end > task.deadline + NEAR:
        yield f"{task.id} ends at {done.end}, after its deadline {task.deadline}"


def _duration(mode: Mode, done: Assignment) -> float:
    seconds = mode.duration
    for demand in mode.demands:
        given = done.amounts[demand.pool]
        low = demand.amount if demand.min_amount is None else demand.min_amount
        high = demand.amount if demand.max_amount is None else demand.max_amount
        assert low - NEAR <= given <= high + NEAR, (done.task, demand, given)
        if given:
            seconds *= (demand.amount / given) ** demand.speedup
    return seconds


def _uses(plan: Plan, pool: Pool) -> list[tuple[float, float, float]]:
    """What tasks and movable reservations hold: (start, end, amount)."""
    uses = [
        (start, end, done.amounts[pool.id])
        for done in plan.assignments.values()
        if done.amounts.get(pool.id)
        for start, end in done.parts
        if end - start > NEAR
    ]
    moved = {} if plan.schedule is None else plan.schedule.moved
    for number, given in enumerate(plan.problem.reservations):
        if given.movable and given.pool == pool.id:
            start = moved.get(number, given.start)
            uses.append((start, start + given.end - given.start, given.amount))
    return uses


def capacity(problem: Problem, pool: Pool, moment: float) -> float:
    """A pool's capacity at a moment by its calendar: periods before bands, the first band that matches."""
    for part in pool.calendar:
        if isinstance(part, CapacityPeriod) and part.start <= moment < part.end:
            return part.capacity
    bands = [part for part in pool.calendar if not isinstance(part, CapacityPeriod)]
    found = _banded(problem, pool, bands, moment)
    return pool.capacity if found is None else bands[found].capacity


def price(problem: Problem, pool: Pool, moment: float) -> float:
    """Money for a unit and hour at a moment."""
    if pool.price is None:
        return 0.0
    for part in pool.price.periods:
        if part.start <= moment < part.end:
            return part.price
    found = _banded(problem, pool, pool.price.bands, moment)
    return pool.price.price if found is None else pool.price.bands[found].price


def _banded(problem: Problem, pool: Pool, bands: Iterable[object], moment: float) -> int | None:
    """The first band whose hours the clock of the pool's zone reads at a moment."""
    for number, band in enumerate(bands):
        assert problem.origin is not None
        # added in absolute time, not on the wall's clock
        utc = problem.origin.astimezone(ZoneInfo("UTC")) + timedelta(seconds=moment + 1e-4)
        local = utc.astimezone(ZoneInfo(pool.zone))
        begins, ends, days = band.begins, band.ends, band.days  # type: ignore[attr-defined]
        clock, today = local.time(), local.weekday()
        if begins < ends:
            holds = begins <= clock < ends and today in days
        else:
            holds = (clock >= begins and today in days) or (clock < ends and (today - 1) % 7 in days)
        if holds:
            return number
    return None


def _edges(plan: Plan, pool: Pool, uses: list[tuple[float, float, float]]) -> list[float]:
    """Moments between which nothing changes: every edge, and every minute where clocks matter."""
    last = max((end for _, end, _ in uses), default=0.0)
    edges = {0.0, last}
    for start, end, _ in uses:
        edges.update((start, end))
    for part in pool.calendar:
        if isinstance(part, CapacityPeriod):
            edges.update((part.start, part.end))
    for given in plan.problem.reservations:
        edges.update((given.start, given.end))
    banded = any(not isinstance(part, CapacityPeriod) for part in pool.calendar)
    if pool.price is not None:
        edges.update(edge for part in pool.price.periods for edge in (part.start, part.end))
        banded = banded or bool(pool.price.bands)
    if banded and plan.problem.origin is not None:
        offset = plan.problem.origin.timestamp() % MINUTE
        edges.update(minute * MINUTE - offset for minute in range(int(last / MINUTE) + 2))
    return sorted(edge for edge in edges if 0 <= edge <= last)


def _pool(plan: Plan, pool: Pool) -> Iterator[str]:
    problem, uses = plan.problem, _uses(plan, pool)
    share = pool.burst.share if pool.burst else 0.0
    stretch = 0.0
    for start, end in pairwise(_edges(plan, pool, uses)):
        if end - start <= 2 * NEAR:
            continue
        middle = (start + end) / 2
        held = sum(amount for begin, until, amount in uses if begin < middle < until)
        if not held:
            stretch = 0.0
            continue
        whole = capacity(problem, pool, middle)
        promised = sum(
            given.amount
            for given in problem.reservations
            if given.pool == pool.id and not given.movable and given.start <= middle < given.end
        )
        usual, most = max(whole - promised, 0.0), max(whole * (1 + share) - promised, 0.0)
        if held > most + NEAR:
            yield f"{pool.id}: {held} of {most} held from {start} to {end}"
        stretch = stretch + end - start if held > usual + NEAR else 0.0
        if pool.burst is not None and stretch > pool.burst.longest + 10 * NEAR:
            yield f"{pool.id}: above its capacity for {stretch} s until {end}"


def _money(plan: Plan) -> Iterator[str]:
    problem = plan.problem
    modes = {task.id: task.modes[plan.assignments[task.id].mode] for task in problem.tasks}
    each = {name: mode.cost for name, mode in modes.items()}
    surcharge = 0.0
    for pool in problem.pools:
        if pool.price is None:
            continue
        for start, end in pairwise(_edges(plan, pool, _uses(plan, pool))):
            middle, hours = (start + end) / 2, (end - start) / 3600
            rate = price(problem, pool, middle)
            held = 0.0
            for done in plan.assignments.values():
                if any(begin < middle < until for begin, until in done.parts):
                    amount = done.amounts.get(pool.id, 0.0)
                    each[done.task] += amount * rate * hours
                    held += amount
            if pool.burst is not None:
                surcharge += _surcharge(plan, pool, middle, held) * rate * hours
    moves = 0.0
    if plan.schedule is not None:
        moves = sum(problem.reservations[number].penalty for number in plan.schedule.moved)
    total = fsum(each.values()) + surcharge + moves
    if abs(total - plan.cost) > 0.005:
        yield f"the plan says it costs {plan.cost}, and it costs {total}"
    for name, done in plan.assignments.items():
        if abs(each[name] - done.cost) > 0.005:
            yield f"the plan says {name} costs {done.cost}, and it costs {each[name]}"
    for budget in problem.budgets:
        spent = total
        if budget.group is not None:
            spent = fsum(each[task.id] for task in problem.tasks if task.group == budget.group)
        if round(spent, 2) > round(budget.amount, 2):
            yield f"budget {budget}: {spent} spent"


def _surcharge(plan: Plan, pool: Pool, moment: float, held: float) -> float:
    """Units above the capacity at a moment, times what they cost more."""
    assert pool.burst is not None
    reserved = [given for given in plan.problem.reservations if given.pool == pool.id]
    promised = sum(r.amount for r in reserved if not r.movable and r.start <= moment < r.end)
    moved = sum(
        amount
        for begin, until, amount in _uses(plan, pool)[len(_uses(plan, pool)) - _movable(plan, pool) :]
        if begin < moment < until
    )
    above = held + moved - max(capacity(plan.problem, pool, moment) - promised, 0.0)
    return max(above, 0.0) * (pool.burst.price_factor - 1)


def _movable(plan: Plan, pool: Pool) -> int:
    return sum(given.movable and given.pool == pool.id for given in plan.problem.reservations)
