"""What a plan says of start, time and cost is what the run then shows, in seconds instead of hours."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pool_changes import put
from scheduling_requests import BASE, planner_is_loaded, window, workflow
from serving import Service
from temporalio.api.enums.v1 import EventType
from test_running import execution_of, has_status

from engine.core import Engine
from store.steps import list_steps
from tests.examples.test_traces import TRACES, longest_path, parents_of
from tests.running import histories

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

SCHEDULE = f"{BASE}/schedule-workflow"
ZONE = ZoneInfo("America/New_York")
BY_DAY, BY_NIGHT = 3600.0, 360.0
"""For a core and hour: 1 and 0.1 for a core and second."""
NIGHT = timedelta(minutes=5)
SPEEDUP = 100


def working(name: str, seconds: float, cores: float, *after: str) -> dict[str, Any]:
    """A step that takes so many seconds, as planned and as it runs."""
    return {
        "step_name": name,
        "agent_type": "sleep",
        "parameters": {"seconds": seconds},
        "depends_on": list(after),
        "estimated_duration_minutes": seconds / 60,
        "resource_requirements": [{"resource_type": "cpu_cores", "amount": cores}],
    }


async def night_from(service: Service, dusk: datetime, capacity: float) -> None:
    """From then on cores are cheap, by a clock on a wall in New York."""
    hours = "-".join(f"{moment.astimezone(ZONE):%H:%M:%S}" for moment in (dusk, dusk + NIGHT))
    price = {"per_hour": BY_DAY, "rules": [{"hours": hours, "per_hour": BY_NIGHT}]}
    await put(service, "cpu_cores", {"capacity": capacity, "time_zone": ZONE.key, "price": price})


def whole_second(later: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=later)


def spent_at_night(engine: Engine, execution_id: str, cores: dict[str, float], dusk: datetime) -> float:
    """What the attempts have cost, none of which began before the night."""
    with engine.database.read() as session:
        spans = [(row.step_id, row.started_at, row.completed_at) for row in list_steps(session, execution_id)]
    assert sorted(step_id for step_id, _, _ in spans) == sorted(cores)
    total = 0.0
    for step_id, started, ended in spans:
        assert started is not None
        assert ended is not None
        assert started >= dusk
        total += cores[step_id] * (ended - started).total_seconds() * BY_NIGHT / 3600
    return total


async def ended(ann: httpx.AsyncClient, workflow_id: str) -> dict[str, Any]:
    return await has_status(ann, workflow_id, "completed")


async def test_six_steps_run_at_the_hour_at_which_they_are_cheap(whole_system: tuple[Service, Engine]) -> None:
    service, engine = whole_system
    await planner_is_loaded(service)
    earliest = whole_second(16)
    dusk = earliest + timedelta(seconds=7)
    await night_from(service, dusk, capacity=16)
    steps = [
        working("extract", 1, 2),
        working("clean", 2, 4, "extract"),
        working("features", 1, 2, "extract"),
        working("train", 1.5, 8, "clean", "features"),
        working("evaluate", 0.5, 1, "train"),
        working("publish", 0.5, 1, "evaluate"),
    ]
    cores = {"extract": 2.0, "clean": 4.0, "features": 2.0, "train": 8.0, "evaluate": 1.0, "publish": 1.0}
    async with service.client() as ann:
        told = (await ann.post(SCHEDULE, json=workflow(*steps, execution_window=window(earliest)))).json()
        # 2*1 + 4*2 + 2*1 + 8*1.5 + 0.5 + 0.5 core-seconds, at 0.1 instead of at 1 each
        assert (told["estimated_cost"], told["cost_savings"]) == (2.5, 22.5)
        assert datetime.fromisoformat(told["scheduled_start"]) == dusk
        over = await ended(ann, told["workflow_id"])
        plan = (await ann.get(f"{BASE}/workflow/{told['workflow_id']}/plan")).json()
        listed = (await ann.get(f"{BASE}/workflows?status_filter=completed")).json()
    assert datetime.fromisoformat(over["actual_start"]) >= dusk
    assert plan["times_moved"] == 0
    execution_id = execution_of(engine, told["workflow_id"])
    assert over["actual_cost"] == pytest.approx(spent_at_night(engine, execution_id, cores, dusk), abs=0.005)
    # Not less than was planned, and far from what it would have cost by day.
    assert 2.5 <= over["actual_cost"] < 12.5
    assert over["cost_savings"] == listed["summary"]["total_cost_savings"] == 22.5
    (history,) = await histories(engine, execution_id)
    kinds = [event.event_type for event in history.events]
    fired = kinds.index(EventType.EVENT_TYPE_TIMER_FIRED)
    assert fired < kinds.index(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    assert history.events[fired].event_time.ToDatetime(UTC) >= dusk


async def test_what_optimisation_claims_is_what_the_run_shows(whole_system: tuple[Service, Engine]) -> None:
    """A traced workflow of ten tasks, forked and joined, a hundred times as fast. It is planned one task after the
    other on the one core that others leave, by day; they leave, and it is planned anew for time and money."""
    file = TRACES / "helloworld-forkjoin-10-chameleon.json"
    if not file.is_file():
        pytest.skip(f"{file.name} is not in the folder {TRACES.name} of shared data")
    trace = json.loads(file.read_text())
    tasks = trace["workflow"]["execution"]["tasks"]
    seconds = {task["id"]: task["runtimeInSeconds"] / SPEEDUP for task in tasks}
    steps = [working(task, seconds[task], 1, *parents) for task, parents in parents_of(trace).items()]
    longest, whole = longest_path(trace) / SPEEDUP, sum(seconds.values())
    service, engine = whole_system
    await planner_is_loaded(service)
    earliest = whole_second(20)
    dusk = earliest + timedelta(seconds=round(whole) + 1)
    await night_from(service, dusk, capacity=16)
    async with service.client() as ann, service.client("bob") as bob:
        others = workflow(
            working("others", 600, 15),
            execution_window=window(earliest - timedelta(seconds=5)),
            cost_optimization_enabled=False,
        )
        other = (await bob.post(SCHEDULE, json=others)).json()["workflow_id"]
        body = workflow(*steps, name="traced", execution_window=window(earliest), cost_optimization_enabled=False)
        told = (await ann.post(SCHEDULE, json=body)).json()
        assert told["estimated_cost"] == pytest.approx(whole, abs=0.01)
        await bob.post(f"{BASE}/workflow/{other}/cancel")
        goals = {"minimize_duration": 0.5, "minimize_cost": 0.5}
        request = {"workflow_id": told["workflow_id"], "optimization_goals": goals, "apply_optimizations": True}
        claimed = (await ann.post(f"{BASE}/optimize-critical-path", json=request)).json()
        assert claimed["original_duration_seconds"] == round(whole)
        assert claimed["optimized_duration_seconds"] == round(longest)
        assert claimed["optimized_cost"] == pytest.approx(whole / 10, abs=0.01)
        plan = (await ann.get(f"{BASE}/workflow/{told['workflow_id']}/plan")).json()
        assert plan["estimated_cost"] == claimed["optimized_cost"]
        start = datetime.fromisoformat(plan["scheduled_start"])
        assert start == dusk > datetime.fromisoformat(told["scheduled_start"])
        over = await ended(ann, told["workflow_id"])
    execution_id = execution_of(engine, told["workflow_id"])
    spent = spent_at_night(engine, execution_id, {step["step_name"]: 1.0 for step in steps}, dusk)
    assert over["actual_cost"] == pytest.approx(spent, abs=0.005)
    took = await run_seconds(engine, execution_id)
    # What a loaded machine adds aside: never less than claimed, and nearer to it than to what was planned before.
    assert claimed["optimized_cost"] <= over["actual_cost"] < (claimed["optimized_cost"] + claimed["original_cost"]) / 2
    assert claimed["optimized_duration_seconds"] - 0.5 <= took < (longest + whole) / 2


async def run_seconds(engine: Engine, execution_id: str) -> float:
    run = await engine.executions.get(execution_id)
    assert run.started_at is not None
    assert run.completed_at is not None
    return (run.completed_at - run.started_at).total_seconds()
