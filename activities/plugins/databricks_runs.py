"""Runs on Databricks: started once for an attempt, followed to their end, cancelled with their step."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from activities import step
from activities.errors import (
    AUTHENTICATION,
    TIMEOUT,
    InvalidInput,
    PermanentFailure,
    RateLimited,
    StepCancelled,
    StepError,
    TemporaryFailure,
)

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import Run

_OVER = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})
_LOOK_SECONDS = 0.25
_HTTP_SECONDS = 60


class Databricks:
    """One workspace. Raises `PermanentFailure` (`authentication`) when the secret is not there."""

    def __init__(self, host: str, token_secret: str, retry_seconds: float) -> None:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.config import Config

        token = step.secret(token_secret)
        with _translated():
            # Named outright: the SDK would look for credentials in the environment and in files.
            config = Config(
                host=host,
                token=token,
                auth_type="pat",
                http_timeout_seconds=_HTTP_SECONDS,
                retry_timeout_seconds=max(1, round(retry_seconds)),
            )
            self._client = WorkspaceClient(config=config)

    def start_notebook(
        self, path: str, cluster_id: str | None, parameters: dict[str, str], timeout: float | None
    ) -> int:
        """The id of a run of the notebook. An attempt that goes on on another worker finds the run of the first."""
        from databricks.sdk.service.jobs import NotebookTask, SubmitTask

        task = SubmitTask(
            task_key=step.step_id[:100],
            existing_cluster_id=cluster_id,
            notebook_task=NotebookTask(notebook_path=path, base_parameters=parameters),
        )
        with _translated():
            submitted = self._client.jobs.submit(
                run_name=f"{step.execution_id} {step.step_id}",
                tasks=[task],
                idempotency_token=_token(),
                timeout_seconds=None if timeout is None else max(1, round(timeout)),
            )
        return int(submitted.run_id)

    def start_job(self, job_id: int, parameters: dict[str, str]) -> int:
        """The id of a run of the job; the same for an attempt that goes on on another worker."""
        with _translated():
            started = self._client.jobs.run_now(job_id, job_parameters=parameters or None, idempotency_token=_token())
        return int(started.run_id)

    def follow(self, run_id: int, *, poll: float, timeout: float | None) -> dict[str, Any]:
        """What came of the run. Raises what the operations of the plugin say."""
        step.log.info("run started", run_id=run_id)
        begun = time.monotonic()
        try:
            run = self._look(run_id)
            while not _is_over(run):
                if timeout is not None and time.monotonic() - begun > timeout:
                    self._cancel(run_id)
                    message = f"run {run_id} on Databricks did not end within {timeout:g} s"
                    raise StepError(message, error_class=TIMEOUT)
                _wait(poll)
                run = self._look(run_id)
        except StepCancelled:
            self._cancel(run_id)
            raise
        return self._ended(run_id, run)

    def _look(self, run_id: int) -> Run:
        with _translated():
            run = self._client.jobs.get_run(run_id)
        tasks = run.tasks or []
        over = sum(1 for task in tasks if _state(task) in _OVER)
        step.progress(over / len(tasks) if tasks else 0.0, f"{_state(run).lower()}, {over} of {len(tasks)} tasks")
        return run

    def _ended(self, run_id: int, run: Run) -> dict[str, Any]:
        tasks = run.tasks or []
        setup = sum(task.setup_duration or 0 for task in tasks) / 1000
        execution = sum(task.execution_duration or 0 for task in tasks) / 1000
        step.usage(setup_seconds=setup, execution_seconds=execution)
        result = getattr(run.state and run.state.result_state, "value", None)
        if result not in ("SUCCESS", "SUCCESS_WITH_FAILURES"):
            raise self._failure(run_id, run, str(result))
        exit_value = None
        if len(tasks) == 1 and tasks[0].run_id is not None:
            with _translated():
                output = self._client.jobs.get_run_output(tasks[0].run_id)
            exit_value = _parsed(output.notebook_output.result if output.notebook_output is not None else None)
        if run.run_page_url:
            step.artifact(run.run_page_url, name=f"run {run_id}")
        step.progress(1.0, result.lower())
        return {
            **(exit_value if isinstance(exit_value, dict) else {}),
            "run_id": run_id,
            "run_page_url": run.run_page_url,
            "setup_seconds": setup,
            "execution_seconds": execution,
            "result": exit_value,
        }

    def _failure(self, run_id: int, run: Run, result: str) -> StepError:
        said = (run.state.state_message if run.state is not None else None) or ""
        failed = next((task for task in run.tasks or [] if task.run_id is not None and _result(task) == "FAILED"), None)
        if failed is not None and failed.run_id is not None:
            with _translated():
                said = self._client.jobs.get_run_output(failed.run_id).error or said
        message = f"run {run_id} on Databricks ended as {result}: {said[:1000]} ({run.run_page_url})"
        if result in ("CANCELED", "UPSTREAM_CANCELED"):
            return PermanentFailure(message, error_class="cancelled_there")
        return StepError(message, error_class=TIMEOUT if result == "TIMEDOUT" else "run_failed")

    def _cancel(self, run_id: int) -> None:
        step.log.info("run is being cancelled", run_id=run_id)
        with _translated():
            self._client.jobs.cancel_run(run_id)


def notebook_parameters(values: Mapping[str, Any]) -> dict[str, str]:
    """As Databricks takes them: texts."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def _token() -> str:
    # Another attempt wants another run; the same attempt on another worker wants the one that there is.
    return hashlib.sha256(f"{step.idempotency_key}/{step.attempt}".encode()).hexdigest()


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        step.raise_if_cancelled()
        time.sleep(min(left, _LOOK_SECONDS))
    step.raise_if_cancelled()


def _state(run: Any) -> str:
    return str(getattr(run.state and run.state.life_cycle_state, "value", "PENDING"))


def _result(run: Any) -> str:
    return str(getattr(run.state and run.state.result_state, "value", ""))


def _is_over(run: Run) -> bool:
    return _state(run) in _OVER


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


@contextmanager
def _translated() -> Iterator[None]:
    """The SDK's errors as those of steps."""
    from databricks.sdk import errors
    from databricks.sdk.errors.base import DatabricksError

    try:
        yield
    except (errors.Unauthenticated, errors.PermissionDenied) as error:
        raise PermanentFailure(_said(error), error_class=AUTHENTICATION) from None
    except errors.TooManyRequests as error:
        raise RateLimited(_said(error)) from None
    except (errors.BadRequest, errors.NotFound) as error:
        raise InvalidInput(_said(error)) from None
    except (DatabricksError, OSError, TimeoutError) as error:
        raise TemporaryFailure(_said(error)) from None
    except ValueError as error:
        raise InvalidInput(_said(error)) from None


def _said(error: BaseException) -> str:
    return f"Databricks says: {str(error)[:1000] or type(error).__name__}"
