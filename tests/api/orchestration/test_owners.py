"""What is another user's is not there: at every path."""

from __future__ import annotations

from typing import Any

import httpx
from orchestration_requests import BASE, data, step, stored, workflow
from serving import Service

BODIES: dict[str, Any] = {
    "/approve": {"step_id": "a"},
    "/events": {"name": "x"},
    "/steps": {"skip": ["a"]},
    "/schedule": {"schedule": {"type": "cron", "expression": "0 2 * * *"}},
    "/webhooks": {"url": "https://example.com/told"},
    "/schedule/backfill": {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"},
}
"""Those that are right, by how the path ends: what is wrong with a body is told to anybody."""


async def routes(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Method and path of all that are about one object."""
    paths = (await client.get("/orchestration/openapi.json")).json()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() if "{" in path for method in methods]
    assert len(found) > 20
    return found


async def test_nobody_gets_at_anothers_objects_by_any_path(idle: Service) -> None:
    async with idle.client() as ann, idle.client("bob") as bob:
        document = workflow(step("a"))
        workflow_id = await stored(ann, document)
        execution_id = data(await ann.post(f"{BASE}/{workflow_id}/execute", json={}))["execution_id"]
        template = {"name": "t", "workflow": document}
        template_id = data(await ann.post(f"{BASE}/templates", json=template), 201)["id"]
        ids = {"workflow_id": workflow_id, "execution_id": execution_id, "template_id": template_id}
        for method, path in await routes(bob):
            names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
            if not ids.keys() >= set(names):
                continue  # of an object of another kind, which has tests of its own
            ending = path.rpartition("}")[2]
            body = BODIES.get(ending, document if method == "PUT" else {})
            sent = {} if method in ("GET", "DELETE") else {"json": body}
            answer = await bob.request(method, path.format(**ids), **sent)
            assert answer.status_code == 404, (method, path, answer.text)
            assert answer.json()["error"]["code"].endswith("_NOT_FOUND"), (method, path, answer.text)
        assert data(await ann.get(f"{BASE}/{workflow_id}"))["metrics"]["total_executions"] == 1
        assert data(await bob.get(BASE)) == []
