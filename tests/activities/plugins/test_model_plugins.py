"""`sklearn` and `mlflow` together, on the measurements that scikit-learn comes with, and a real tracking store."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from activities import step
from activities.errors import InvalidInput, PermanentFailure
from activities.plugins.estimators import threads
from activities.plugins.registry import PluginRegistry
from activities.step import Simulation

pd = pytest.importorskip("pandas", reason="needs longpole[sklearn]")
datasets = pytest.importorskip("sklearn.datasets", reason="needs longpole[sklearn]")
pytest.importorskip("skops", reason="needs longpole[sklearn]")


def run(operation: str, config: dict[str, Any], folder: Path | None = None) -> Any:
    plugin, _, name = operation.partition(".")
    uri = f"sqlite:///{folder}/tracking/mlflow.db"
    return PluginRegistry({"mlflow": {"tracking_uri": uri}} if folder else {}, {}).resolve(plugin, name)(config)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Simulation]:
    with step.simulate(workdir=tmp_path, step_id="s") as simulation:
        yield simulation


@pytest.fixture
def cancer(told: Simulation) -> str:
    """569 tumours, with some gaps, a column of texts, and whether each is benign."""
    table = datasets.load_breast_cancer(as_frame=True).frame
    table["mean radius"] = table["mean radius"].where(table.index % 10 != 0)
    table["size"] = ["large" if area > 700 else "small" for area in table["mean area"]]
    table.insert(0, "id", range(len(table)))
    table["mean texture"] = table["mean texture"].map(lambda value: Decimal(str(value)))
    path = step.workdir / "cancer.parquet"
    table.to_parquet(path, index=False)
    return str(path)


FEATURES = {"target": "target", "drop": ["id"], "log": ["mean area"]}


def features(extracted: str, **more: Any) -> Any:
    return run("sklearn.process_features", {"inputs": {"e": {"output_path": extracted}}, **FEATURES, **more})


def test_as_many_threads_compute_as_a_step_is_to_have() -> None:
    helpers = pytest.importorskip("sklearn.utils._openmp_helpers")
    before = helpers._openmp_effective_n_threads()
    for count in (1, 2):
        with threads(count):
            assert helpers._openmp_effective_n_threads() == min(count, before)
    assert helpers._openmp_effective_n_threads() == before


def test_features_are_numbers_without_gaps_and_learn_nothing_from_the_rows_kept_aside(
    told: Simulation, cancer: str
) -> None:
    made = features(cancer)
    train, held = (pd.read_parquet(made["datasets"][name]) for name in ("training_set", "holdout_set"))
    assert made["records"] == {"training_set": 455, "holdout_set": 114} == {
        "training_set": len(train), "holdout_set": len(held),
    }  # fmt: skip
    assert made["output_path"] == made["datasets"]["training_set"]
    assert [*made["features"], "target"] == list(train.columns) == list(held.columns)
    assert {"size_large", "size_small", "mean radius"} <= set(made["features"])
    assert "id" not in made["features"]
    assert not train.isna().any().any()
    assert not held.isna().any().any()
    assert train["mean texture"].mean() == pytest.approx(0, abs=1e-9)
    assert held["mean texture"].mean() != pytest.approx(0, abs=1e-9)
    assert abs(train["target"].mean() - held["target"].mean()) < 0.01
    assert told.progress[-1][0] == 1.0
    assert len(told.artifacts) == 3
    assert features(cancer)["features"] == made["features"]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"target": "nosuch"}, "no column `nosuch`"),
        ({"drop": ["nosuch"]}, "no column `nosuch`"),
        ({"log": ["size"]}, "`log` is for numbers"),
        ({"data": "nowhere.parquet"}, "not there"),
        ({"data": "/etc/passwd"}, "may not be read"),
        ({"holdout": 0.9999}, "can't be split"),
    ],
)
def test_what_can_not_be_made_into_features_is_said(
    told: Simulation, cancer: str, config: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        features(cancer, **config)


def train(made: Any, **config: Any) -> Any:
    return run("sklearn.train_model", {"inputs": {"f": made}, "folds": 3, **config})


def test_a_regression_is_recognised_and_measured(told: Simulation) -> None:
    datasets.load_diabetes(as_frame=True).frame.to_csv(step.workdir / "d.csv", index=False)
    made = train(features("d.csv", drop=[], log=[]), algorithm="linear")
    assert made["task"] == "regression"
    assert made["metrics"].keys() == {"cv_r2", "cv_rmse", "cv_mae", "fit_seconds"}
    assert 0.4 < made["metrics"]["cv_r2"] < 0.6


def test_hyperparameters_are_those_of_the_class(told: Simulation, cancer: str) -> None:
    made = features(cancer)
    with pytest.raises(InvalidInput, match="did you mean `max_depth`"):
        train(made, algorithm="random_forest", hyperparameters={"max_dept": 3})
    with pytest.raises(InvalidInput, match="can't be trained"):
        train(made, algorithm="random_forest", folds=0, hyperparameters={"max_depth": "deep"})


def test_a_file_with_code_in_it_is_not_loaded(told: Simulation, tmp_path: Path) -> None:
    (tmp_path / "m.skops").write_bytes(pickle.dumps({"a": 1}))
    config = {"model": "m.skops", "target": "t", "validation_dataset": "x.csv"}
    with pytest.raises(InvalidInput, match="is no model"):
        run("mlflow.validate_model", config, tmp_path)


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # MLflow is not up to date with SQLAlchemy
def test_a_model_is_trained_validated_logged_and_registered(told: Simulation, cancer: str, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs longpole[mlflow]")
    algorithm = {"algorithm": "gradient_boosting", "hyperparameters": {"n_estimators": 20, "max_depth": 2}}
    trained = train(features(cancer), **algorithm)
    assert trained["metrics"]["cv_auc"] > 0.95
    opened = run("mlflow.create_experiment", {"experiment": "tumours"}, tmp_path)
    assert run("mlflow.create_experiment", {"experiment": "tumours"}, tmp_path) == opened
    inputs = {"t": trained}
    wanted = {"metrics": ["auc", "precision", "recall", "f1"], "thresholds": {"auc": 0.9}, "experiment": "tumours"}
    valid = run("mlflow.validate_model", {"validation_dataset": "holdout_set", "inputs": inputs, **wanted}, tmp_path)
    assert valid["metrics"].keys() == {"auc", "precision", "recall", "f1"}
    assert valid["metrics"]["auc"] > 0.95
    assert (valid["passed"], valid["records"]) == (True, 114)
    assert valid["experiment_id"] == opened["experiment_id"]

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=valid["tracking_uri"])
    recorded = client.get_run(valid["run_id"])
    assert recorded.info.status == "FINISHED"
    assert recorded.data.metrics["auc"] == valid["metrics"]["auc"]
    assert recorded.data.params == {"algorithm": "gradient_boosting", "n_estimators": "20", "max_depth": "2"}
    assert recorded.data.tags["longpole.execution_id"] == "exec_simulated"
    assert {file.path for file in client.list_artifacts(valid["run_id"], "model")} == {
        "model/MLmodel", "model/model.skops",
    }  # fmt: skip

    strict = {**wanted, "thresholds": {"auc": 1.0, "log_loss": 0.0}, "inputs": inputs}
    with pytest.raises(PermanentFailure, match=r"auc 0.* instead of 1, log_loss") as raised:
        run("mlflow.validate_model", strict, tmp_path)
    assert raised.value.error_class == "validation_failed"
    report = run("mlflow.validate_model", {**strict, "on_failure": "report"}, tmp_path)
    assert (report["passed"], report["missed"]) == (False, ["auc", "log_loss"])

    logged = run("mlflow.log_model", {"inputs": inputs, "experiment": "tumours"}, tmp_path)
    assert client.get_run(logged["run_id"]).data.metrics["cv_auc"] == trained["metrics"]["cv_auc"]
    registering = {"name": "tumours", "alias": "champion", "inputs": {"l": logged}}
    first = run("mlflow.register_model", registering, tmp_path)
    assert run("mlflow.register_model", registering, tmp_path)["version"] == first["version"] == "1"
    with step.simulate(step_id="later"):
        assert run("mlflow.register_model", registering, tmp_path)["version"] == "2"
    assert client.get_model_version_by_alias("tumours", "champion").version in (2, "2")
