"""Workflows: checked with everything at once, stored, changed, activated, paused, deleted, listed."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from orchestration_requests import BASE, begun, data, error, has_status, step, stored, workflow
from serving import Service

from definitions.errors import NotFound
from engine.access.identity import Identity
from engine.core import Engine
from engine.schedules.schedules import Schedules

NIGHTLY = {"type": "cron", "expression": "0 2 * * *", "timezone": "UTC"}


def wrong() -> list[tuple[dict[str, Any], str, dict[str, bool], list[str]]]:
    """A document, the code, what is not valid, and where."""
    machines = {"node_type": "i3.xlarge", "min_workers": 11}
    no_order, bad_steps = {"dependencies_resolved": False}, {"steps_valid": False}
    return [
        (
            workflow(step("a", depends_on=["b"])),
            "STEP_DEPENDENCY_ERROR",
            no_order,
            ["steps[0]"],
        ),
        (
            workflow(step("a", depends_on=["b"]), step("b", depends_on=["a"])),
            "STEP_DEPENDENCY_ERROR",
            no_order,
            ["steps[0]"],
        ),
        (
            workflow(step("a", config={"x": "${c.result}"}, timeout="soon")),
            "STEP_DEPENDENCY_ERROR",
            {"dependencies_resolved": False, "steps_valid": False},
            ["steps[0].config.x", "steps[0].timeout"],
        ),
        (
            workflow({"id": "a", "plugin": "teleport", "operation": "beam"}, step("b", "steps.nothing_there_is")),
            "PLUGIN_UNAVAILABLE",
            {"plugins_available": False},
            ["steps[0].plugin"],
        ),
        (
            workflow({"id": "a", "plugin": "sql", "operation": "extract_data", "config": {"sqll": "SELECT 1"}}),
            "DEFINITION_INVALID",
            bad_steps,
            ["steps[0].config"],
        ),
        (
            workflow(step("a", resources=machines)),
            "RESOURCE_INSUFFICIENT",
            bad_steps,
            ["steps[0].resources"],
        ),
        (
            workflow(step("a", resources={"cpu_cores": 17})),
            "RESOURCE_INSUFFICIENT",
            bad_steps,
            ["steps[0].resources.cpu_cores"],
        ),
        (
            workflow(step("a", resources={"node_type": "i3.xlarg", "min_workers": 1})),
            "RESOURCE_INSUFFICIENT",
            bad_steps,
            ["steps[0].resources.node_type"],
        ),
        (
            workflow(step("a"), schedule={**NIGHTLY, "expression": "61 2 * * *"}),
            "DEFINITION_INVALID",
            {"schedule_valid": False},
            ["schedule.expression"],
        ),
        (
            workflow(step("1a"), {"id": "b", "plugin": "python"}, unknown=1, notifications={"on_success": ["nobody"]}),
            "DEFINITION_INVALID",
            bad_steps,
            ["steps[0].id", "steps[1].operation", "unknown"],
        ),
        ({"name": "empty", "steps": []}, "DEFINITION_INVALID", bad_steps, ["steps"]),
        ({}, "DEFINITION_INVALID", bad_steps, ["name", "steps"]),
    ]


async def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_stored(running: Service) -> None:
    async with running.client() as ann:
        for document, code, invalid, places in wrong():
            found = error(await ann.post(BASE, json=document), 422)
            assert found["code"] == code, found
            results = {name: value for name, value in found["details"]["validation_results"].items() if not value}
            assert results == invalid, found
            told = [problem["path"] for problem in found["details"]["problems"]]
            assert re.match(r"the definition has \d+ problems?: [^;]", found["message"]), found
            for place in places:
                assert any(path.startswith(place) for path in told), (place, told)
            assert len(told) == len(set(told)), told
        assert (await ann.get(BASE)).json()["pagination"]["total"] == 0


async def test_one_is_changed_activated_paused_and_deleted(running: Service, service: Engine) -> None:
    ann_herself = Identity("ann")
    schedules = Schedules(service.seen_by(ann_herself), ann_herself)

    async def scheduled(workflow_id: str) -> tuple[str | None, bool]:
        found = await schedules.get(workflow_id)
        return found.schedule.schedule.expression, found.paused

    document = workflow(step("only", config={"n": 1}), schedule=NIGHTLY, version="1.0.0")
    async with running.client() as ann, running.client("bob") as bob:
        key = {"Idempotency-Key": "create"}
        first = data(await ann.post(BASE, json=document, headers=key), 201)
        assert data(await ann.post(BASE, json=document, headers=key), 201) == first
        path = f"{BASE}/{first['id']}"
        assert error(await bob.get(path), 404)["code"] == "WORKFLOW_NOT_FOUND"
        assert error(await ann.post(f"{path}/pause"), 409)["code"] == "INVALID_STATUS"

        assert data(await ann.post(f"{path}/activate"))["status"] == "active"
        assert await scheduled(first["id"]) == ("0 2 * * *", False)
        changed = {**document, "version": "1.1.0", "steps": [step("only", config={"n": 2})]}
        updated = data(await ann.put(path, json={**changed, "schedule": {**NIGHTLY, "expression": "0 3 * * *"}}))
        assert (updated["version"], updated["status"]) == ("1.1.0", "active")
        assert await scheduled(first["id"]) == ("0 3 * * *", False)
        whole = data(await ann.get(path))
        assert (whole["revision"], whole["definition"]["steps"]) == (2, changed["steps"])
        told = data(await ann.post(f"{path}/execute", json={"async": False}))
        assert told["output"] == {"n": 2}

        assert data(await ann.post(f"{path}/pause"))["status"] == "paused"
        assert error(await ann.post(f"{path}/execute"), 409)["code"] == "WORKFLOW_PAUSED"
        data(await ann.post(f"{path}/activate"))

        assert data(await ann.delete(path)) == {"id": first["id"], "status": "deleted"}
        for gone in (await ann.get(path), await ann.post(f"{path}/execute")):
            assert error(gone, 404)["code"] == "WORKFLOW_NOT_FOUND"
        with pytest.raises(NotFound):
            await scheduled(first["id"])
        assert data(await ann.get(f"{BASE}/executions/{told['execution_id']}"))["status"] == "completed"


async def test_one_that_runs_is_not_deleted(running: Service) -> None:
    async with running.client() as ann:
        workflow_id = await stored(ann, workflow(step("slow", "steps.wait", config={"seconds": 60})))
        execution = await begun(ann, workflow_id)
        await has_status(ann, execution, "running")
        assert error(await ann.delete(f"{BASE}/{workflow_id}"), 409)["code"] == "WORKFLOW_IN_USE"
        data(await ann.post(f"{BASE}/executions/{execution}/stop", json={"graceful": False}))
        await has_status(ann, execution, "stopped")
        data(await ann.delete(f"{BASE}/{workflow_id}"))


async def test_lists_have_metrics_filters_and_pages(running: Service) -> None:
    async with running.client() as ann, running.client("bob") as bob, running.client("root", roles=["admin"]) as root:
        good = await stored(ann, workflow(step("a"), name="good", tags=["x", "y"]))
        bad = await stored(ann, workflow(step("a", "steps.fail"), name="bad", tags=["x"]))
        mixed = await stored(ann, workflow(step("a", "steps.flaky"), name="mixed"))
        await stored(bob, workflow(step("a"), name="of bob"))
        wait = {"async": False}
        retry = {"step_overrides": {"a": {"config": {"succeeds_at": 1}}}}
        runs = [(good, wait), (good, wait), (bad, wait), (mixed, wait), (mixed, {**wait, **retry})]
        for workflow_id, request in runs:
            data(await ann.post(f"{BASE}/{workflow_id}/execute", json=request))
        data(await ann.post(f"{BASE}/{good}/activate"))

        async def listed(client: Any = ann, **params: Any) -> list[str]:
            return [each["name"] for each in data(await client.get(BASE, params=params))]

        assert await listed() == ["mixed", "bad", "good"]
        assert await listed(status="failed") == ["bad"]
        assert await listed(status="completed") == ["mixed", "good"]
        assert await listed(status="active") == ["good"]
        assert await listed(status="created") == ["mixed", "bad"]
        assert await listed(tags="x") == ["bad", "good"]
        assert await listed(tags=["x", "y"]) == ["good"]
        assert await listed(created_by="bob") == []
        assert await listed(root, created_by="bob") == ["of bob"]
        page = await ann.get(BASE, params={"page": 2, "limit": 2})
        assert page.json()["pagination"] == {"page": 2, "limit": 2, "total": 3, "has_next": False}
        assert [each["name"] for each in data(page)] == ["good"]
        found = {each["name"]: each["metrics"] for each in data(await ann.get(BASE))}
        rates = {name: (each["total_executions"], each["success_rate"]) for name, each in found.items()}
        assert rates == {"good": (2, 1.0), "bad": (1, 0.0), "mixed": (2, 0.5)}
        runs_of_mixed = data(await ann.get(f"{BASE}/{mixed}/executions", params={"status": "failed"}))
        assert len(runs_of_mixed) == 1


@pytest.mark.parametrize("count", [50])
async def test_racing_executions_of_one_name_are_one(running: Service, count: int) -> None:
    async with running.client() as ann:
        workflow_id = await stored(ann, workflow(step("a")))
        request = {"execution_name": "one"}
        answers = await asyncio.gather(*(ann.post(f"{BASE}/{workflow_id}/execute", json=request) for _ in range(count)))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * (count - 1)
        assert data(await ann.get(f"{BASE}/{workflow_id}"))["metrics"]["total_executions"] == 1
