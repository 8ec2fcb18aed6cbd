"""Figures of the whole system, from its records and reservations (`docs/metrics.md`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from definitions.moments import parse_moment
from definitions.pools import PoolsDocument
from engine.planning.pools import planner_pools
from engine.scheduling.pools import PoolBook
from planner.calendars import capacity_steps
from store.database import Database
from store.reservations import Taken, list_taken
from store.scheduling_statistics import Counted, count, starts_since

SLOT = timedelta(minutes=30)
"""The peak window is told in such slots."""
_NEAR_PEAK = 0.9


@dataclass(frozen=True)
class SystemStatistics:
    """Over all workflows of everybody."""

    at: datetime
    """The moment that "now" and "today" are of."""
    counted: Counted
    in_use: Mapping[str, float]
    """Pool -> share of its capacity of this moment that is reserved now."""
    mean_wait: float
    """Seconds from when it could have started to when it did, over the runs that started today."""
    peak: tuple[datetime, datetime] | None
    """The hours of today around the slot in which most is reserved; None: nothing is."""


async def system_statistics(database: Database, pools: PoolBook, now: datetime) -> SystemStatistics:
    """The figures as they are at `now`. Days are UTC's. Raises `StoreUnavailable`."""

    def read() -> SystemStatistics:
        midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        with database.read() as session:
            counted = count(session, midnight)
            starts = starts_since(session, midnight)
            held = list_taken(session, midnight, before=midnight + timedelta(days=1))
            document = pools.read(session)
        waits = [
            max(0.0, (started - max(created, _earliest(terms) or created)).total_seconds())
            for created, started, terms in starts
        ]
        return SystemStatistics(
            now,
            counted,
            in_use=shares(held, document, now),
            mean_wait=sum(waits) / len(waits) if waits else 0.0,
            peak=peak(held, document, midnight),
        )

    return await asyncio.to_thread(read)


def shares(held: Sequence[Taken], pools: PoolsDocument, moment: datetime) -> dict[str, float]:
    """Pool -> what is reserved of it at a moment, as a share of its capacity then."""
    capacities = {pool.id: capacity_steps(pool, moment, 1.0).at(0.0) for pool in planner_pools(pools, moment)}
    used = dict.fromkeys(capacities, 0.0)
    for each in held:
        if each.pool in used and each.begins_at <= moment < each.ends_at:
            used[each.pool] += each.amount
    return {pool: used[pool] / capacity if capacity else 0.0 for pool, capacity in capacities.items()}


def peak(held: Sequence[Taken], pools: PoolsDocument, midnight: datetime) -> tuple[datetime, datetime] | None:
    """The slots of a day around the busiest in which at least nine tenths as much is reserved. A slot's load is the sum
    over the pools of reserved unit-time, as a share of the pool's usual capacity."""
    slots = int(timedelta(days=1) / SLOT)
    loads = [0.0] * slots
    for each in held:
        spec = pools.pools.get(each.pool)
        if spec is None or not spec.capacity:
            continue
        for number in range(slots):
            start = midnight + number * SLOT
            overlap = min(each.ends_at, start + SLOT) - max(each.begins_at, start)
            if overlap > timedelta(0):
                loads[number] += each.amount * (overlap / SLOT) / spec.capacity
    highest = max(loads)
    if highest <= 0:
        return None
    first = last = loads.index(highest)
    while first > 0 and loads[first - 1] >= _NEAR_PEAK * highest:
        first -= 1
    while last < slots - 1 and loads[last + 1] >= _NEAR_PEAK * highest:
        last += 1
    return midnight + first * SLOT, midnight + (last + 1) * SLOT


def _earliest(terms: Mapping[str, object]) -> datetime | None:
    given = terms["earliest"]
    return None if given is None else parse_moment(given)
