"""Errors have the documented body, whatever went wrong."""

from __future__ import annotations

import httpx
import pytest
from serving import Serve

from api.orchestration.endpoints import ORCHESTRATION

WORKFLOW = "/v1/workflows/wf_00000000000000000000000000000001"


def error_of(answer: httpx.Response, status: int) -> dict[str, object]:
    """The error in an answer, whose body must be as documented."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    error: dict[str, object] = body["error"]
    assert error.keys() == {"code", "message", "details"}
    assert error["details"]["request_id"] == answer.headers["x-request-id"]  # type: ignore[index]
    return error


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/workflows/nothing/here/at/all", 404, "NOT_FOUND"),
        ("GET", "/orchestration/v1/nothing", 404, "NOT_FOUND"),
        ("PATCH", WORKFLOW, 405, "METHOD_NOT_ALLOWED"),
        ("GET", WORKFLOW, 404, "WORKFLOW_NOT_FOUND"),
        ("GET", WORKFLOW.replace("workflows", "workflows/workflows"), 404, "WORKFLOW_NOT_FOUND"),
        ("GET", f"/orchestration{WORKFLOW}", 404, "WORKFLOW_NOT_FOUND"),
    ],
)
async def test_every_error_has_the_documented_body(
    serve: Serve, method: str, path: str, status: int, code: str
) -> None:
    async with serve([ORCHESTRATION]) as service, service.client() as client:
        assert error_of(await client.request(method, path), status)["code"] == code


async def test_without_credentials_there_is_the_documented_body(serve: Serve) -> None:
    async with serve([ORCHESTRATION]) as service, service.client(None) as client:
        error = error_of(await client.get(WORKFLOW), 401)
        assert error["code"] == "NO_CREDENTIALS"
