"""Workflows that are scheduled: when, at what cost, and what is reserved for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pool_changes import put
from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

from api.scheduling.translate import definition_of
from api.scheduling.wire import ScheduleRequest
from engine.core import Engine

SCHEDULE = f"{BASE}/schedule-workflow"


async def test_it_is_put_where_it_is_cheap_and_the_savings_are_told_to_the_cent(planning: Service) -> None:
    body = workflow(
        step("load", minutes=30, cpu_cores=4),
        step("train", minutes=60, after=("load",), cpu_cores=8),
        execution_window=window(day(hour=12), day(hour=23)),
        scheduling_priority="high",
        tags=["nightly"],
    )
    async with planning.client() as ann:
        answer = await ann.post(f"{BASE}/schedule-workflow", json=body)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        # 4 cores for half an hour and 8 for an hour: 10 core-hours at 0.4 instead of at 1.0
        assert (told["estimated_cost"], told["cost_savings"]) == (4.0, 6.0)
        assert told["scheduled_start"] == day(hour=22).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert told["estimated_completion"] == (day(hour=23, minute=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert told["critical_path_duration_seconds"] == 5400
        at_once = await ann.post(f"{BASE}/schedule-workflow", json={**body, "cost_optimization_enabled": False})
        assert at_once.json()["scheduled_start"] == day(hour=12).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert (at_once.json()["estimated_cost"], at_once.json()["cost_savings"]) == (10.0, 0.0)
        plan = (await ann.get(f"{BASE}/workflow/{told['workflow_id']}/plan")).json()
        assert [(each["step_name"], each["cost"], each["is_critical"]) for each in plan["steps"]] == [
            ("load", 0.8, True),
            ("train", 3.2, True),
        ]


@pytest.mark.parametrize(("room_from", "starts_at"), [(0, (16, 0)), (15, (16, 15)), (60, (15, 30))])
async def test_without_cost_optimization_the_preferred_start_is_kept_to_as_far_as_there_is_room(
    planning: Service, room_from: int, starts_at: tuple[int, int]
) -> None:
    """16:00 is preferred, dearer or not; others have the licence from 16:00 until `room_from` minutes later."""
    noon, preferred = day(hour=15, minute=30), day(hour=16)
    body = workflow(step("only", minutes=30, licence=1), cost_optimization_enabled=False)
    async with planning.client() as ann:
        if room_from:
            others = workflow(step("other", minutes=room_from, licence=1), cost_optimization_enabled=False)
            taken = window(preferred, preferred)
            assert (await ann.post(SCHEDULE, json={**others, "execution_window": taken})).status_code == 200
        wanted = window(noon, day(hour=20), preferred_start_time=preferred.isoformat())
        told = (await ann.post(SCHEDULE, json={**body, "execution_window": wanted})).json()
        assert told["scheduled_start"] == f"{day(1, *starts_at):%Y-%m-%dT%H:%M:%SZ}"


async def test_steps_may_be_called_what_references_mean_something_else_by(planning: Service) -> None:
    body = workflow(step("context"), step("input_data", after=("context",)), execution_window=window(day()))
    async with planning.client() as ann:
        answer = await ann.post(SCHEDULE, json=body)
        assert answer.status_code == 200, answer.text
        plan = (await ann.get(f"{BASE}/workflow/{answer.json()['workflow_id']}/plan")).json()
        assert [each["step_name"] for each in plan["steps"]] == ["context", "input_data"]


@pytest.mark.parametrize(
    ("name", "prompt", "refers_to"),
    [
        ("ML inference (v2)", "{ML inference (v2)}", "${ML_inference__v2_.result}"),
        ("a.b", "{a.b} {a.b.c.d}", "${a_b.result} ${a_b.result.c.d}"),
        ("x" * 128, "{" + "x" * 128 + ".y}", "${" + "x" * 120 + ".result.y}"),
    ],
)
def test_prompts_hold_results_of_steps_whatever_these_are_called(name: str, prompt: str, refers_to: str) -> None:
    body = workflow(step(name), {**step("say"), "prompt_template": prompt})
    made = definition_of(ScheduleRequest.model_validate(body))
    assert made["steps"][1]["input"]["prompt"] == refers_to


async def test_a_priority_is_the_same_number_as_in_the_other_apis(planning: Service, engine: Engine) -> None:
    ranks = {"critical": 90, "high": 70, "normal": 50, "low": 20}
    async with planning.client() as ann:
        for priority in ranks:
            body = workflow(step("a"), name=priority, scheduling_priority=priority, execution_window=window(day()))
            assert (await ann.post(SCHEDULE, json=body)).status_code == 200
    runs, _ = await engine.executions.find()
    assert {run.name: run.priority for run in runs} == ranks


async def test_two_that_need_the_same_are_put_one_after_the_other(planning: Service) -> None:
    start = day(hour=12)
    body = workflow(step("only", minutes=30, licence=1), execution_window=window(start, start + timedelta(hours=1)))
    async with planning.client() as ann, planning.client("bob") as bob:
        answers = [await client.post(f"{BASE}/schedule-workflow", json=body) for client in (ann, bob, ann, bob)]
        starts = [answer.json().get("scheduled_start") for answer in answers]
        expected = [start + timedelta(minutes=minutes) for minutes in (0, 30, 60)]
        assert starts[:3] == [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in expected]
        assert answers[1].json()["optimization_analysis"]["resource_conflicts_resolved"] == 1
        refused = answers[3]
        assert (refused.status_code, refused.json()["error"]) == (409, "resource_conflict")
        fits = start + timedelta(minutes=90)
        assert "licence" in refused.json()["message"]
        assert fits.strftime("%Y-%m-%dT%H:%M") in refused.json()["message"]


async def test_steps_may_lie_apart_where_that_is_allowed_and_cheaper(planning: Service) -> None:
    """Two hours of work, one after the other, and two cheap hours with a dear one between them."""
    start = day(hour=12)
    cheap = [
        {"start": (start + timedelta(hours=hour)).isoformat(), "duration": "1h", "per_hour": 1.0} for hour in (1, 3)
    ]
    await put(planning, "licence", {"capacity": 1, "price": {"per_hour": 6.0, "rules": cheap}})
    steps = [step("one", minutes=60, licence=1), step("two", minutes=60, after=("one",), licence=1)]
    async with planning.client() as ann:

        async def planned(**terms: object) -> tuple[float, list[str]]:
            body = workflow(*steps, execution_window=window(start, start + timedelta(hours=3), **terms))
            told = (await ann.post(f"{BASE}/schedule-workflow", json=body)).json()
            path = f"{BASE}/workflow/{told['workflow_id']}"
            plan = (await ann.get(f"{path}/plan")).json()
            await ann.post(f"{path}/cancel")
            return told["estimated_cost"], [each["start"][11:16] for each in plan["steps"]]

        assert (await planned())[0] == 7.0
        assert await planned(allow_split_execution=True) == (2.0, ["13:00", "15:00"])


async def test_more_cores_shorten_a_step_and_the_planner_chooses_how_many(planning: Service) -> None:
    """4 cores take an hour; of 2 to 8 the planner chooses, and `(amount / chosen) ** 0.9` of the time is taken."""
    malleable = step("only", minutes=60)
    demand = {"resource_type": "cpu_cores", "amount": 4.0, "min_amount": 2.0, "max_amount": 8.0}
    malleable["resource_requirements"] = [demand, {"resource_type": "memory_gb", "amount": 1.0}]
    body = workflow(malleable, execution_window=window(day(hour=7)), cost_optimization_enabled=False)
    async with planning.client() as ann:
        told = (await ann.post(f"{BASE}/schedule-workflow", json=body)).json()
        plan = (await ann.get(f"{BASE}/workflow/{told['workflow_id']}/plan")).json()
    (only,) = plan["steps"]
    hours = 0.5**0.9
    assert only["amounts"] == {"cpu_cores": 8.0, "memory_gb": 1.0}
    assert told["critical_path_duration_seconds"] == pytest.approx(3600 * hours, abs=1)
    assert told["estimated_cost"] == pytest.approx((8 * 1.0 + 1 * 0.1) * hours, abs=0.01)
