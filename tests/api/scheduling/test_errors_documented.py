"""Every documented error, through a situation that deserves it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from scheduling_requests import BASE, day, step, window, workflow
from serving import Service

SCHEDULE = f"{BASE}/schedule-workflow"


def is_error(answer: httpx.Response, status: int, code: str, *says: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["code"], body["error"]) == (status, status, code), body
    assert set(body) - {"workflow_id"} == {"error", "message", "code", "timestamp"}
    for words in says:
        assert words in body["message"], body["message"]


LONG = 200
NOON = day(hour=12)


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        (
            workflow(step("a", after=("b",)), step("b", after=("c",)), step("c", after=("a",))),
            400,
            "dependency_cycle",
            ["a", "b", "c", "->"],
        ),
        (
            workflow(step("a", minutes=60, cpu_cores=4), execution_window=window(NOON, NOON), max_ftns_cost=3.99),
            400,
            "cost_limit_exceeded",
            ["4.00", "3.99"],
        ),
        (workflow(step("a"), execution_window=window(day(-2), day(-1))), 400, "scheduling_window_expired", ["passed"]),
        (workflow(step("a", cpu_cores=17)), 409, "resource_conflict", ["17 cpu_cores", "16 at most"]),
        (workflow(step("a", qubits=1)), 409, "resource_conflict", ["no such pool"]),
        (
            workflow(step("a", minutes=90), execution_window=window(NOON, max_duration_hours=1)),
            409,
            "resource_conflict",
            ["5400 s", "3600 s"],
        ),
        (workflow(), 400, "invalid_request", ["steps"]),
        (workflow(step("a"), step("a")), 400, "definition_invalid", ["two steps `a`"]),
        (
            workflow({**step("a"), "agent_type": "nobody"}),
            400,
            "definition_invalid",
            ["steps[0].agent_type: ", "nobody"],
        ),
        (
            workflow(step("load"), step("train", after=("load", "laod"))),
            400,
            "definition_invalid",
            ["steps[1].depends_on[1]: ", "`laod`", "did you mean `load`?"],
        ),
        (workflow({**step("a"), "blocks": ["b"]}), 400, "definition_invalid", ["steps[0].blocks[0]: ", "`b`"]),
        (
            workflow({**step("a"), "prompt_template": "{x}"}),
            400,
            "definition_invalid",
            ["steps[0].prompt_template: `{x}`"],
        ),
        (workflow({**step("a"), "colour": "red"}), 400, "invalid_request", ["steps[0].colour"]),
        (workflow(step("a"), execution_window=window(NOON, NOON - timedelta(1))), 400, "invalid_request", ["before"]),
    ],
)
async def test_what_cant_be_scheduled_says_why_with_numbers(
    planning: Service, body: dict[str, Any], status: int, code: str, says: list[str]
) -> None:
    async with planning.client() as ann:
        is_error(await ann.post(SCHEDULE, json=body), status, code, *says)


async def test_others_workflows_unknown_ones_and_wrong_states(planning: Service) -> None:
    body = workflow(step("a", cpu_cores=1), execution_window=window(day(hour=12)))
    async with planning.client() as ann, planning.client("bob") as bob, planning.client(None) as nobody:
        workflow_id = (await ann.post(SCHEDULE, json=body)).json()["workflow_id"]
        paths = [("GET", part) for part in ("status", "plan", "explain")]
        paths += [("POST", part) for part in ("execute", "pause", "resume", "cancel")]
        for method, part in paths:
            path = f"{BASE}/workflow/{workflow_id}/{part}"
            answer = await bob.request(method, path)
            is_error(answer, 403, "access_denied", "another user")
            assert answer.json()["workflow_id"] == workflow_id
            is_error(await ann.request(method, path.replace(workflow_id, "wf_" + "0" * 32)), 404, "workflow_not_found")
            is_error(await ann.request(method, path.replace(workflow_id, "wf_abc")), 404, "workflow_not_found")
            is_error(await nobody.request(method, path), 401, "no_credentials")
        is_error(
            await ann.post(f"{BASE}/workflow/{workflow_id}/resume"),
            400,
            "invalid_workflow_status",
            "Workflow cannot be resumed in scheduled state",
        )
        assert (await bob.get(f"{BASE}/workflows")).json()["summary"]["total_workflows"] == 0


async def test_parameters_unknown_paths_and_quotas(planning: Service) -> None:
    async with planning.client() as ann:
        for wrong in ("limit=0", "limit=101", "offset=-1", "status_filter=asleep", "limit=x"):
            is_error(await ann.get(f"{BASE}/workflows?{wrong}"), 400, "invalid_request")
        is_error(await ann.get(f"{BASE}/nothing"), 404, "not_found")
        object.__setattr__(planning.settings, "submissions_per_minute", 1)
        body = workflow(step("a", cpu_cores=1))
        answers = [await ann.post(SCHEDULE, json=body) for _ in range(2)]
        is_error(answers[1], 429, "rate_limited")
        assert 1 <= int(answers[1].headers["retry-after"]) <= 60
