"""The plugin `databricks`: notebooks and jobs on Databricks, through its official SDK."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from activities.errors import InvalidInput
from activities.plugins.databricks_runs import Databricks, notebook_parameters
from activities.plugins.plugin import Config, Hint, Needs, Plugin, PluginSettings
from activities.plugins.upstream import Inputs, told
from definitions.model import Duration

TOKEN = "databricks_token"  # noqa: S105 - the name of a secret


class DatabricksSettings(PluginSettings):
    """`host`: the workspace's URL; the others stand for what a config does not say."""

    host: str = ""
    cluster_id: str | None = None
    features_notebook: str | None = None
    training_notebook: str | None = None
    retry_seconds: float = 60.0
    """How long the SDK repeats requests that failed in passing, before the step's own retries."""


class Followed(Config):
    """What all operations say about a run on Databricks."""

    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """For the run; Databricks ends it then."""
    poll: Annotated[Duration, Field(ge=0.01, le=600)] = 10.0
    """How often it is looked at."""
    inputs: Inputs


class OnCluster(Followed):
    """Where a notebook runs."""

    cluster_id: str | None = None
    """One that is there; default: the operator's, else serverless compute."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """The notebook's widgets get them: texts as they are, everything else as JSON."""


class RunNotebook(OnCluster):
    """One notebook."""

    notebook_path: str = Field(min_length=1)


class RunJob(Followed):
    """One job that is there."""

    job_id: Annotated[int, Field(ge=1)]
    parameters: dict[str, Any] = Field(default_factory=dict)


class ProcessFeatures(OnCluster):
    """A notebook that makes features."""

    notebook_path: str | None = None
    """Default: the operator's `features_notebook`."""


class TrainModel(OnCluster):
    """A notebook that trains a model."""

    notebook_path: str | None = None
    """Default: the operator's `training_notebook`."""
    algorithm: str = Field(min_length=1)
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    data: str | None = None
    target: str | None = None


plugin = Plugin(
    "databricks",
    summary="Notebooks and jobs on Databricks.",
    elsewhere=True,
    settings=DatabricksSettings,
    needs=Needs({"databricks.sdk": "longpole[databricks]"}, ("host",), (TOKEN,)),
)


@plugin.operation(RunNotebook, hint=lambda _config: Hint(seconds=600.0))
def run_notebook(config: RunNotebook, settings: DatabricksSettings) -> dict[str, Any]:
    """Runs a notebook to its end; when the step is cancelled, so is the run.

    Returns `{"run_id", "run_page_url", "setup_seconds", "execution_seconds", "result"}`, and beside these the keys of
    the notebook's exit value where that is a JSON object. Raises `StepError` (`run_failed`, `timeout`), `RateLimited`,
    `TemporaryFailure`, `PermanentFailure` (`authentication`, `cancelled_there`), `InvalidInput`."""
    return _run(config, settings, config.notebook_path, {})


@plugin.operation(ProcessFeatures, hint=lambda _config: Hint(seconds=900.0))
def process_features(config: ProcessFeatures, settings: DatabricksSettings) -> dict[str, Any]:
    """Runs the notebook that makes features: it gets `input_path`, the `output_path` of a step before.

    Returns and raises what `run_notebook` does; the exit value should tell `output_path` and `datasets`."""
    path = _notebook(config.notebook_path or settings.features_notebook, "features_notebook")
    return _run(config, settings, path, {"input_path": told(None, config.inputs, "output_path")})


@plugin.operation(TrainModel, hint=lambda _config: Hint(seconds=1800.0))
def train_model(config: TrainModel, settings: DatabricksSettings) -> dict[str, Any]:
    """Runs the notebook that trains a model: it gets `algorithm`, `hyperparameters` (JSON), `input_path` and `target`.

    Returns and raises what `run_notebook` does, with `algorithm` and `hyperparameters`; the exit value should tell
    `model_path` or `model_uri`, and `metrics`."""
    path = _notebook(config.notebook_path or settings.training_notebook, "training_notebook")
    wanted = {"algorithm": config.algorithm, "hyperparameters": config.hyperparameters}
    source = told(config.data, config.inputs, "output_path")
    target = told(config.target, config.inputs, "target")
    return {**wanted, **_run(config, settings, path, {**wanted, "input_path": source, "target": target})}


@plugin.operation(RunJob, hint=lambda _config: Hint(seconds=1800.0))
def run_job(config: RunJob, settings: DatabricksSettings) -> dict[str, Any]:
    """Runs a job to its end; when the step is cancelled, so is the run. Returns and raises what `run_notebook` does."""
    databricks = Databricks(settings.host, TOKEN, settings.retry_seconds)
    run_id = databricks.start_job(config.job_id, notebook_parameters(config.parameters))
    return databricks.follow(run_id, poll=config.poll, timeout=config.timeout)


def _run(config: OnCluster, settings: DatabricksSettings, path: str, own: dict[str, Any]) -> dict[str, Any]:
    databricks = Databricks(settings.host, TOKEN, settings.retry_seconds)
    known = {name: value for name, value in {**own, **config.parameters}.items() if value is not None}
    cluster = config.cluster_id or settings.cluster_id
    run_id = databricks.start_notebook(path, cluster, notebook_parameters(known), config.timeout)
    return databricks.follow(run_id, poll=config.poll, timeout=config.timeout)


def _notebook(path: str | None, setting: str) -> str:
    if path is None:
        raise InvalidInput(f"`notebook_path` is missing, and the operator has not set `{setting}` either")
    return path
