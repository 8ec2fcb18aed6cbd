"""What pools say beside capacity and price: whose steps count more on them, and what money is worth elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from pool_changes import put
from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

from engine.settings import Settings

SCHEDULE = f"{BASE}/schedule-workflow"


async def test_steps_on_pools_with_a_multiplier_go_first(planning: Service) -> None:
    """Both need the licence for an hour."""
    body = workflow(
        step("plain", minutes=60, licence=1),
        step("special", minutes=60, licence=1, gpu_memory_gb=1),
        execution_window=window(day(hour=12)),
        cost_optimization_enabled=False,
    )

    async with planning.client() as ann:

        async def first() -> str:
            told = (await ann.post(SCHEDULE, json=body)).json()
            path = f"{BASE}/workflow/{told['workflow_id']}"
            plan = (await ann.get(f"{path}/plan")).json()
            await ann.post(f"{path}/cancel")
            return str(plan["steps"][0]["step_name"])

        for priority, expected in (("high", "plain"), ("normal", "special")):
            await put(planning, "gpu_memory_gb", {"capacity": 24, "priority_multipliers": {priority: 1.8}})
            assert await first() == expected


async def test_those_with_the_least_multiplied_priority_are_moved_first(planning: Service) -> None:
    """Of two of the same priority the one that starts later is moved, unless it holds what counts more."""
    noon = day(hour=12)

    def one(name: str, minutes: float, start: datetime, **needs: float) -> dict[str, Any]:
        return workflow(
            step("only", minutes=minutes, licence=1, **needs),
            name=name,
            scheduling_priority="low",
            execution_window=window(start, start + timedelta(hours=8)),
        )

    async def moved(multipliers: Mapping[str, float]) -> list[int]:
        await put(planning, "gpu_memory_gb", {"capacity": 24, "priority_multipliers": multipliers})
        async with planning.client() as ann:
            bodies = [
                one("plain", 120, noon),
                one("special", 60, noon + timedelta(minutes=30), gpu_memory_gb=1),
                workflow(
                    step("only", minutes=15, licence=1),
                    scheduling_priority="high",
                    execution_window=window(*[noon + timedelta(hours=1)] * 2, allow_preemption=True),
                ),
            ]
            answers = [await ann.post(SCHEDULE, json=body) for body in bodies]
            assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
            paths = [f"{BASE}/workflow/{answer.json()['workflow_id']}" for answer in answers]
            found = [(await ann.get(f"{path}/plan")).json()["times_moved"] for path in paths]
            for path in paths:
                await ann.post(f"{path}/cancel")
        return found[:2]

    await put(planning, "licence", {"capacity": 2, "price": 6.0})
    assert await moved({}) == [0, 1]
    assert await moved({"low": 2}) == [1, 0]


async def test_maintenance_and_bursts_are_kept_and_charged(planning: Service) -> None:
    noon = day(hour=12)
    closed = {"start": noon.isoformat(), "duration": "2h", "capacity": 0}
    burst = {"share": "50%", "longest": "1h", "price_factor": 2}
    await put(planning, "cpu_cores", {"capacity": 4, "calendar": [closed], "price": 1.0, "burst": burst})

    def body(cores: float, minutes: float) -> dict[str, Any]:
        return workflow(
            step("only", minutes=minutes, cpu_cores=cores),
            execution_window=window(noon - timedelta(minutes=15)),
            cost_optimization_enabled=False,
        )

    async with planning.client() as ann:
        told = (await ann.post(SCHEDULE, json=body(6, 30))).json()
        # After the maintenance; half an hour of 4 cores at 1, and of 2 more at 2.
        assert told["scheduled_start"] == f"{noon + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
        assert told["estimated_cost"] == 4.0
        for cores, minutes, says in ((6.5, 30, "6 at most"), (6, 90, "6 cpu_cores for 5400 s")):
            refused = (await ann.post(SCHEDULE, json=body(cores, minutes))).json()
            assert refused["error"] == "resource_conflict"
            assert says in refused["message"]


async def test_night_is_by_the_clock_of_the_pools_zone_also_when_that_is_changed(planning: Service) -> None:
    """On the 25th of October 2037 clocks in Berlin are put back: from 22:00 to 06:00 it is nine hours."""
    price = {"per_hour": 2.0, "rules": [{"hours": "22:00-06:00", "per_hour": 1.0}]}
    await put(planning, "licence", {"capacity": 1, "time_zone": "Europe/Berlin", "price": price})
    evening = datetime.fromisoformat("2037-10-24T20:00:00+00:00")
    async with planning.client() as ann:

        async def cost(begins: datetime, hours: float) -> float:
            one = step("only", minutes=60 * hours, licence=1)
            body = workflow(one, execution_window=window(begins, begins), cost_optimization_enabled=False)
            told = (await ann.post(SCHEDULE, json=body)).json()
            await ann.post(f"{BASE}/workflow/{told['workflow_id']}/cancel")
            return float(told["estimated_cost"])

        assert [await cost(evening, hours) for hours in (9, 10)] == [9.0, 11.0]
        usual = evening + timedelta(days=2, hours=1)
        assert [await cost(usual, hours) for hours in (8, 9)] == [8.0, 10.0]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With rates."""
    file = settings.pools_file
    assert file is not None
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "rates": {"EUR": 0.25}}))
    return settings


async def test_costs_are_told_in_other_currencies(planning: Service) -> None:
    body = workflow(step("only", minutes=60, licence=1), execution_window=window(day(hour=12)))
    async with planning.client() as ann:
        told = (await ann.post(SCHEDULE, json=body)).json()
    assert told["estimated_cost"] == 6.0
    assert told["forecast"]["estimated_cost_in"] == {"EUR": 1.5}
