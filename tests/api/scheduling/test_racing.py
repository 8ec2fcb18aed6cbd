"""Many at once, and those that make room for others."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

from store.database import Database
from store.reservations import Held, list_held

SCHEDULE = f"{BASE}/schedule-workflow"


def most_at_once(held: list[Held]) -> dict[str, float]:
    """The most that is held of each pool at any instant."""
    most: dict[str, float] = {}
    for pool in {each.pool for each in held}:
        # What ends at a moment is free at that moment.
        changes = sorted(
            change
            for each in held
            if each.pool == pool
            for change in ((each.begins_at, each.amount), (each.ends_at, -each.amount))
        )
        level = most[pool] = 0.0
        for _, amount in changes:
            level += amount
            most[pool] = max(most[pool], level)
    return most


async def test_of_50_that_race_for_room_for_10_exactly_10_get_that_hour(planning: Service) -> None:
    start = day(hour=12)
    body = workflow(
        step("only", minutes=30, cpu_cores=1.6), execution_window=window(start, start + timedelta(minutes=90))
    )
    async with planning.client() as ann:
        answers = await asyncio.gather(*(ann.post(SCHEDULE, json=body) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 40, 409: 10}
    starts = Counter(answer.json()["scheduled_start"] for answer in answers if answer.status_code == 200)
    hours = [start + timedelta(minutes=30 * number) for number in range(4)]
    assert starts == {f"{hour:%Y-%m-%dT%H:%M:%SZ}": 10 for hour in hours}
    database = Database(planning.settings.resolved_database_url)
    with database.read() as session:
        held = list_held(session, start - timedelta(days=1))
    database.dispose()
    assert len(held) == 40
    assert most_at_once(held)["cpu_cores"] <= 16 + 1e-6


async def test_the_important_move_those_that_allow_it_and_these_are_told(planning: Service) -> None:
    start = day(hour=12)

    def one(priority: str, *, hours: float = 0, may: bool = False, movable: bool = True) -> dict[str, object]:
        return workflow(
            step("only", minutes=60, licence=1),
            name=priority,
            scheduling_priority=priority,
            preemption_allowed=movable,
            execution_window=window(start, start + timedelta(hours=hours), allow_preemption=may),
        )

    async with planning.client() as ann, planning.client("bob") as bob:
        low = (await ann.post(SCHEDULE, json=one("low", hours=8))).json()
        refused = await bob.post(SCHEDULE, json=one("high"))
        assert (refused.status_code, refused.json()["error"]) == (409, "resource_conflict")
        high = (await bob.post(SCHEDULE, json=one("high", may=True, movable=False))).json()
        assert high["scheduled_start"] == low["scheduled_start"]
        assert high["optimization_analysis"]["resource_conflicts_resolved"] >= 1
        moved = (await ann.get(f"{BASE}/workflow/{low['workflow_id']}/plan")).json()
        assert datetime.fromisoformat(moved["scheduled_start"]) == start + timedelta(hours=1)
        assert moved["times_moved"] == 1
        # Neither an equal, nor one that allows nobody to move it, makes room.
        assert (await ann.post(SCHEDULE, json=one("high", may=True))).status_code == 409
        assert (await ann.post(SCHEDULE, json=one("critical", may=True))).status_code == 409
