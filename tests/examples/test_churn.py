"""The churn pipeline: its steps one after the other, and the same file for Snowflake and Databricks."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from activities import step
from activities.plugins.registry import PluginRegistry
from activities.registry import HandlerRegistry
from definitions import validation
from definitions.files import parse_document
from definitions.references import compile_template
from definitions.scope import Scope

EXAMPLES = Path(__file__).parents[2] / "examples"
CHURN = EXAMPLES / "churn"

for package in ("lifetimes", "sklearn", "skops", "pyarrow", "matplotlib", "mlflow"):
    if find_spec(package) is None:
        pytest.skip(f"needs longpole[example]: {package} is not installed", allow_module_level=True)


@pytest.fixture
def document() -> dict[str, Any]:
    return parse_document((CHURN / "workflow.yaml").read_text(), ".yaml")


@pytest.fixture
def handlers() -> Iterator[HandlerRegistry]:
    remote = {"host": "https://workspace.example", "training_notebook": "/churn/train"}
    settings = {"databricks": remote, "snowflake": {"account": "a", "user": "u"}}
    secrets = {"LONGPOLE_SECRET_DATABRICKS_TOKEN": "t", "LONGPOLE_SECRET_SNOWFLAKE_PASSWORD": "p"}
    mlflow = {"mlflow": {"tracking_uri": "sqlite:///nowhere.db"}}
    return HandlerRegistry(["churn"], [CHURN], PluginRegistry({**settings, **mlflow}, secrets))


def _is_there(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None and find_spec(module) is not None


remote = pytest.mark.skipif(
    not all(map(_is_there, ("snowflake.connector", "databricks.sdk"))),
    reason="needs longpole[snowflake,databricks]",
)


def problems(document: dict[str, Any], handlers: HandlerRegistry) -> list[str]:
    found = validation.check(document, check_handler=handlers.check, check_config=handlers.check_config)
    return [str(problem) for problem in found]


@pytest.mark.long
def test_the_pipeline_finds_who_leaves(document: dict[str, Any], handlers: HandlerRegistry, tmp_path: Path) -> None:
    assert problems(document, handlers) == []
    registered = {"name": "customer_churn", "version": "1"}
    results: dict[str, Any] = {
        "tracking": {"experiment": "customer_churn"},
        "model_validation": {"metrics": {"auc": 0.8}},
        "registration": registered,
    }
    for each in document["steps"]:
        if each["id"] in results:
            continue  # the plugin `mlflow` has tests of its own
        given = each.get("input", {"trees": 20})
        scope = Scope({}, {}, results, frozenset(), {})
        with step.simulate(step_id=each["id"], workdir=tmp_path) as told:
            results[each["id"]] = handlers.resolve(each["handler"]).fn(compile_template(given).resolve(scope))
    assert results["warehouse"]["customers"] == results["data_extraction"]["records_extracted"] == 23570
    assert results["warehouse"]["purchases"] == 69659
    assert results["model_training"]["metrics"]["cv_auc"] > 0.75
    shares = results["report"]["churn_by_risk"]
    assert shares[0] > 0.9 > 0.6 > shares[-1]
    assert [Path(each["name"]).suffix for each in told.artifacts] == [".png", ".html"]


@remote
def test_the_same_file_runs_on_snowflake_and_databricks(document: dict[str, Any], handlers: HandlerRegistry) -> None:
    steps = {each["id"]: copy.deepcopy(each) for each in document["steps"]}
    steps["data_extraction"]["handler"] = "plugin:snowflake.extract_data"
    del steps["data_extraction"]["input"]["database"]
    features, training = steps["feature_engineering"], steps["model_training"]
    features["handler"], training["handler"] = "plugin:databricks.process_features", "plugin:databricks.train_model"
    parameters = {name: features["input"].pop(name) for name in ("target", "drop", "log", "holdout")}
    features["input"] |= {"notebook_path": "/churn/features", "parameters": parameters}
    del training["input"]["folds"]
    assert problems({**document, "steps": [*steps.values()]}, handlers) == []


def test_the_body_for_the_api_is_the_same_pipeline(document: dict[str, Any]) -> None:
    body = json.loads((CHURN / "embedded.json").read_text())
    assert [f"plugin:{each['plugin']}.{each['operation']}" for each in body["steps"]] == [
        each["handler"] for each in document["steps"]
    ]
    for ours, its in zip(document["steps"], body["steps"], strict=True):
        config = {name: value for name, value in ours.get("input", {}).items() if name != "inputs"}
        if "sql" in config:
            config["sql"] = " ".join(config["sql"].split())
        assert its.get("config", {}) == config
        assert set(ours.get("input", {}).get("inputs", {})) <= set(its.get("depends_on", ()))
    assert body["input_schema"] == document["input_schema"]


@remote
def test_the_documented_body_is_accepted_where_the_plugins_are(handlers: HandlerRegistry) -> None:
    body = json.loads((CHURN / "create.json").read_text())
    found = [
        handlers.check(f"plugin:{each['plugin']}.{each['operation']}")
        or handlers.check_config(f"plugin:{each['plugin']}.{each['operation']}", each["config"])
        for each in body["steps"]
    ]
    assert found == [[], [], [], []]
