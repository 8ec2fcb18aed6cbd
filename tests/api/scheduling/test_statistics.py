"""Every figure of the statistics against an independent count over a seeded day of 100 workflows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from scheduling_requests import BASE
from serving import Serve, without_temporal

from api.scheduling.endpoints import SCHEDULING
from api.scheduling.figures import statistics
from definitions.ids import to_uuid
from engine.core import Engine
from engine.scheduling.scheduling import Scheduling
from engine.settings import Settings
from store.database import Database
from store.reservations import Held, reserve
from store.scheduling_tables import ScheduledWorkflow
from store.tables import WorkflowInstance

CAPACITIES = {"cpu_cores": 16, "memory_gb": 64, "gpu_memory_gb": 24, "licence": 1}
SHOWN = {"cpu_utilization": "cpu_cores", "memory_utilization": "memory_gb", "gpu_utilization": "gpu_memory_gb"}
AFTERNOON = datetime(2026, 3, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "now",
    [AFTERNOON, AFTERNOON.replace(hour=0, second=20), AFTERNOON.replace(hour=23, minute=59, second=50)],
    ids=["afternoon", "just after midnight", "just before midnight"],
)
async def test_figures_equal_an_independent_count(settings: Settings, database: Database, now: datetime) -> None:
    async with without_temporal(settings, database)() as engine:
        days = await seeded(engine, now)
        told = statistics(await Scheduling(engine).statistics(now), "bob").model_dump(mode="json")
    assert told["timestamp"] == f"{now:%Y-%m-%dT%H:%M:%SZ}"
    told = told["statistics"]
    midnight = datetime.combine(now.date(), time(), UTC)
    held = [one for each in days for one in each["held"]]
    done = [each for each in days if each["status"] == "completed"]
    today = [each for each in done if each["ended"] >= midnight]
    begun = [each for each in days if each["started"] is not None and each["started"] >= midnight]
    waiting = [each for each in days if each["status"] == "scheduled"]
    tried = [each for each in done if each["optimizing"]]
    assert told["total_workflows_scheduled"] == 100
    assert told["active_workflows"] == sum(each["status"] in ("running", "paused") for each in days)
    assert told["completed_workflows_today"] == len(today)
    assert told["average_execution_time_seconds"] == round(_mean([each["seconds"] for each in done]))
    assert told["scheduling_efficiency"] == pytest.approx(
        _mean([each["efficiency"] for each in days if each["status"] != "cancelled"]), abs=1e-4
    )
    assert told["cost_optimization"] == {
        "total_savings_today": pytest.approx(sum(each["savings"] for each in today), abs=0.005),
        "average_savings_per_workflow": pytest.approx(_mean([each["savings"] for each in done]), abs=0.005),
        "optimization_success_rate": pytest.approx(
            sum(each["cost"] <= each["estimate"] * 1.05 for each in tried) / len(tried), abs=1e-4
        ),
    }
    assert told["queue_statistics"] == {
        "pending_workflows": len(waiting),
        "average_wait_time_seconds": round(_mean([(e["started"] - e["created"]).total_seconds() for e in begun])),
        "priority_queue_depth": {
            name: sum(each["priority"] == name for each in waiting) for name in ("critical", "high", "normal", "low")
        },
    }
    for shown, pool in SHOWN.items():
        used = sum(one.amount for one in held if one.pool == pool and one.begins_at <= now < one.ends_at)
        assert told["system_utilization"][shown] == pytest.approx(used / CAPACITIES[pool], abs=1e-4)
    resources = told["resource_statistics"]
    assert resources["resource_conflicts_resolved"] == sum(each["conflicts"] for each in days)
    assert resources["parallel_execution_efficiency"] == pytest.approx(
        _mean([min(1.0, each["critical"] / each["seconds"]) for each in done]), abs=1e-4
    )
    assert resources["peak_resource_usage"] == _busiest(held, midnight)

    if now == AFTERNOON:  # there is something to count
        assert min(map(len, (today, begun, waiting, tried))) > 5


async def test_everybody_is_told_the_figures_of_this_moment(
    settings: Settings, database: Database, serve: Serve
) -> None:
    """The seeded day is long over: what is not of today is told, and nothing of today is there."""
    async with without_temporal(settings, database)() as engine:
        days = await seeded(engine, AFTERNOON)
    async with serve([SCHEDULING]) as service, service.client("bob") as bob:
        answer = (await bob.get(f"{BASE}/system/statistics")).json()
    assert answer["user_id"] == "bob"
    assert abs(datetime.fromisoformat(answer["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    told = answer["statistics"]
    assert told["total_workflows_scheduled"] == 100
    assert told["queue_statistics"]["pending_workflows"] == sum(each["status"] == "scheduled" for each in days)
    assert (told["completed_workflows_today"], told["cost_optimization"]["total_savings_today"]) == (0, 0.0)
    assert told["resource_statistics"]["peak_resource_usage"] == "none"


async def seeded(engine: Engine, now: datetime) -> list[dict[str, Any]]:
    """100 workflows of the 30 hours before `now`, and what is known of each."""
    midnight = datetime.combine(now.date(), time(), UTC)
    draw = random.Random(7)
    stored = await engine.definitions.save({"name": "seeded", "steps": [{"id": "a"}]})
    days: list[dict[str, Any]] = []
    with engine.database.write() as session:
        for _ in range(100):
            each = _drawn(draw, midnight, now)
            days.append(each)
            run = WorkflowInstance(
                id=uuid4(),
                template_id=to_uuid(stored.workflow_id),
                name="seeded",
                revision=1,
                digest=stored.digest,
                owner="ann",
                closed_at=now,
                dispatched_at=now,
                status=each["status"],
                started_at=each["started"],
                completed_at=each["ended"],
                duration_seconds=each["seconds"],
            )
            session.add(run)
            session.flush()
            row = ScheduledWorkflow(
                id=each["id"],
                instance_id=run.id,
                owner="ann",
                name="seeded",
                description="",
                priority=each["priority"],
                cost_optimization=each["optimizing"],
                may_preempt=False,
                preemptible=True,
                step_count=1,
                planned_start=each["created"],
                planned_end=now,
                announced_start=each["created"],
                plan={"terms": {"earliest": None, "budget": None}, "steps": []},
                critical_seconds=each["critical"],
                estimated_cost=each["estimate"],
                actual_cost=each["cost"],
                cost_savings=each["savings"],
                efficiency=each["efficiency"],
                conflicts_resolved=each["conflicts"],
                created_at=each["created"],
            )
            session.add(row)
            session.flush()
            reserve(session, each["held"])
    return days


def _drawn(draw: random.Random, midnight: datetime, now: datetime) -> dict[str, Any]:
    """A workflow."""
    status = draw.choice(["completed"] * 5 + ["running", "paused", "scheduled", "cancelled", "failed"])
    created = now - timedelta(hours=draw.uniform(2, 30))
    started = None if status in ("scheduled", "cancelled") else created + timedelta(seconds=draw.uniform(0, 3600))
    seconds = draw.uniform(60, 3000) if status in ("completed", "failed") else None
    workflow_id = uuid4()
    held = []
    for pool, capacity in CAPACITIES.items():
        begins = midnight + timedelta(minutes=draw.uniform(0, 1300))
        lasts = timedelta(minutes=draw.uniform(5, 60))
        held.append(Held(pool, begins, begins + lasts, capacity * draw.uniform(0.01, 0.2), workflow_id, "a"))
    return {
        "id": workflow_id,
        "status": status,
        "created": created,
        "started": started,
        "seconds": seconds,
        "ended": started + timedelta(seconds=seconds) if started is not None and seconds is not None else None,
        "priority": draw.choice(["critical", "high", "normal", "low"]),
        "optimizing": draw.random() < 0.7,
        "critical": draw.uniform(60, 2000),
        "estimate": draw.uniform(1, 50),
        "cost": draw.uniform(1, 50) if status == "completed" else 0.0,
        "savings": draw.uniform(0, 20),
        "efficiency": draw.uniform(0.3, 1.0),
        "conflicts": draw.randrange(4),
        "held": held,
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _busiest(held: list[Held], midnight: datetime) -> str:
    """The half hours around the busiest one that have nine tenths of its load."""
    loads = []
    for number in range(48):
        begin = midnight + timedelta(minutes=30 * number)
        end = begin + timedelta(minutes=30)
        loads.append(
            sum(
                max(0.0, (min(one.ends_at, end) - max(one.begins_at, begin)).total_seconds())
                * one.amount
                / CAPACITIES[one.pool]
                for one in held
            )
        )
    top = loads.index(max(loads))
    near = [load >= 0.9 * max(loads) for load in loads]
    first = top - next((n for n in range(top + 1) if not near[top - n]), top + 1) + 1
    last = top + next((n for n in range(48 - top) if not near[top + n]), 48 - top)
    shown = "24:00" if last == 48 else f"{midnight + timedelta(minutes=30 * last):%H:%M}"
    return f"{midnight + timedelta(minutes=30 * first):%H:%M}-{shown} UTC"
