"""The plugin `mlflow`: models logged, validated and registered in a tracking store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from activities import step
from activities.errors import InvalidInput, PermanentFailure
from activities.plugins.estimators import LOWER_IS_BETTER, Metric, Task, scorers, threads
from activities.plugins.mlflow_store import MLFLOW, Tracking
from activities.plugins.model_files import MODELS, column, load_model, read_table
from activities.plugins.plugin import Config, Hint, Plugin, PluginSettings
from activities.plugins.upstream import Inputs, datasets, needed, told


class MlflowSettings(PluginSettings):
    """`tracking_uri`: a server, or a database such as `postgresql://...`; default: SQLite in the data folder.
    `artifact_location`: where experiments that are new keep files; default: beside SQLite, else MLflow's."""

    tracking_uri: str = ""
    artifact_location: str | None = None


class CreateExperiment(Config):
    """An experiment, made unless it is there."""

    experiment: str = Field("longpole", min_length=1, max_length=500)


class Tracked(Config):
    """What all operations that record say about where they do."""

    experiment: str = "longpole"
    tags: dict[str, str] = Field(default_factory=dict)
    inputs: Inputs


class LogModel(Tracked):
    """A model, into the tracking store."""

    model: str | None = None
    """A file that `sklearn.train_model` wrote; default: the `model_path` of a step before."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Beside the algorithm and the hyperparameters that a step before told."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """Beside those that a step before told."""


class ValidateModel(Tracked):
    """A model, on data that it has not seen."""

    validation_dataset: str = "holdout_set"
    """The name of a data set that a step before told, or a Parquet or CSV file."""
    metrics: list[Metric] = Field(default_factory=list)
    """Default: all of the model's task."""
    thresholds: dict[Metric, float] = Field(default_factory=dict)
    """The least of each (the most, for `log_loss`, `rmse` and `mae`)."""
    on_failure: Literal["fail", "report"] = "fail"
    """`report`: a model that misses a threshold is told, and the step completes."""
    model: str | None = None
    target: str | None = None
    task: Task | None = None


class RegisterModel(Tracked):
    """A model that is logged, under a name, as its next version."""

    name: str = Field(max_length=256, pattern=r"^[^'\"/:]+$")
    model_uri: str | None = None
    """`runs:/<run>/model`; default: the `model_uri` of a step before."""
    alias: str | None = None
    """A name for this version, such as `champion`, taken from the one that has it."""
    description: str = ""


plugin = Plugin("mlflow", summary="Models in an MLflow tracking store.", settings=MlflowSettings, needs=MLFLOW)


@plugin.operation(CreateExperiment, hint=lambda _config: Hint(seconds=5.0))
def create_experiment(config: CreateExperiment, settings: MlflowSettings) -> dict[str, Any]:
    """Opens the tracking store, makes its tables where there are none, and the experiment unless it is there.

    A step of its own tells that the store answers before anything is computed for it. Returns `{"experiment",
    "experiment_id", "tracking_uri"}`. Raises `InvalidInput`, `TemporaryFailure`."""
    tracking = Tracking(settings.tracking_uri, settings.artifact_location)
    experiment_id = tracking.experiment(config.experiment)
    step.log.info(f"experiment {config.experiment}", experiment_id=experiment_id)
    return {"experiment": config.experiment, "experiment_id": experiment_id, "tracking_uri": tracking.uri}


@plugin.operation(LogModel, needs=MODELS, hint=lambda _config: Hint(seconds=15.0))
def log_model(config: LogModel, settings: MlflowSettings) -> dict[str, Any]:
    """Records a model with its parameters, metrics and file as a run.

    Returns `{"run_id", "experiment_id", "model_uri", "tracking_uri"}`. Raises `InvalidInput`, `TemporaryFailure`."""
    model = load_model(path := str(needed("model", config.model, config.inputs, "model_path")))
    with Tracking(settings.tracking_uri, settings.artifact_location).run(config.experiment, config.tags) as run:
        run.parameters({**_parameters(config.inputs), **config.parameters})
        run.metrics({**(told(None, config.inputs, "metrics") or {}), **config.metrics})
        uri = run.model(path, model)
    step.artifact(uri, name="model", run_id=run.id)
    step.progress(1.0, run.id)
    return {**run.told, "model_uri": uri}


@plugin.operation(ValidateModel, needs=MODELS, hint=lambda _config: Hint(seconds=30.0))
def validate_model(config: ValidateModel, settings: MlflowSettings) -> dict[str, Any]:
    """Judges a model on a data set, and records the model and how good it is as a run.

    Returns `{"run_id", "experiment_id", "model_uri", "tracking_uri", "metrics", "passed", "missed", "records"}`. Raises
    `PermanentFailure` (`validation_failed`) where a threshold is missed, `InvalidInput`, `TemporaryFailure`."""
    path = str(needed("model", config.model, config.inputs, "model_path"))
    target_name = needed("target", config.target, config.inputs, "target")
    model = load_model(path)
    table = read_table(_dataset(config))
    target = column(table, target_name)
    task: Task = told(config.task, config.inputs, "task") or _task(model)
    wanted = tuple(dict.fromkeys((*config.metrics, *config.thresholds))) if config.metrics else None
    measures = scorers(task, target, wanted)
    step.progress(0.2, f"judging by {len(table):,} records")
    try:
        rows = table.drop(columns=[target_name])
        with threads(1):
            found = {name: round(float(score(model, rows, target)), 6) for name, score in measures.items()}
    except ValueError as error:
        raise InvalidInput(f"the model can't be judged by this data: {str(error)[:500]}") from None
    missed = [name for name, limit in config.thresholds.items() if _is_missed(name, found[name], limit)]
    step.log.info("judged", dataset=config.validation_dataset, **found)
    step.progress(0.6, ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    tags = {**config.tags, "validation_dataset": config.validation_dataset, "passed": str(not missed).lower()}
    with Tracking(settings.tracking_uri, settings.artifact_location).run(config.experiment, tags) as run:
        run.parameters(_parameters(config.inputs))
        run.metrics({**(told(None, config.inputs, "metrics") or {}), **found})
        uri = run.model(path, model)
    step.artifact(uri, name="model", run_id=run.id, **dict[str, Any](found))
    step.usage(records=len(table))
    step.progress(1.0, ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    if missed and config.on_failure == "fail":
        said = ", ".join(f"{name} {found[name]:g} instead of {config.thresholds[name]:g}" for name in missed)
        raise PermanentFailure(f"the model is not good enough: {said} (run {run.id})", error_class="validation_failed")
    return {
        **run.told, "model_uri": uri, "metrics": found, "passed": not missed, "missed": missed, "records": len(table),
    }  # fmt: skip


@plugin.operation(RegisterModel, hint=lambda _config: Hint(seconds=5.0))
def register_model(config: RegisterModel, settings: MlflowSettings) -> dict[str, Any]:
    """Gives a logged model a name and the next version of it; again in another attempt it is the same version.

    Returns `{"name", "version", "model_uri", "source", "alias"}`. Raises `InvalidInput`, `TemporaryFailure`."""
    uri = str(needed("model_uri", config.model_uri, config.inputs, "model_uri"))
    tracking = Tracking(settings.tracking_uri, settings.artifact_location)
    version = tracking.register(config.name, uri, config.alias, config.description, config.tags)
    step.log.info(f"registered {config.name}", version=version, alias=config.alias)
    registered = f"models:/{config.name}/{version}"
    step.artifact(registered, name=config.name, version=version)
    return {"name": config.name, "version": version, "model_uri": registered, "source": uri, "alias": config.alias}


def _dataset(config: ValidateModel) -> str:
    known = datasets(config.inputs)
    name = config.validation_dataset
    if name in known:
        return known[name]
    if not name.endswith((".parquet", ".csv")) and "/" not in name:
        told_before = ", ".join(known) or "none"
        raise InvalidInput(
            f"there is no data set `{name}`: steps before told {told_before}; files are .parquet or .csv"
        )
    return name


def _parameters(inputs: Mapping[str, Any]) -> dict[str, Any]:
    algorithm = told(None, inputs, "algorithm")
    return {**({"algorithm": algorithm} if algorithm else {}), **(told(None, inputs, "hyperparameters") or {})}


def _task(model: Any) -> Task:
    return "classification" if hasattr(model, "classes_") else "regression"


def _is_missed(metric: Metric, value: float, limit: float) -> bool:
    return value > limit if metric in LOWER_IS_BETTER else not value >= limit
