"""Executions that are answered, told of events, changed, paused, and watched."""

from __future__ import annotations

import json
from typing import Any

import httpx
from orchestration_requests import BASE, begun, data, error, has_status, step, stored, workflow
from serving import Service

from tests.polling import eventually

ASKS = workflow(
    step("first", config={"n": 1}),
    {"id": "paid", "wait": {"event": "paid"}, "depends_on": ["first"]},
    {
        "id": "approve",
        "approval": {"message": "Ship ${first.result.n}?", "values": {"discount": 5}, "approvers": ["ann"]},
        "depends_on": ["paid"],
    },
    step("last", config={"amount": "${paid.result.amount}", "ok": "${approve.result.approved}"}),
)


async def events(client: httpx.AsyncClient, execution: str, *, after: int | None = None) -> list[dict[str, Any]]:
    """All server-sent events until the stream ends, each with its id."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    found: list[dict[str, Any]] = []
    async with client.stream("GET", f"{BASE}/executions/{execution}/events", headers=headers) as answer:
        assert answer.status_code in (200, 204)
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name in ("id", "event", "data"):
                fields[name] = value
            elif not line and fields:
                found.append({"id": int(fields["id"]), "name": fields["event"], **json.loads(fields["data"])})
                fields = {}
    return found


async def test_events_approvals_injected_steps_and_the_stream_of_all_of_it(running: Service) -> None:
    async with running.client() as ann, running.client("bob") as bob:
        workflow_id = await stored(ann, ASKS)
        execution = await begun(ann, workflow_id)
        path = f"{BASE}/executions/{execution}"

        async def current(step_id: str) -> None:
            async def is_current() -> bool:
                return bool(data(await ann.get(path)).get("current_step") == step_id)

            await eventually(is_current)

        await current("paid")
        added = step("extra", depends_on=["first"], config={"from": "${first.result.n}"})
        assert data(await ann.post(f"{path}/steps", json={"steps": [added]}))["changes"] == 1
        wrong = step("other", depends_on=["nothing"])
        refused = error(await ann.post(f"{path}/steps", json={"steps": [wrong]}), 422)
        assert refused["code"] == "CHANGE_REFUSED"
        assert error(await bob.post(f"{path}/events", json={"name": "paid"}), 404)["code"] == "EXECUTION_NOT_FOUND"
        data(await ann.post(f"{path}/events", json={"name": "paid", "data": {"amount": 7}}))
        await current("approve")
        asked = data(await ann.get(f"{path}/approvals"))
        assert [(each["step_id"], each["message"], each["values"]) for each in asked] == [
            ("approve", "Ship 1?", {"discount": 5})
        ]
        assert data(await ann.post(f"{path}/approve", json={"step_id": "approve", "comment": "fine"}))["approved"]
        ended = await has_status(ann, execution, "completed")
        assert ended["output"] == {"last": {"amount": 7, "ok": True}, "extra": {"from": 1}}
        assert error(await ann.post(f"{path}/events", json={"name": "late"}), 409)["code"] == "INVALID_STATUS"

        told = await events(ann, execution)
        assert [each["id"] for each in told] == list(range(1, len(told) + 1))
        assert told[-1]["event"] == told[-1]["name"] == "workflow.execution.completed"
        assert await events(ann, execution, after=3) == told[3:]
        assert (await ann.get(f"{path}/events", headers={"Last-Event-ID": str(len(told))})).status_code == 204

        graph = data(await ann.get(f"{BASE}/{workflow_id}/graph", params={"execution": execution}))
        assert [node["id"] for node in graph["nodes"]] == ["first", "paid", "approve", "last"]
        assert {"source": "approve", "target": "last"} in graph["edges"]
        assert graph["critical_path"][0] == "first"
        assert {node["status"] for node in graph["nodes"]} == {"completed"}


async def test_a_stream_goes_on_until_the_end(running: Service) -> None:
    async with running.client() as ann:
        document = workflow(step("a"), {"id": "go", "wait": {"event": "go"}, "depends_on": ["a"]})
        execution = await begun(ann, await stored(ann, document))
        path = f"{BASE}/executions/{execution}"
        assert data(await ann.post(f"{path}/pause"))["status"] == "pausing"
        await has_status(ann, execution, "paused")
        assert data(await ann.post(f"{path}/resume"))["status"] == "resuming"
        await has_status(ann, execution, "running")
        seen: list[str] = []
        async with ann.stream("GET", f"{path}/events") as answer:
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    seen.append(line.removeprefix("event: "))
                if line == "event: workflow.step.completed" and seen.count("workflow.step.completed") == 1:
                    # That of `a`: what follows is told as it happens.
                    data(await ann.post(f"{path}/events", json={"name": "go"}))
        assert seen[-1] == "workflow.execution.completed"
        assert {"workflow.execution.paused", "workflow.execution.resumed"} <= set(seen)
