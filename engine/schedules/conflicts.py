"""Whether a schedule can live with the others on the pools that all share.

Each run of a schedule is taken to start when it is due, each step as soon as those before it have ended; what they hold
together, with what is reserved, is compared with the capacity at every moment of the days to come. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from definitions.errors import Conflict, Problem, ProblemsError
from definitions.pools import PoolsDocument
from definitions.schedules import Schedule
from engine.planning.case import open_case
from engine.planning.pools import planner_pools
from engine.planning.request import Request, RequestInvalid
from planner import ProblemInvalid
from planner.calendars import capacity_steps
from planner.cpm import soonest
from store.reservations import Taken

LOOKS_AHEAD = timedelta(days=7)
MOST_TIMES = 300
"""Of each schedule, at which it is looked."""
MOST_TOLD = 10
_NEAR = 1e-6


class ScheduleConflict(ProblemsError, Conflict):
    """A schedule whose runs can't coexist with others on their pools; each problem is an instant."""

    default_code = "schedule_conflict"
    subject = "the schedule"


@dataclass(frozen=True, slots=True)
class Competitor:
    """A workflow with its schedule. `shown`: what the caller may know it by."""

    shown: str
    document: Mapping[str, Any]
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Clash:
    """An instant from which on more is held of a pool than there is."""

    at: datetime
    pool: str
    demand: float
    capacity: float
    others: tuple[str, ...]
    """Those that hold it beside the schedule in question."""

    def problem(self) -> Problem:
        """In words."""
        beside = f" beside {', '.join(self.others)}" if self.others else " alone"
        message = (
            f"at {self.at.isoformat()} it would{beside} take {self.demand:g} of {self.pool}, "
            f"and there {'is' if self.capacity == 1 else 'are'} {self.capacity:g}"
        )
        return Problem("schedule_conflict", "schedule", message, "choose other hours, or let its steps ask for less")


@dataclass(frozen=True, slots=True)
class _Change:
    """More or less is held from a moment on, in seconds."""

    at: float
    amount: float
    who: str


def clashes(
    mine: Competitor, others: Iterable[Competitor], taken: Sequence[Taken], pools: PoolsDocument, now: datetime
) -> list[Clash]:
    """The first instants at which `mine` does not fit. `taken`: reservations of planned workflows."""
    now = now.replace(microsecond=0)
    own = _changes(mine, pools, now, mine.shown)
    if not own:
        return []
    changes = {pool: list(found) for pool, found in own.items()}
    for number, other in enumerate(others):
        for pool, found in _changes(other, pools, now, f"{number}/{other.shown}").items():
            if pool in changes:
                changes[pool] += found
    for each in taken:
        if each.pool in changes:
            begins, ends = ((moment - now).total_seconds() for moment in (each.begins_at, each.ends_at))
            changes[each.pool].append(_Change(max(0.0, begins), each.amount, "/a planned workflow"))
            changes[each.pool].append(_Change(ends, -each.amount, "/a planned workflow"))
    told = [clash for pool in sorted(changes) for clash in _over(pool, changes[pool], mine.shown, pools, now)]
    return sorted(told, key=lambda clash: (clash.at, clash.pool))[:MOST_TOLD]


def _changes(each: Competitor, pools: PoolsDocument, now: datetime, who: str) -> dict[str, list[_Change]]:
    try:
        problem = open_case(Request((each.document,), now, pools)).problem
    except (RequestInvalid, ProblemInvalid):
        return {}  # it is to run at hours of its own, which are not those of a schedule
    shared = frozenset(pools.pools)
    durations = [task.modes[0].duration for task in problem.tasks]
    starts, ends = soonest(problem.graph, durations, [0.0] * len(durations))
    spans = [
        (start, end, demand.pool, demand.amount)
        for task, start, end in zip(problem.tasks, starts, ends, strict=True)
        for demand in task.modes[0].demands
        if demand.pool in shared and demand.amount > 0 and end > start
    ]
    found: dict[str, list[_Change]] = defaultdict(list)
    if spans:
        for at in _begins(each.schedule, max(ends), now):
            for start, end, pool, amount in spans:
                found[pool] += [_Change(at + start, amount, who), _Change(at + end, -amount, who)]
    return found


def _begins(schedule: Schedule, length: float, now: datetime) -> list[float]:
    """When its runs start, in seconds from now; those that overlap more than it allows itself are left out."""
    most = schedule.most_open
    found: list[float] = []
    for due in islice(schedule.schedule.timing.since(now), MOST_TIMES):
        if due > now + LOOKS_AHEAD:
            break
        at = (due - now).total_seconds()
        if most is None or len(found) < most or found[-most] + length <= at + _NEAR:
            found.append(at)
    return found


def _over(pool: str, changes: list[_Change], me: str, pools: PoolsDocument, now: datetime) -> list[Clash]:
    spec = next(each for each in planner_pools(pools, now) if each.id == pool)
    until = max(change.at for change in changes)
    capacity = capacity_steps(spec, now, until)
    factor = 1.0 + (spec.burst.share if spec.burst is not None else 0.0)
    moments = sorted({change.at for change in changes} | {time for time in capacity.times if time <= until})
    # What ends at a moment makes room for what begins there.
    ordered = sorted(changes, key=lambda change: change.at)
    holders: dict[str, float] = defaultdict(float)
    found: list[Clash] = []
    place, clashing = 0, False
    for moment in moments:
        while place < len(ordered) and ordered[place].at <= moment:
            holders[ordered[place].who] += ordered[place].amount
            place += 1
        total, there = sum(holders.values()), capacity.at(moment) * factor
        over = holders[me] > _NEAR and total > there + _NEAR
        if over and not clashing:
            others = {who.partition("/")[2] for who, amount in holders.items() if who != me and amount > _NEAR}
            at = now + timedelta(seconds=moment)
            found.append(Clash(at, pool, total, there, tuple(sorted(others))))
            if len(found) == MOST_TOLD:
                break
        clashing = over
    return found
