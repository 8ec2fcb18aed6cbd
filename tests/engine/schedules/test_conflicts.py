from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from definitions.pools import PoolsDocument, load_pools
from definitions.schedules import load_schedule
from engine.core import Engine
from engine.schedules.conflicts import MOST_TOLD, Clash, Competitor, ScheduleConflict, clashes
from engine.schedules.schedules import Schedules
from engine.scheduling.pools import PoolBook
from store.reservations import Taken

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
POOLS = load_pools({"pools": {"gpu": 4, "cpu_cores": 8}})


def workflow(name: str, expression: str, *demands: dict[str, float], seconds: int = 3600, **wish: Any) -> Competitor:
    """Steps one after another, each with its demand."""
    steps = [
        {
            "id": f"s{number}",
            "handler": "steps.echo",
            "resources": demand,
            "estimated_duration": seconds,
            "depends_on": [f"s{number - 1}"] if number else [],
        }
        for number, demand in enumerate(demands)
    ]
    schedule = load_schedule({"schedule": {"type": "cron", "expression": expression}, **wish})
    return Competitor(name, {"name": name, "steps": steps}, schedule)


def found(mine: Competitor, *others: Competitor, pools: PoolsDocument = POOLS, taken: Any = ()) -> list[Clash]:
    return clashes(mine, others, taken, pools, NOW)


def test_hours_apart_there_is_room() -> None:
    mine = workflow("mine", "0 2 * * *", {"gpu": 3}, {"cpu_cores": 8})
    assert found(mine, workflow("other", "0 3 * * *", {"gpu": 4})) == []


def test_the_instants_at_which_two_do_not_fit() -> None:
    mine = workflow("mine", "0 2 * * *", {"cpu_cores": 8}, {"gpu": 3})
    clashing = found(mine, workflow("other", "30 3 * * 2,4", {"gpu": 2}))
    assert [f"{each.at:%a %H:%M}" for each in clashing] == ["Tue 03:30", "Thu 03:30"]
    first = clashing[0]
    assert (first.pool, first.demand, first.capacity, first.others) == ("gpu", 5, 4, ("other",))
    assert "2027-03-02T03:30:00+00:00" in first.problem().message


def test_what_ends_makes_room_for_what_begins() -> None:
    assert found(workflow("mine", "0 2 * * *", {"gpu": 4}), workflow("other", "0 3 * * *", {"gpu": 4})) == []


def test_conflicts_of_others_are_not_its_own() -> None:
    others = workflow("a", "0 5 * * *", {"gpu": 3}), workflow("b", "0 5 * * *", {"gpu": 3})
    assert found(workflow("mine", "0 2 * * *", {"gpu": 1}), *others) == []
    assert found(workflow("mine", "0 5 * * *", {"cpu_cores": 1}), *others) == []


def test_alone_it_may_be_too_large_and_many_instants_are_not_all_told() -> None:
    clashing = found(workflow("mine", "0 * * * *", {"gpu": 5}, seconds=60))
    assert len(clashing) == MOST_TOLD
    assert clashing[0].others == ()
    assert "alone" in clashing[0].problem().message


def test_runs_of_its_own_overlap_only_where_they_may() -> None:
    assert found(workflow("mine", "0 * * * *", {"gpu": 3}, seconds=5400)) == []
    clashing = found(workflow("mine", "0 * * * *", {"gpu": 3}, seconds=5400, overlap_policy="allow_all"))
    assert f"{clashing[0].at:%H:%M}" == "14:00"
    twice = {"overlap_policy": "skip", "max_concurrent_executions": 2}
    assert found(workflow("mine", "0 * * * *", {"gpu": 2}, seconds=5400, **twice)) == []


def test_maintenance_and_reservations_count() -> None:
    nightly = load_pools({"pools": {"gpu": {"capacity": 4, "calendar": [{"hours": "02:30-05:00", "capacity": 1}]}}})
    clashing = found(workflow("mine", "0 2 * * *", {"gpu": 2}), pools=nightly)
    assert (f"{clashing[0].at:%H:%M}", clashing[0].capacity) == ("02:30", 1)
    begins = datetime(2027, 3, 2, 2, 15, tzinfo=UTC)
    taken = [Taken("gpu", begins, begins + timedelta(hours=1), 3)]
    clashing = found(workflow("mine", "0 2 * * *", {"gpu": 2}), taken=taken)
    assert [(each.at, each.others) for each in clashing] == [(begins, ("a planned workflow",))]


async def test_a_schedule_that_does_not_fit_is_refused_with_the_instants(engine: Engine) -> None:
    # Of the pools that come with Longpole.
    pools = await PoolBook(engine.database, engine.settings.pools_file).list()
    whole = next(float(pool.spec["capacity"]) for pool in pools if pool.name == "gpu_memory_gb")
    schedules = Schedules(engine)
    for name in ("first", "second"):
        demand = workflow(name, "0 2 * * *", {"gpu_memory_gb": whole * 0.75})
        stored = await engine.definitions.save(dict(demand.document))
        wish = {"schedule": {"type": "cron", "expression": "0 2 * * *"}}
        if name == "first":
            await schedules.put(stored.workflow_id, wish)
            continue
        with pytest.raises(ScheduleConflict, match="beside first") as caught:
            await schedules.put(stored.workflow_id, wish)
        assert "T02:00:00+00:00" in caught.value.problems[0].message
        await schedules.put(stored.workflow_id, {"schedule": {"type": "cron", "expression": "0 4 * * *"}})
        await schedules.put(stored.workflow_id, {**wish, "enabled": False})
        with pytest.raises(ScheduleConflict):
            await schedules.unpause(stored.workflow_id)
