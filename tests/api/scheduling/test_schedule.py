"""Workflows that are scheduled: when, at what cost, and what is reserved for them."""

from __future__ import annotations

from datetime import timedelta

from scheduling_requests import BASE, day, step, window, workflow
from serving import Service


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
