"""Every request and answer of the document, against a running server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from orchestration_requests import (
    BASE,
    CREATE,
    CREATED,
    EXECUTE,
    EXECUTED,
    LISTED,
    LOGS,
    STATUS,
    data,
    documented,
    error,
    has_status,
    same_shape,
)
from serving import Service

from activities.plugins.databricks import TOKEN
from activities.plugins.snowflake import PASSWORD
from activities.step_context import secret_variable

PLUGINS_SET = {
    "LONGPOLE_PLUGIN_SNOWFLAKE_ACCOUNT": "acme",
    "LONGPOLE_PLUGIN_SNOWFLAKE_USER": "reader",
    secret_variable(PASSWORD): "nobody's",
    "LONGPOLE_PLUGIN_DATABRICKS_HOST": "https://workspace.example",
    secret_variable(TOKEN): "nobody's",
}
"""What an operator sets; nothing is called with it when a workflow is stored."""


@pytest.fixture
def shown() -> list[dict[str, Any]]:
    found = documented()
    assert len(found) == 11
    return found


def on_handlers(document: dict[str, Any]) -> dict[str, Any]:
    """The documented workflow, its operations done by a handler of the tests that returns what it is told to do."""
    steps = [{**step, "plugin": "python", "operation": "steps.tells"} for step in document["steps"]]
    return {**document, "steps": steps}


async def test_the_documented_workflow_without_its_plugins(running: Service, shown: list[dict[str, Any]]) -> None:
    async with running.client() as ann:
        found = error(await ann.post(BASE, json=shown[CREATE]), 422)
        assert found["code"] == "PLUGIN_UNAVAILABLE"
        told = [each for each in found["details"]["problems"] if each["path"].endswith(".plugin")]
        assert {each["code"] for each in told} <= {"UNKNOWN_PLUGIN", "PLUGIN_UNAVAILABLE"}
        assert {"steps[0].plugin", "steps[1].plugin", "steps[2].plugin"} <= {each["path"] for each in told}
        assert all(each["remedy"] for each in told)
        assert found["details"]["validation_results"] == {
            "steps_valid": True,
            "dependencies_resolved": True,
            "plugins_available": False,
            "schedule_valid": True,
        }
        assert (await ann.get(BASE)).json()["pagination"]["total"] == 0


async def test_the_documented_workflow_verbatim_where_its_plugins_are(
    idle: Service, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("snowflake.connector", "databricks.sdk", "mlflow"):
        pytest.importorskip(module, reason="an extra of longpole that is not installed")
    for name, value in PLUGINS_SET.items():
        monkeypatch.setenv(name, value)
    async with idle.client() as ann:
        answer = await ann.post(BASE, json=shown[CREATE])
        same_shape(answer.json(), shown[CREATED])
        assert all(data(answer, 201)["validation_results"].values())


async def test_the_documented_workflow_is_created_run_followed_and_listed(
    running: Service, shown: list[dict[str, Any]]
) -> None:
    async with running.client() as ann:
        answer = await ann.post(BASE, json=on_handlers(shown[CREATE]))
        created = data(answer, 201)
        same_shape(answer.json(), shown[CREATED])
        assert (created["status"], created["version"]) == ("created", "1.0.0")
        assert all(created["validation_results"].values())
        # Nobody said how long the steps take: a minute each, one of them on two machines for 3.00 an hour.
        assert created["estimated_cost"] == {"compute_hours": pytest.approx(5 / 60, abs=1e-4), "estimated_usd": 0.1}
        assert created["next_steps"][:2] == shown[CREATED]["data"]["next_steps"][:2]
        workflow = f"{BASE}/{created['id']}"

        request = {**shown[EXECUTE], "execution_name": "churn_pipeline_20240115"}
        answer = await ann.post(f"{workflow}/execute", json=request)
        executed = data(answer)
        same_shape(answer.json()["data"], {**shown[EXECUTED]["data"], "execution_name": ""})
        assert executed["workflow_id"] == created["id"]
        assert executed["status"] == "running"
        assert executed["progress"]["total_steps"] == 4
        execution = executed["execution_id"]
        assert executed["execution_url"] == f"https://temporal.example/namespaces/default/workflows/{execution}"

        ended = await has_status(ann, execution, "completed")
        assert ended["progress"] == {"completed_steps": 4, "total_steps": 4, "percentage": 100}
        finished = shown[STATUS]["data"]["step_details"][0]
        for details in ended["step_details"]:
            details.pop("resource_usage", None)
            same_shape(details, finished, free=("output",))
        # The override is merged in deeply: `learning_rate` is as it was.
        trained = ended["step_details"][2]["output"]
        assert trained["config"]["hyperparameters"] == {"max_depth": 8, "learning_rate": 0.1, "n_estimators": 200}
        whole = (await ann.get(workflow)).json()["data"]
        assert whole["definition"] == on_handlers(shown[CREATE])

        await followed(ann, execution, shown)
        await listed(ann, created["id"], shown)


async def followed(ann: httpx.AsyncClient, execution: str, shown: list[dict[str, Any]]) -> None:
    answer = await ann.get(f"{BASE}/executions/{execution}/logs", params={"step_id": "data_extraction"})
    body = answer.json()
    metadata = {"correlation_id": "", "trace_id": "", "rows": 1}
    lines = [{**shown[LOGS]["data"]["logs"][0], "metadata": metadata}]
    same_shape(body, {"success": True, "data": {**shown[LOGS]["data"], "logs": lines}})
    assert body["data"]["logs"][0]["plugin"] == "python"
    assert body["data"]["pagination"] == {"total_entries": 1, "returned_entries": 1, "has_more": False}


async def listed(ann: httpx.AsyncClient, workflow_id: str, shown: list[dict[str, Any]]) -> None:
    answer = await ann.get(BASE, params={"status": "completed", "created_by": "ann", "tags": ["churn", "ml"]})
    same_shape(answer.json(), shown[LISTED])
    only = data(answer)[0]
    assert (only["id"], only["status"], only["created_by"]) == (workflow_id, "created", "ann")
    assert (only["metrics"]["total_executions"], only["metrics"]["success_rate"]) == (1, 1.0)
    assert only["last_execution"]["status"] == "completed"
    for other in ({"status": "failed"}, {"status": "active"}, {"created_by": "bob"}, {"tags": "churn,none"}):
        assert data(await ann.get(BASE, params=other)) == []
