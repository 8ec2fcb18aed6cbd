"""MLflow's tracking store through its client. Nothing of MLflow's global state is used: runs of many users share it."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from activities import step
from activities.data_places import source_files
from activities.errors import InvalidInput, StepError, TemporaryFailure
from activities.plugins.model_files import TRUSTED
from activities.plugins.plugin import Needs

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXTRA = "longpole[mlflow]"
MLFLOW = Needs({"mlflow": EXTRA, "sqlalchemy": EXTRA}, settings=("tracking_uri",))
_MODEL = "model"
_LONGEST_PARAMETER = 6000
_opening = threading.Lock()
"""Two threads that make the tables of one new database would be in each other's way."""


class Tracking:
    """A tracking store by its URI. Raises `InvalidInput` and `TemporaryFailure` for what MLflow says."""

    def __init__(self, uri: str, artifact_location: str | None) -> None:
        self.uri = uri
        self._artifacts = artifact_location
        if uri.startswith("sqlite:///"):
            folder = Path(uri.removeprefix("sqlite:///")).absolute().parent
            folder.mkdir(parents=True, exist_ok=True)
            # MLflow's own default is the folder that the process happens to be in.
            self._artifacts = artifact_location or (folder / "artifacts").as_uri()
        with _translated(), _opening:
            self.client = _client(uri)

    @contextmanager
    def run(self, experiment: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """A run that has failed if the block does; named after this run of Longpole's, and its step."""
        own = {
            "mlflow.runName": f"{step.execution_id} {step.step_id}",
            "longpole.execution_id": step.execution_id,
            "longpole.step_id": step.step_id,
            "longpole.attempt": str(step.attempt),
        }
        with _translated():
            run = self.client.create_run(self._experiment(experiment), tags={**own, **tags})
            tracked = TrackedRun(self, run.info.run_id, run.info.experiment_id)
            try:
                yield tracked
            except BaseException:
                self.client.set_terminated(tracked.id, "FAILED")
                raise
            self.client.set_terminated(tracked.id)

    def experiment(self, name: str) -> str:
        """The id of the experiment that is called so, made unless it is there."""
        with _translated():
            return self._experiment(name)

    def register(self, name: str, source: str, alias: str | None, description: str, tags: Mapping[str, str]) -> str:
        """The version of `name` (without quotes) that is the model at `source`, made unless this step has made it
        before."""
        from mlflow.exceptions import MlflowException

        key = {"longpole.idempotency_key": step.idempotency_key}
        run_id = source.removeprefix("runs:/").partition("/")[0] if source.startswith("runs:/") else None
        with _translated():
            try:
                self.client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            found = self.client.search_model_versions(f"name = '{name}'")
            mine = [each for each in found if key.items() <= each.tags.items()]
            if mine:
                version = str(mine[0].version)
            else:
                made = self.client.create_model_version(
                    name, source, run_id, tags={**tags, **key}, description=description or None
                )
                version = str(made.version)
            if alias is not None:
                self.client.set_registered_model_alias(name, alias, version)
        return version

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, artifact_location=self._artifacts))
            except MlflowException:
                # Another step was faster.
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)


class TrackedRun:
    """One run in the store."""

    def __init__(self, tracking: Tracking, run_id: str, experiment_id: str) -> None:
        self.id = run_id
        self.told = {"run_id": run_id, "experiment_id": experiment_id, "tracking_uri": tracking.uri}
        self._client = tracking.client

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Texts of up to 6,000 characters."""
        for name, value in values.items():
            self._client.log_param(self.id, name, str(value)[:_LONGEST_PARAMETER])

    def metrics(self, values: Mapping[str, Any]) -> None:
        """Numbers; what is none is left out."""
        for name, value in values.items():
            if isinstance(value, int | float):
                self._client.log_metric(self.id, name, float(value))

    def model(self, source: str, model: Any) -> str:
        """Logs a file of `save_model` as an MLflow model that `mlflow.sklearn.load_model` reads; its URI."""
        [path, *_] = source_files(source)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copyfile(path, Path(folder) / "model.skops")
            (Path(folder) / "MLmodel").write_text(yaml.safe_dump(self._description(model), sort_keys=False))
            self._client.log_artifacts(self.id, folder, _MODEL)
        return f"runs:/{self.id}/{_MODEL}"

    def _description(self, model: Any) -> dict[str, Any]:
        import mlflow
        import sklearn

        flavor = {
            "pickled_model": "model.skops",
            "serialization_format": "skops",
            "skops_trusted_types": list(TRUSTED),
            "sklearn_version": sklearn.__version__,
            "code": None,
        }
        return {
            "artifact_path": _MODEL,
            "flavors": {"sklearn": flavor},
            "mlflow_version": mlflow.__version__,
            "run_id": self.id,
            "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
            "metadata": {"estimator": type(model).__name__},
        }


def _client(uri: str) -> MlflowClient:
    # MLflow reports how it is used unless told otherwise before it is imported.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.search_experiments(max_results=1)  # makes the tables where there are none
    return client


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StepError:
        raise
    except Exception as error:
        from mlflow.exceptions import MlflowException

        if not isinstance(error, MlflowException):
            raise
        said = str(error).partition("\n")[0][:1000]
        passing = error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
        raise (TemporaryFailure if passing else InvalidInput)(f"MLflow says: {said}") from None
