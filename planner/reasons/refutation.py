"""Proofs without a search that there is no plan: a path too long, no room in a pool, too much work, too little money.

The energy of work that must lie within an interval against what a pool can give there is the simplest form of energetic
reasoning: Baptiste, Le Pape and Nuijten, "Constraint-Based Scheduling", 2001, chapter 3.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from planner.bounds import cheapest
from planner.costs import CENT
from planner.group_spans import too_long
from planner.profile import NEVER, Profile
from planner.reasons.constraints import Constraint, Kind, constraints

if TYPE_CHECKING:
    from planner.compiled import Compiled, GridPool, Way

_MOST_INTERVALS = 200
"""Beginnings of intervals that are looked at for each pool; of more, only some."""


@dataclass(frozen=True, slots=True)
class Refutation:
    """What is enough to see that there is no plan, by position."""

    tasks: frozenset[int]
    """With all that comes before and after them."""
    pools: frozenset[int] = frozenset()
    budget: int | None = None
    span: tuple[int, int] | None = None
    """The interval, in ticks, that holds too much work."""


def refute(compiled: Compiled) -> Refutation | None:
    """A proof that there is no plan, if there is a cheap one."""
    if compiled.empty:
        return Refutation(frozenset(compiled.empty[:1]))
    if compiled.torn is not None:
        return Refutation(frozenset((compiled.torn.task,)))
    earliest = list(compiled.earliest)
    found = _no_room(compiled, earliest)
    if found is not None:
        return found
    for each in too_long(compiled):
        return Refutation(frozenset(each.tasks), frozenset() if each.pool is None else frozenset((each.pool,)))
    for pool in range(len(compiled.pools)):
        if (found := _too_much_work(compiled, pool, earliest)) is not None:
            return found
    return _too_dear(compiled)


def candidates(compiled: Compiled, found: Refutation) -> list[Constraint]:
    """The limits that a refutation can rest on, in the order of `constraints`: usually far fewer than there are."""
    problem, graph = compiled.problem, compiled.graph
    before, after = _closure(graph.predecessors, found.tasks), _closure(graph.successors, found.tasks)
    groups = [set(each.members) for each in compiled.group_spans]
    while any(each & (before | after) and not each <= before & after for each in groups):
        # who starts too early or ends too late for a group brings in what keeps it from doing otherwise
        joined = set[int]().union(*(each for each in groups if each & (before | after)))
        before, after = _closure(graph.predecessors, joined | before), _closure(graph.successors, joined | after)
    names = [{problem.tasks[task].id for task in each} for each in (before, after)]
    own = {Kind.DEADLINE: after, Kind.WINDOW: before | after, Kind.RELEASE: before}
    pools = {problem.pools[number].id for number in found.pools}

    def matters(each: Constraint) -> bool:
        if each.kind in own:
            return each.position in own[each.kind]
        if each.kind in (Kind.CAPACITY, Kind.CALENDAR):
            return each.position in found.pools
        if each.kind is Kind.RESERVATION:
            return problem.reservations[each.position].pool in pools
        if each.kind is Kind.BUDGET:
            return each.position == found.budget
        if each.kind is Kind.PRECEDENCE:
            arc = problem.precedence[each.position]
            return any(arc.before in each and arc.after in each for each in names)
        return True

    return [each for each in constraints(problem) if matters(each)]


def _closure(arcs: list[list[tuple[int, int]]], tasks: Iterable[int]) -> set[int]:
    found = set(tasks)
    pending = list(found)
    while pending:
        for other, _ in arcs[pending.pop()]:
            if other not in found:
                found.add(other)
                pending.append(other)
    return found


def _no_room(compiled: Compiled, earliest: list[int]) -> Refutation | None:
    """A task that starts too late, or never, if each that it waits for has the pools to itself. Raises `earliest`."""
    profiles = [Profile(pool) for pool in compiled.pools]
    waited: list[frozenset[int]] = [frozenset() for _ in earliest]
    for task in compiled.graph.order:
        ways = compiled.ways[task]
        best = NEVER
        soonest = NEVER
        for way in ways:
            start = _alone(profiles, way, earliest[task], _piece(compiled, task, way))
            best = min(best, start)
            soonest = min(soonest, start + way.ticks)
        pools = frozenset(pool for way in ways for pool, _ in way.needs) if best > earliest[task] else frozenset()
        earliest[task] = best
        waited[task] |= pools
        if best > compiled.latest[task]:
            return Refutation(frozenset((task,)), waited[task])
        for after, lag in compiled.graph.successors[task]:
            earliest[after] = max(earliest[after], soonest + lag)
            waited[after] |= waited[task]
    return None


def _piece(compiled: Compiled, task: int, way: Way) -> int:
    """The ticks that must be done in one go at the start of a task."""
    return min(compiled.min_part[task], way.ticks) if compiled.problem.tasks[task].splittable else way.ticks


def _alone(profiles: list[Profile], way: Way, start: int, ticks: int) -> int:
    """When a task could start with all pools to itself."""
    moved = bool(ticks)
    while moved:
        moved = False
        for pool, units in way.needs:
            found = profiles[pool].first_fit(start, ticks, units)
            if found == NEVER:
                return NEVER
            moved |= found > start
            start = max(start, found)
    return start


def _too_much_work(compiled: Compiled, pool: int, earliest: list[int]) -> Refutation | None:
    """An interval in which tasks must hold more of a pool, in units times ticks, than it has."""
    work: list[tuple[int, int, int, int]] = []
    for task in range(len(compiled.ways)):
        energy = _least_work(compiled, task, pool)
        if energy:
            work.append((_latest_end(compiled, task), earliest[task], energy, task))
    work.sort()
    begins = sorted({start for _, start, _, _ in work})
    supply = _Supply(compiled.pools[pool])
    for begin in begins[:: max(1, len(begins) // _MOST_INTERVALS)]:
        held: list[int] = []
        total = 0
        for end, start, energy, task in work:
            if start < begin:
                continue
            total += energy
            held.append(task)
            if total > supply.between(begin, end):
                return Refutation(frozenset(held), frozenset((pool,)), span=(begin, end))
    return None


def _latest_end(compiled: Compiled, task: int) -> int:
    if compiled.problem.tasks[task].splittable:
        return compiled.last_end[task]
    # where its own window limits the start, a slower way ends later
    longest = max(way.ticks for way in compiled.ways[task])
    return min(compiled.latest[task] + longest, compiled.last_end[task])


def earliest_end(compiled: Compiled, task: int) -> int:
    """No plan ends a task earlier, in ticks: what others must have done by a moment leaves a pool only so much for it
    until then. 0 where that says nothing."""
    found = 0
    for pool, given in enumerate(compiled.pools):
        most = max(dict(way.needs).get(pool, 0) for way in compiled.ways[task])
        if not most:
            continue
        supply, done = _Supply(given), _least_work(compiled, task, pool)
        others = [
            (_latest_end(compiled, other), _least_work(compiled, other, pool))
            for other in range(len(compiled.ways))
            if other != task
        ]
        for end, energy in sorted(others):
            done += energy
            if energy and end < compiled.horizon and (more := done - supply.between(0, end)) > 0:
                found = max(found, end - (-more // most))
    return found


def _least_work(compiled: Compiled, task: int, pool: int) -> int:
    """What a task holds of a pool at least, in units times ticks."""
    return min(sum(units * way.ticks for number, units in way.needs if number == pool) for way in compiled.ways[task])


class _Supply:
    """What a pool gives, bursts counted in, in units times ticks."""

    def __init__(self, pool: GridPool) -> None:
        self._times = pool.times
        self._rates = [free + extra for free, extra in zip(pool.free, pool.extra, strict=True)]
        self._before = [0]
        for place, (begin, end) in enumerate(pairwise(pool.times)):
            self._before.append(self._before[-1] + (end - begin) * self._rates[place])

    def _until(self, moment: int) -> int:
        place = max(bisect_right(self._times, moment) - 1, 0)
        return self._before[place] + (moment - self._times[place]) * self._rates[place]

    def between(self, begin: int, end: int) -> int:
        return self._until(end) - self._until(begin)


def _too_dear(compiled: Compiled) -> Refutation | None:
    """A budget below what its tasks cost if each has its cheapest way and time."""
    problem = compiled.problem
    for number, budget in enumerate(problem.budgets):
        if round(cheapest(compiled, budget.group), 6) > budget.amount + CENT / 2:
            tasks = (i for i, task in enumerate(problem.tasks) if budget.group is None or task.group == budget.group)
            return Refutation(frozenset(tasks), budget=number)
    return None
