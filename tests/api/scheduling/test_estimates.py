"""Estimates that are learned from past runs, what is told from them, and how good they were."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

from engine.core import Engine
from engine.scheduling.estimates import Source, estimate
from store.scheduling_tables import StepDuration
from store.step_durations import add_durations
from tests.polling import eventually

SCHEDULE = f"{BASE}/schedule-workflow"


def remember(engine: Engine, workflow_id: str, runs: Sequence[float], **columns: Any) -> None:
    """As if a step of the workflow had taken so long, now and before."""
    kept = {"owner": "ann", "definition": "nightly", "step_id": "a", "agent_type": "steps.echo", "size_class": 2}
    kept |= {"source": "given", "p50": 100.0, "p90": 150.0, **columns}
    ended = datetime.now(UTC)
    rows = [
        StepDuration(
            workflow_id=UUID(workflow_id.removeprefix("wf_")),
            seconds=seconds,
            ended_at=ended - timedelta(seconds=number),
            **kept,
        )
        for number, seconds in enumerate(runs)
    ]
    with engine.database.write() as session:
        add_durations(session, rows)


async def test_past_runs_of_a_step_replace_what_was_given(running: Service) -> None:
    lingering = {**step("a", minutes=30, cpu_cores=1), "agent_type": "steps.linger", "parameters": {"seconds": 1}}
    body = workflow(lingering, cost_optimization_enabled=False)
    async with running.client() as ann, running.client("bob") as bob:
        told = [(await ann.post(SCHEDULE, json=body)).json() for _ in range(5)]
        assert {each["critical_path_duration_seconds"] for each in told} == {1800}
        assert told[0]["forecast"]["learned_steps"] == 0

        async def are_known() -> bool:
            known = (await ann.get(f"{BASE}/system/calibration")).json()
            return {each["count"] for each in (known["steps"]["given"], known["completion"], known["cost"])} == {5}

        await eventually(are_known)
        calibration = (await ann.get(f"{BASE}/system/calibration")).json()
        assert calibration["steps"]["given"]["within_p50"] == 1.0
        learned = (await ann.post(SCHEDULE, json=body)).json()
        assert learned["critical_path_duration_seconds"] < 900
        assert learned["forecast"]["learned_steps"] == learned["forecast"]["estimated_steps"] == 1
        plan = (await ann.get(f"{BASE}/workflow/{learned['workflow_id']}/plan")).json()
        assert (plan["steps"][0]["estimate"]["source"], plan["steps"][0]["estimate"]["runs"]) == ("step", 5)
        # What is ann's is not bob's.
        assert (await bob.get(f"{BASE}/system/calibration")).json()["steps"]["given"]["count"] == 0
        assert (await bob.post(SCHEDULE, json=body)).json()["critical_path_duration_seconds"] == 1800


async def test_from_how_many_runs_on_and_by_which_key(planning: Service, engine: Engine) -> None:
    body = workflow(step("a", minutes=30), execution_window=window(day()))
    other = {**body, "workflow_name": "weekly"}
    async with planning.client() as ann:

        async def estimated(body: dict[str, Any]) -> tuple[str, int, int]:
            told = (await ann.post(SCHEDULE, json=body)).json()
            plan = (await ann.get(f"{BASE}/workflow/{told['workflow_id']}/plan")).json()
            found = plan["steps"][0]["estimate"]
            return found["source"], found["runs"], found["p50_seconds"]

        first = (await ann.post(SCHEDULE, json=body)).json()["workflow_id"]
        remember(engine, first, [600] * 4)
        assert await estimated(body) == ("given", 0, 1800)
        remember(engine, first, [600])
        assert await estimated(body) == ("step", 5, 600)
        assert await estimated(other) == ("given", 0, 1800)
        remember(engine, first, [900] * 5, step_id="b")
        assert (await estimated(other))[:2] == ("agent", 10)
        # Of the step itself counts more than what others with the same agent say.
        assert await estimated(body) == ("step", 5, 600)
        # Parameters of another size are another thing.
        large = workflow({**step("a", minutes=30), "parameters": {"text": "x" * 500}}, name="large")
        assert await estimated(large) == ("given", 0, 1800)
        remember(engine, first, [60] * 50)
        assert await estimated(body) == ("step", 50, 60)


async def test_the_forecast_tells_ends_costs_and_the_chance_to_stay_within_the_budget(
    planning: Service, engine: Engine
) -> None:
    """One step on the licence, at 6 an hour: it ends and costs what its duration says."""
    draw = random.Random(3)
    runs = [600 * 2 ** draw.gauss(0, 0.5) for _ in range(50)]
    body = workflow(
        step("a", minutes=30, licence=1), execution_window=window(day(hour=12)), cost_optimization_enabled=False
    )
    async with planning.client() as ann:
        first = (await ann.post(SCHEDULE, json=body)).json()
        assert first["forecast"]["chance_within_budget"] is None
        await ann.post(f"{BASE}/workflow/{first['workflow_id']}/cancel")
        remember(engine, first["workflow_id"], runs)
        told = (await ann.post(SCHEDULE, json={**body, "max_ftns_cost": 1.2})).json()
    p50, p90 = sorted(runs)[24], sorted(runs)[44]
    told_ends = [
        (datetime.fromisoformat(told["forecast"][f"completion_{each}"]) - day(hour=12)).total_seconds()
        for each in ("p50", "p90")
    ]
    assert told_ends == [pytest.approx(p50, rel=0.15), pytest.approx(p90, rel=0.15)]
    assert told["forecast"]["cost_p90"] == pytest.approx(p90 / 600, rel=0.15)
    within = sum(seconds <= 720 for seconds in runs) / len(runs)
    assert told["forecast"]["chance_within_budget"] == pytest.approx(within, abs=0.12)


async def test_calibration_equals_an_independent_count(planning: Service, engine: Engine) -> None:
    draw = random.Random(5)
    body = workflow(step("a", minutes=30), execution_window=window(day()))
    async with planning.client() as ann:
        first = (await ann.post(SCHEDULE, json=body)).json()["workflow_id"]
        for source in ("step", "given"):
            runs = [draw.uniform(50, 200) for _ in range(60)]
            remember(engine, first, runs, source=source)
            hits = (await ann.get(f"{BASE}/system/calibration")).json()["steps"][source]
            assert hits["count"] == 60
            assert hits["within_p50"] == pytest.approx(sum(seconds <= 100 for seconds in runs) / 60, abs=1e-4)
            assert hits["within_p90"] == pytest.approx(sum(seconds <= 150 for seconds in runs) / 60, abs=1e-4)
            assert hits["median_ratio"] == pytest.approx((sorted(runs)[29] + sorted(runs)[30]) / 200, abs=1e-4)


def test_one_hung_run_does_not_make_the_estimate() -> None:
    usual = [95.0, 100.0, 105.0, 98.0, 102.0]
    found = estimate([*usual, 36_000.0], Source.STEP)
    assert found.p50 == pytest.approx(101, abs=1.5)
    assert found.p90 < 130
    even = estimate([100.0] * 5, Source.STEP)
    assert (even.p50, even.p90) == (pytest.approx(100), pytest.approx(100))
