"""The official SDK against a server on loopback that speaks Databricks' documented REST API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks_server import TOKEN, Workspace, serving

from activities import step
from activities.errors import InvalidInput, PermanentFailure, StepCancelled, StepError
from activities.plugins.registry import PluginRegistry
from activities.step import Simulation

pytest.importorskip("databricks.sdk", reason="needs longpole[databricks]")


def train(given: dict[str, str]) -> dict[str, Any]:
    return {"model_path": "dbfs:/models/1", "metrics": {"auc": 0.9}, "given": given}


def fail(_given: dict[str, str]) -> None:
    raise ValueError("no such table")


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    notebooks = {
        "/churn/features": lambda given: {"output_path": "dbfs:/f", "given": given},
        "/train": train,
        "/fail": fail,
    }
    with serving(Workspace(notebooks, {7: "/train"})) as there:
        yield there


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Simulation]:
    with step.simulate(workdir=tmp_path, step_id="s", secrets={"databricks_token": TOKEN}) as simulation:
        yield simulation


def run(workspace: Workspace, operation: str, config: dict[str, Any], **settings: Any) -> Any:
    registry = PluginRegistry(
        {"databricks": {"host": workspace.url, "retry_seconds": 1, **settings}},
        {"LONGPOLE_SECRET_DATABRICKS_TOKEN": TOKEN},
    )
    return registry.resolve("databricks", operation)({"poll": 0.01, **config})


def test_the_documented_feature_step(workspace: Workspace, told: Simulation) -> None:
    config = {"cluster_id": "cluster_001", "notebook_path": "/churn/features"}
    result = run(workspace, "process_features", {**config, "inputs": {"e": {"output_path": "s3://b/e.parquet"}}})
    assert (result["output_path"], result["run_id"]) == ("dbfs:/f", 100)
    assert result["given"] == {"input_path": "s3://b/e.parquet"}
    asked = workspace.runs[100]["asked"]
    assert asked["tasks"][0]["existing_cluster_id"] == "cluster_001"
    assert asked["run_name"] == "exec_simulated s"
    assert told.usage == {"setup_seconds": 1.5, "execution_seconds": 2.5}
    assert told.artifacts == [{"uri": f"{workspace.url}/#job/run/100", "name": "run 100"}]
    assert (0.0, "running, 0 of 1 tasks") in told.progress
    assert told.progress[-1] == (1.0, "success")


def test_the_documented_training_step(workspace: Workspace, told: Simulation) -> None:
    config = {"algorithm": "xgboost", "hyperparameters": {"max_depth": 6, "learning_rate": 0.1, "n_estimators": 100}}
    inputs = {"f": {"output_path": "dbfs:/f", "target": "churned"}}
    result = run(workspace, "train_model", {**config, "inputs": inputs}, training_notebook="/train")
    given = result["given"]
    assert json.loads(given.pop("hyperparameters")) == config["hyperparameters"]
    assert given == {"algorithm": "xgboost", "input_path": "dbfs:/f", "target": "churned"}
    assert (result["metrics"], result["algorithm"]) == ({"auc": 0.9}, "xgboost")
    with pytest.raises(InvalidInput, match="training_notebook"):
        run(workspace, "train_model", config)


def test_notebooks_and_jobs_run_with_parameters(workspace: Workspace, told: Simulation) -> None:
    notebook = run(workspace, "run_notebook", {"notebook_path": "/train", "parameters": {"a": "x", "b": [1]}})
    assert notebook["result"]["given"] == {"a": "x", "b": "[1]"}
    with step.simulate(step_id="other", secrets={"databricks_token": TOKEN}):
        job = run(workspace, "run_job", {"job_id": 7, "parameters": {"c": 2}})
    assert job["given"] == {"c": "2"}


def test_an_attempt_that_goes_on_elsewhere_finds_its_run_and_another_attempt_makes_its_own(
    workspace: Workspace,
) -> None:
    def attempt(number: int) -> int:
        with step.simulate(step_id="s", attempt=number, secrets={"databricks_token": TOKEN}):
            return int(run(workspace, "run_notebook", {"notebook_path": "/train"})["run_id"])

    assert [attempt(1), attempt(1), attempt(2)] == [100, 100, 101]


def test_a_run_that_fails_or_is_cancelled_there_fails_the_step(workspace: Workspace, told: Simulation) -> None:
    with pytest.raises(StepError, match="ValueError: no such table") as failed:
        run(workspace, "run_notebook", {"notebook_path": "/fail"})
    assert (failed.value.error_class, failed.value.permanent) == ("run_failed", False)
    workspace.runs[100]["state"] = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}
    with pytest.raises(PermanentFailure) as cancelled:
        run(workspace, "run_notebook", {"notebook_path": "/fail"})
    assert cancelled.value.error_class == "cancelled_there"


def test_a_step_that_is_cancelled_or_takes_too_long_cancels_its_run(workspace: Workspace, told: Simulation) -> None:
    workspace.looks = 10**9
    with pytest.raises(StepError) as late:
        run(workspace, "run_notebook", {"notebook_path": "/train", "timeout": 0.05})
    assert late.value.error_class == "timeout"
    told.cancel()
    with step.simulate(step_id="other", secrets={"databricks_token": TOKEN}) as other:
        other.cancel()
        with pytest.raises(StepCancelled):
            run(workspace, "run_notebook", {"notebook_path": "/train"})
    assert [each["state"]["result_state"] for each in workspace.runs.values()] == ["CANCELED", "CANCELED"]


def test_what_databricks_refuses_is_told_and_what_passes_is_tried_again(workspace: Workspace, told: Simulation) -> None:
    workspace.busy = 1
    assert run(workspace, "run_notebook", {"notebook_path": "/train"})["run_id"] == 100
    with (
        step.simulate(step_id="o", secrets={"databricks_token": TOKEN}),
        pytest.raises(InvalidInput, match="not exist"),
    ):
        run(workspace, "run_notebook", {"notebook_path": "/nosuch"})
    with (
        step.simulate(step_id="p", secrets={"databricks_token": "wrong"}),
        pytest.raises(PermanentFailure, match="no such token") as raised,
    ):
        run(workspace, "run_notebook", {"notebook_path": "/train"})
    assert raised.value.error_class == "authentication"
