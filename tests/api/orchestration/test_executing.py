"""Executions: named, overridden, waited for, followed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from orchestration_requests import BASE, STATUS, begun, data, documented, error, same_shape, step, stored, workflow
from serving import Service

from tests.polling import eventually

ECHO = workflow(
    step("first", config={"sql": "SELECT ${input_data.n}", "depth": {"a": 1, "b": 2}}),
    step("second", config={"was": "${first.result.sql}"}, depends_on=["first"]),
)


async def test_it_is_named_once_and_the_same_request_is_the_same_execution(running: Service) -> None:
    async with running.client() as ann:
        workflow_id, other = await stored(ann, ECHO), await stored(ann, ECHO)
        assert workflow_id != other
        path, request = f"{BASE}/{workflow_id}/execute", {"execution_name": "nightly", "parameters": {"n": 1}}
        key = {"Idempotency-Key": "one"}
        first = data(await ann.post(path, json=request, headers=key))
        again = await ann.post(path, json=request, headers=key)
        assert (data(again), again.headers["idempotent-replayed"]) == (first, "true")
        taken = error(await ann.post(path, json=request), 409)
        assert taken["code"] == "EXECUTION_NAME_TAKEN"
        assert data(await ann.post(f"{BASE}/{other}/execute", json=request))["execution_name"] == "nightly"
        metrics = data(await ann.get(f"{BASE}/{workflow_id}"))["metrics"]
        assert metrics["total_executions"] == 1


async def test_the_answer_waits_for_the_result(running: Service) -> None:
    async with running.client() as ann:
        workflow_id = await stored(ann, ECHO)
        request = {"async": False, "parameters": {"n": 7}, "priority": "high", "tags": ["adhoc"]}
        told = data(await ann.post(f"{BASE}/{workflow_id}/execute", json=request))
        assert (told["status"], told["output"]) == ("completed", {"was": "SELECT 7"})
        assert told["progress"] == {"completed_steps": 2, "total_steps": 2, "percentage": 100}
        assert "current_step" not in told


async def test_overrides_are_for_one_execution_and_reruns_of_it(running: Service) -> None:
    async with running.client() as ann:
        workflow_id = await stored(ann, ECHO)
        override = {"first": {"config": {"sql": "DELETE", "depth": {"b": 3}}, "retry_policy": {"max_attempts": 2}}}
        request = {"async": False, "step_overrides": override}
        told = data(await ann.post(f"{BASE}/{workflow_id}/execute", json=request))
        assert told["output"] == {"was": "DELETE"}
        found = data(await ann.get(f"{BASE}/executions/{told['execution_id']}"))
        assert found["step_details"][0]["output"] == {"sql": "DELETE", "depth": {"a": 1, "b": 3}}
        plain = {"async": False, "parameters": {"n": 1}}
        assert data(await ann.post(f"{BASE}/{workflow_id}/execute", json=plain))["output"] == {"was": "SELECT 1"}
        again = {"from_step": "second"}
        rerun = data(await ann.post(f"{BASE}/executions/{told['execution_id']}/rerun", json=again))
        assert (rerun["reused"], rerun["runs"]) == (["first"], {"second": "chosen"})
        ended: dict[str, object] = {}

        async def has_ended() -> bool:
            ended.update(data(await ann.get(f"{BASE}/executions/{rerun['execution_id']}")))
            return ended["status"] == "completed"

        await eventually(has_ended)
        assert ended["output"] == {"was": "DELETE"}


async def test_wrong_overrides_are_told_all_at_once(running: Service) -> None:
    async with running.client() as ann:
        workflow_id = await stored(ann, ECHO)
        overrides = {"frist": {"config": {}}, "second": {"depends_on": []}}
        refused = error(await ann.post(f"{BASE}/{workflow_id}/execute", json={"step_overrides": overrides}), 422)
        assert refused["code"] == "STEP_OVERRIDES_INVALID"
        told = {problem["path"]: problem for problem in refused["details"]["problems"]}
        assert told.keys() == {"step_overrides.frist", "step_overrides.second.depends_on"}
        assert "first" in told["step_overrides.frist"]["remedy"]
        overrides = {"second": {"config": {"was": "${third.result}"}, "timeout": "soon"}}
        refused = error(await ann.post(f"{BASE}/{workflow_id}/execute", json={"step_overrides": overrides}), 422)
        assert refused["code"] == "STEP_DEPENDENCY_ERROR"
        assert {each["path"] for each in refused["details"]["problems"]} == {"steps[1].config.was", "steps[1].timeout"}
        overrides = {"first": {"resources": {"node_type": "i3.xlarge", "min_workers": 11}}}
        refused = error(await ann.post(f"{BASE}/{workflow_id}/execute", json={"step_overrides": overrides}), 422)
        assert refused["code"] == "RESOURCE_INSUFFICIENT"
        assert data(await ann.get(f"{BASE}/{workflow_id}"))["metrics"]["total_executions"] == 0


async def test_what_a_running_step_reports_is_seen_while_it_runs(running: Service) -> None:
    shown = documented()[STATUS]["data"]
    busy = step("busy", "steps.works", depends_on=["first"], config={"seconds": 120, "cluster_id": "cluster_001"})
    busy["resources"] = {"node_type": "i3.xlarge", "min_workers": 2, "max_workers": 4}
    async with running.client() as ann:
        execution = await begun(
            ann, await stored(ann, workflow(step("first"), busy, step("last", depends_on=["busy"])))
        )
        found: dict[str, object] = {}

        async def reports() -> bool:
            found.update(data(await ann.get(f"{BASE}/executions/{execution}")))
            told = found["step_details"][1]  # type: ignore[index]
            # What is measured may be known before what the step says of itself.
            return told.get("resource_usage", {}).get("workers") == 5 and "progress" in told

        await eventually(reports)
        same_shape({**found, "step_details": []}, {**shown, "step_details": []})
        first, running_step, last = found["step_details"]  # type: ignore[misc]
        assert running_step["progress"] == {"current_operation": "calculating_aggregations", "percentage": 35}
        usage = {"cluster_id": "cluster_001", "workers": 5, "cpu_usage": 75, "memory_usage": 68, "peak_memory_gb": 2}
        assert running_step["resource_usage"] | usage == running_step["resource_usage"]
        assert last == {"id": "last", "status": "pending", "depends_on": ["busy"]}
        assert first["status"] == "completed"
        assert found["progress"] == {"completed_steps": 1, "total_steps": 3, "percentage": 33}
        used = found["resource_usage"]
        assert used["peak_memory_gb"] == 2  # type: ignore[index]
        data(await ann.post(f"{BASE}/executions/{execution}/stop", json={"graceful": False}))


async def test_what_a_step_uses_is_measured_and_told_while_it_runs_and_after(running: Service) -> None:
    size = 32_000_000
    busy = step("busy", "steps.burns", config={"bytes": size}, resources={"memory_gb": 0.5})
    async with running.client() as ann:
        execution = await begun(ann, await stored(ann, workflow(busy)))

        async def found() -> dict[str, Any]:
            seen: dict[str, Any] = data(await ann.get(f"{BASE}/executions/{execution}"))
            return seen

        async def is_measured() -> bool:
            return "cpu_usage" in (await found())["step_details"][0].get("resource_usage", {})

        async def is_over() -> bool:
            return (await found())["status"] == "stopped"

        await eventually(is_measured)
        data(await ann.post(f"{BASE}/executions/{execution}/stop", json={}))
        await eventually(is_over)
        ended = await found()
        [told] = ended["step_details"]
        usage, whole = told["resource_usage"], ended["resource_usage"]
        assert usage["cpu_usage"] > 0
        assert usage["peak_memory_gb"] >= 0.9 * size / 1e9
        assert usage["memory_usage"] == pytest.approx(100 * usage["peak_memory_gb"] / 0.5, rel=0.5)
        assert 0 < usage["peak_cpu_cores"] < 2
        # What was measured, and not what was demanded.
        assert (whole["peak_memory_gb"], whole["peak_cpu_cores"]) == (usage["peak_memory_gb"], usage["peak_cpu_cores"])


async def test_the_log_is_paged_in_full_without_gaps(running: Service) -> None:
    lines = 20_000
    talk = workflow(
        step("talk", "steps.say", config={"lines": lines}),
        step("warn", "steps.say", config={"lines": 3, "level": "warning"}, depends_on=["talk"]),
    )
    async with running.client() as ann:
        workflow_id = await stored(ann, talk)
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        headers = {"X-Request-ID": "corr_123", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        answer = await ann.post(f"{BASE}/{workflow_id}/execute", json={}, headers=headers)
        execution = data(answer)["execution_id"]
        path = f"{BASE}/executions/{execution}/logs"

        async def page(**params: object) -> dict[str, object]:
            found: dict[str, object] = data(await ann.get(path, params=params))  # type: ignore[arg-type]
            return found

        async def are_there() -> bool:
            told = (await page(limit=1))["pagination"]
            return bool(told["total_entries"] == lines + 3)  # type: ignore[index]

        await eventually(are_there, seconds=120)
        seen: list[str] = []
        cursor: dict[str, object] = {}
        while True:
            found = await page(step_id="talk", limit=7_000, **cursor)
            seen += [line["message"] for line in found["logs"]]  # type: ignore[union-attr]
            told = found["pagination"]
            assert told["total_entries"] == lines  # type: ignore[index]
            if not told["has_more"]:  # type: ignore[index]
                break
            cursor = {"cursor": told["next_cursor"]}  # type: ignore[index]
        assert seen == [f"line {number}" for number in range(lines)]
        warned = (await page(level="WARN"))["logs"]
        assert [line["level"] for line in warned] == ["WARN"] * 3  # type: ignore[union-attr]
        assert warned[0]["metadata"] == {"correlation_id": "corr_123", "trace_id": trace}  # type: ignore[index]
        await times(ann, path, warned[0]["timestamp"])  # type: ignore[index]


async def times(ann: httpx.AsyncClient, path: str, moment: str) -> None:
    later = data(await ann.get(path, params={"start_time": moment, "level": "WARN"}))["logs"]
    earlier = data(await ann.get(path, params={"end_time": moment, "limit": 1, "level": "WARN"}))["logs"]
    assert (len(later), len(earlier)) == (3, 0)
    assert error(await ann.get(path, params={"limit": 10_001}), 422)["code"] == "INVALID_REQUEST"
    assert error(await ann.get(path, params={"start_time": "yesterday"}), 422)["code"] == "INVALID_REQUEST"
