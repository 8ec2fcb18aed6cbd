"""What one attempt of a step knows and collects while its handler runs. Thread-safe; no Temporal, no store."""

from __future__ import annotations

import math
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, Protocol

from activities.errors import PermanentFailure, StepCancelled

SECRET_PREFIX = "LONGPOLE_SECRET_"  # noqa: S105 - the name of a variable, not a secret

Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]


class Reporter(Protocol):
    """Where log lines and progress go while the handler still runs."""

    def log(self, level: Level, message: str, metadata: dict[str, Any]) -> None: ...

    def progress(self, fraction: float, label: str) -> None: ...

    def usage(self, amounts: dict[str, float]) -> None: ...


def environment_secret(name: str) -> str | None:
    """The operator's default way to give secrets: `openai` or `OPENAI` is `LONGPOLE_SECRET_OPENAI`."""
    return os.environ.get(secret_variable(name))


def secret_variable(name: str) -> str:
    """The environment variable with that secret."""
    return SECRET_PREFIX + re.sub("[^A-Z0-9]", "_", name.upper())


def _numbers(amounts: Mapping[str, float]) -> dict[str, float]:
    checked: dict[str, float] = {}
    for name, amount in amounts.items():
        # What numpy and others return for numbers is welcome too.
        number = math.nan if isinstance(amount, bool | str) else float(amount)
        if not math.isfinite(number):
            raise TypeError(f"usage `{name}` is a number, not {amount!r}")
        checked[name] = amount if type(amount) is int else number
    return checked


class RunContext(Mapping[str, Any]):
    """The run's shared context as this step sees it; `update` adds to it when the step completes."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._values = dict(given)
        self.added: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def update(self, other: Mapping[str, Any] | None = None, /, **values: Any) -> None:
        """Merged into the run's context, in the order in which steps complete. Values must be JSON."""
        additions = {**(other or {}), **values}
        for key in additions:
            if not isinstance(key, str):
                raise TypeError(f"keys of the context are strings, not {key!r}")
        with self._lock:
            self._values.update(additions)
            self.added.update(additions)

    def __repr__(self) -> str:
        return f"RunContext({self._values!r})"


class StepContext:
    """One attempt as its handler sees it through `longpole.step`."""

    def __init__(
        self,
        reporter: Reporter,
        *,
        execution_id: str = "exec_local",
        step_id: str = "step",
        attempt: int = 1,
        max_attempts: int = 1,
        idempotency_key: str | None = None,
        context: Mapping[str, Any] | None = None,
        workdir: Path | None = None,
        workdirs: Path | None = None,
        secrets: Callable[[str], str | None] = environment_secret,
        on_secret: Callable[[str], None] = lambda _value: None,
    ) -> None:
        """`workdir`: the folder for the run's files; or `workdirs`, where each run has one."""
        self.execution_id = execution_id
        self.step_id = step_id
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.idempotency_key = idempotency_key or f"{execution_id}/{step_id}"
        self.context = RunContext(context or {})
        self.artifacts: list[dict[str, Any]] = []
        self.amounts: dict[str, float] = {}
        self.processes: set[int] = set()
        """Ids of processes that it has started."""
        self.latest_progress: tuple[float, str] | None = None
        self.noticed_cancellation = False
        """The handler has looked and seen that it is cancelled: what it returns after that is no result."""
        self._reporter = reporter
        self._workdir = workdir
        self._workdirs = workdirs
        self._secrets = secrets
        self._on_secret = on_secret
        self._cancelled = False
        self._lock = threading.Lock()

    def log(self, level: Level, message: str, metadata: dict[str, Any]) -> None:
        """One line of the step's log."""
        self._reporter.log(level, message, metadata)

    def progress(self, fraction: float, label: str) -> None:
        """How far the step is, 0..1."""
        if isinstance(fraction, bool) or not isinstance(fraction, int | float) or math.isnan(fraction):
            raise TypeError(f"progress is a number from 0 to 1, not {fraction!r}")
        now = (min(max(float(fraction), 0.0), 1.0), str(label))
        self.latest_progress = now
        self._reporter.progress(*now)

    def add_usage(self, amounts: Mapping[str, float]) -> None:
        """Adds to what the attempt has used so far."""
        with self._lock:
            for name, amount in _numbers(amounts).items():
                self.amounts[name] = self.amounts.get(name, 0) + amount
            told = dict(self.amounts)
        self._reporter.usage(told)

    def set_gauges(self, values: Mapping[str, float]) -> None:
        """What the attempt uses now; replaces what it said before."""
        with self._lock:
            self.amounts.update(_numbers(values))
            told = dict(self.amounts)
        self._reporter.usage(told)

    def add_artifact(self, artifact: dict[str, Any]) -> None:
        """One more thing that the attempt made."""
        with self._lock:
            self.artifacts.append(artifact)

    def cancel(self) -> None:
        """Tell the handler that it should end."""
        self._cancelled = True

    @property
    def cancelled(self) -> bool:
        """What `step.cancelled` answers."""
        if self._cancelled:
            self.noticed_cancellation = True
            return True
        return False

    def raise_if_cancelled(self) -> None:
        """Raises `StepCancelled` when the handler was told to end."""
        if self.cancelled:
            raise StepCancelled("the step is being cancelled")

    def secret(self, name: str) -> str:
        """The secret's value, masked from now on. Raises `PermanentFailure` when there is none by that name."""
        value = self._secrets(name)
        if value is None:
            raise PermanentFailure(
                f"there is no secret named `{name}`: the operator has to provide it to the worker, by default as the "
                f"environment variable {secret_variable(name)}",
                error_class="authentication",
            )
        self._on_secret(value)
        return value

    @property
    def workdir(self) -> Path:
        """A folder for the files of this run, made on demand; outside a run, a temporary one."""
        with self._lock:
            if self._workdir is None:
                self._workdir = (
                    self._workdirs / self.execution_id
                    if self._workdirs is not None
                    else Path(tempfile.mkdtemp(prefix="longpole-"))
                )
            self._workdir.mkdir(parents=True, exist_ok=True)
            return self._workdir


current: ContextVar[StepContext | None] = ContextVar("longpole_step", default=None)
