"""Scheduled workflows at their hour: begun by themselves, steered, priced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from scheduling_requests import BASE, day, planner_is_loaded, step, window, workflow
from serving import Service

from engine.core import Engine
from engine.service import working
from store.scheduled_workflows import get_scheduled
from tests.polling import eventually

SCHEDULE = f"{BASE}/schedule-workflow"


async def has_status(client: httpx.AsyncClient, workflow_id: str, status: str) -> dict[str, Any]:
    """How it stands, once it has that status."""

    found: dict[str, Any] = {}

    async def has_it() -> bool:
        found.update((await client.get(f"{BASE}/workflow/{workflow_id}/status")).json())
        return bool(found["status"] == status)

    await eventually(has_it)
    return found


def execution_of(engine: Engine, workflow_id: str) -> str:
    """The run of a workflow."""
    with engine.database.read() as session:
        return get_scheduled(session, workflow_id)[0].execution_id


def soon(seconds: float) -> dict[str, Any]:
    return window(datetime.now(UTC) + timedelta(seconds=seconds))


async def test_it_begins_at_its_hour_and_costs_what_it_held(running: Service) -> None:
    await planner_is_loaded(running)
    body = workflow(
        step("first", minutes=0.05, licence=1),
        step("second", minutes=0.05, after=("first",), licence=1),
        execution_window=soon(10),
        cost_optimization_enabled=False,
    )
    async with running.client() as ann:
        told = (await ann.post(SCHEDULE, json=body)).json()
        assert (await has_status(ann, told["workflow_id"], "scheduled"))["execution_attempts"] == 0
        ended = await has_status(ann, told["workflow_id"], "completed")
        begun = datetime.fromisoformat(ended["actual_start"])
        assert begun >= datetime.fromisoformat(told["scheduled_start"]) - timedelta(seconds=1)
        assert ended["completed_steps"] == ["first", "second"]
        assert ended["execution_attempts"] == 1
        plan = await ann.get(f"{BASE}/workflow/{told['workflow_id']}/plan")
        assert plan.json()["estimated_cost"] == pytest.approx(0.01)
        refused = await ann.post(f"{BASE}/workflow/{told['workflow_id']}/execute")
        assert refused.json()["message"] == "Workflow cannot be executed in completed state"
        summary = (await ann.get(f"{BASE}/workflows?status_filter=completed")).json()["summary"]
        assert (summary["total_workflows"], summary["completed_workflows"], summary["active_workflows"]) == (1, 1, 0)


async def test_a_run_that_reaches_its_budget_starts_nothing_more_and_fails(running: Service, service: Engine) -> None:
    """Planned for a thirtieth of a minute, the first step takes until it has cost more than all of it may."""
    prompt = {"agent_type": "steps.linger", "parameters": {"seconds": 120}}
    body = workflow(
        {**step("slow", minutes=1 / 30, licence=1), **prompt},
        step("never", minutes=1 / 30, after=("slow",), licence=1),
        max_ftns_cost=0.01,
        cost_optimization_enabled=False,
    )
    async with running.client() as ann:
        workflow_id = (await ann.post(SCHEDULE, json=body)).json()["workflow_id"]
        ended = await has_status(ann, workflow_id, "failed")
        assert ended["completed_steps"] == []
        assert ended["actual_cost"] >= 0.01
        run = await service.executions.get(execution_of(service, workflow_id))
        assert run.error is not None
        assert run.error["error_class"] == "cost_limit_exceeded", run.error
        listed = (await ann.get(f"{BASE}/workflows?status_filter=failed")).json()
        assert [each["workflow_id"] for each in listed["workflows"]] == [workflow_id]


async def test_execute_starts_it_now_though_it_is_planned_for_tomorrow(running: Service) -> None:
    body = workflow(step("only", cpu_cores=2), execution_window=window(day()))
    async with running.client() as ann:
        workflow_id = (await ann.post(SCHEDULE, json=body)).json()["workflow_id"]
        executed = (await ann.post(f"{BASE}/workflow/{workflow_id}/execute")).json()
        assert executed["resource_allocation"] == {"cpu_cores": 2.0}
        ended = await has_status(ann, workflow_id, "completed")
        assert datetime.fromisoformat(ended["actual_start"]) < day()


async def test_pause_resume_and_cancel_before_it_begins(running: Service) -> None:
    body = workflow(step("only", licence=1), execution_window=window(day(), day()))
    async with running.client() as ann:
        workflow_id = (await ann.post(SCHEDULE, json=body)).json()["workflow_id"]
        path = f"{BASE}/workflow/{workflow_id}"
        explained = (await ann.get(f"{path}/explain")).json()
        assert explained["steps"][0]["step_name"] == "only"
        for wish, status in (("pause", "paused"), ("resume", "scheduled"), ("cancel", "cancelled")):
            answer = await ann.post(f"{path}/{wish}")
            assert answer.status_code == 200, answer.text
            stands = await has_status(ann, workflow_id, status)
            assert (stands["actual_start"], stands["execution_attempts"]) == (None, 0)
        # What it had reserved is free again.
        assert (await ann.post(SCHEDULE, json=body)).status_code == 200


async def test_it_begins_though_no_worker_was_there_at_its_hour(planning: Service, engine: Engine) -> None:
    async with planning.client() as ann:
        body = workflow(step("only", cpu_cores=1), execution_window=soon(2), cost_optimization_enabled=False)
        told = (await ann.post(SCHEDULE, json=body)).json()

        async def is_past() -> bool:
            return datetime.now(UTC) > datetime.fromisoformat(told["scheduled_start"])

        await eventually(is_past)
        await has_status(ann, told["workflow_id"], "scheduled")
        async with working(engine):
            await has_status(ann, told["workflow_id"], "completed")


async def test_prompts_hold_results_of_steps_before_and_costs_what_steps_report(
    running: Service, service: Engine
) -> None:
    body = workflow(
        {**step("ask"), "agent_type": "steps.bill", "parameters": {"ftns": 1.25, "who": "ann"}},
        {
            **step("say", after=("ask",)),
            "prompt_template": "{ask.owed} FTNS for {whom}, {{not}} ${more}",
            "parameters": {"whom": "bob", "more": [1]},
        },
        cost_optimization_enabled=False,
    )
    async with running.client() as ann:
        told = (await ann.post(SCHEDULE, json=body)).json()
        ended = await has_status(ann, told["workflow_id"], "completed")
    assert (ended["estimated_cost"], ended["actual_cost"]) == (0.0, 1.25)
    run = await service.executions.get(execution_of(service, told["workflow_id"]))
    assert run.steps[1].output["prompt"] == "1.25 FTNS for bob, {not} $[1]"
