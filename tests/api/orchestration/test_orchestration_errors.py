"""Errors have the documented body, whatever went wrong."""

from __future__ import annotations

import json
import re

import pytest
from orchestration_requests import error
from serving import Serve

from api.orchestration.endpoints import ORCHESTRATION

WORKFLOW = "/v1/workflows/wf_00000000000000000000000000000001"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/workflows/nothing/here/at/all", 404, "NOT_FOUND"),
        ("GET", "/orchestration/v1/nothing", 404, "NOT_FOUND"),
        ("PATCH", WORKFLOW, 405, "METHOD_NOT_ALLOWED"),
        ("GET", WORKFLOW, 404, "WORKFLOW_NOT_FOUND"),
        ("GET", WORKFLOW.replace("workflows", "workflows/workflows"), 404, "WORKFLOW_NOT_FOUND"),
        ("GET", f"/orchestration{WORKFLOW}", 404, "WORKFLOW_NOT_FOUND"),
        ("GET", "/v1/workflows/no-id", 404, "WORKFLOW_NOT_FOUND"),
        ("GET", "/v1/workflows/executions/no-id", 404, "EXECUTION_NOT_FOUND"),
        ("GET", f"{WORKFLOW.replace('wf_', 'executions/exec_')}/logs", 404, "EXECUTION_NOT_FOUND"),
        ("GET", "/v1/workflows?limit=101", 422, "INVALID_REQUEST"),
        ("GET", "/v1/workflows?status=nothing", 422, "INVALID_REQUEST"),
        ("POST", f"{WORKFLOW}/execute", 404, "WORKFLOW_NOT_FOUND"),
    ],
)
async def test_every_error_has_the_documented_body(
    serve: Serve, method: str, path: str, status: int, code: str
) -> None:
    async with serve([ORCHESTRATION]) as service, service.client() as client:
        assert error(await client.request(method, path), status)["code"] == code


async def test_a_slash_at_the_end_changes_nothing(serve: Serve) -> None:
    async with serve([ORCHESTRATION]) as service, service.client() as client:
        for path in ("/v1/workflows", "/v1/workflows/workflows", "/orchestration/v1/workflows"):
            assert (await client.get(f"{path}/", params={"limit": 5})).json()["pagination"]["limit"] == 5
        assert error(await client.get(f"{WORKFLOW}/"), 404)["code"] == "WORKFLOW_NOT_FOUND"
        assert error(await client.post("/v1/workflows/", json={}), 422)["code"] == "DEFINITION_INVALID"
        assert error(await client.get("/v1/workflows//"), 404)["code"] == "NOT_FOUND"


async def test_without_credentials_there_is_the_documented_body(serve: Serve) -> None:
    async with serve([ORCHESTRATION]) as service, service.client(None) as client:
        assert error(await client.get(WORKFLOW), 401)["code"] == "NO_CREDENTIALS"


async def test_the_page_tells_what_a_document_is(serve: Serve) -> None:
    async with serve([ORCHESTRATION]) as service, service.client(None) as client:
        page = (await client.get("/orchestration/openapi.json")).json()
    schemas = page["components"]["schemas"]
    body = page["paths"]["/v1/workflows"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    while "$ref" in body:
        body = schemas[body["$ref"].removeprefix("#/components/schemas/")]
    assert {"name", "steps", "schedule", "notifications"} <= body["properties"].keys()
    named = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(page)))
    assert {name.removeprefix("#/components/schemas/") for name in named} <= schemas.keys()
