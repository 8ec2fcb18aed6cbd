"""Requests of the Orchestration API, as its document has them and as tests need them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.polling import eventually

BASE = "/v1/workflows"
SPEC = Path(__file__).parents[4] / "shared" / "spec" / "001_1403a821d848eeb8.txt"
LISTED, CREATE, CREATED, EXECUTE, EXECUTED, STATUS, STOP, LOGS, SCHEDULE, TEMPLATES, WEBHOOK = range(11)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def documented() -> list[dict[str, Any]]:
    """The JSON blocks of the document, in order."""
    if not SPEC.is_file():
        pytest.skip(f"the document is not there: {SPEC.name} in the folder shared/spec beside the repository")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", SPEC.read_text(), re.DOTALL)]


def same_shape(answer: Any, shown: Any, *, free: tuple[str, ...] = (), path: str = "") -> None:
    """Fails unless both have the same keys and types all the way down; of lists every item is as the first one shown.
    `free`: keys whose values are the user's."""
    if isinstance(shown, dict):
        assert isinstance(answer, dict), path
        assert set(answer) == set(shown), f"{path}: {sorted(set(answer) ^ set(shown))}"
        for key, value in shown.items():
            if key not in free:
                same_shape(answer[key], value, free=free, path=f"{path}.{key}")
    elif isinstance(shown, list):
        assert isinstance(answer, list), path
        for number, item in enumerate(answer):
            same_shape(item, shown[0], free=free, path=f"{path}[{number}]")
    elif isinstance(shown, str) and _DATE.fullmatch(shown):
        assert _DATE.fullmatch(answer), f"{path}: {answer}"
    elif isinstance(shown, float | int) and not isinstance(shown, bool):
        assert isinstance(answer, float | int), f"{path}: {answer!r} is not as {shown!r}"
    else:
        assert type(answer) is type(shown), f"{path}: {answer!r} is not as {shown!r}"


def step(step_id: str, operation: str = "steps.echo", **fields: Any) -> dict[str, Any]:
    """A step that runs a handler of the tests."""
    return {"id": step_id, "plugin": "python", "operation": operation, **fields}


def workflow(*steps: dict[str, Any], name: str = "tested", **fields: Any) -> dict[str, Any]:
    """A workflow document."""
    return {"name": name, "steps": [*steps], **fields}


def data(answer: httpx.Response, status: int = 200) -> Any:
    """What an answer holds, whose envelope must be as documented."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["success"] is True
    return body["data"]


def error(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The error in an answer, whose body must be as documented."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    found: dict[str, Any] = body["error"]
    assert found.keys() == {"code", "message", "details"}
    assert found["details"]["request_id"] == answer.headers["x-request-id"]
    return found


async def stored(client: httpx.AsyncClient, document: dict[str, Any]) -> str:
    """The id of a workflow that is stored."""
    return str(data(await client.post(BASE, json=document), 201)["id"])


async def begun(client: httpx.AsyncClient, workflow_id: str, **request: Any) -> str:
    """The id of an execution that is begun."""
    return str(data(await client.post(f"{BASE}/{workflow_id}/execute", json=request))["execution_id"])


async def has_status(client: httpx.AsyncClient, execution_id: str, *statuses: str) -> dict[str, Any]:
    """How an execution stands, once it has one of these statuses."""
    found: dict[str, Any] = {}

    async def has_it() -> bool:
        found.clear()
        found.update(data(await client.get(f"{BASE}/executions/{execution_id}")))
        return found["status"] in statuses

    await eventually(has_it)
    return found
