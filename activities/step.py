"""What a handler can ask and tell while it runs: `from longpole import step`.

    async def train(data):
        step.log.info("training", rows=len(data["rows"]))
        for epoch in range(10):
            step.raise_if_cancelled()
            ...
            step.progress((epoch + 1) / 10, f"epoch {epoch + 1}")
        step.artifact(step.workdir / "model.bin", media_type="application/octet-stream")
        step.usage(gpu_seconds=42.0)
        return {"accuracy": 0.97}

All of it works in plain and in `async` handlers, in tasks and `asyncio.to_thread` threads that they start, and,
wrapped in `step.bound`, in threads of any other kind. Outside a run it does nothing of consequence, so that handlers
are plain functions in unit tests; `step.simulate(...)` plays a run.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from activities.errors import StepCancelled
from activities.step_context import Level, RunContext, StepContext, current, environment_secret

__all__ = [
    "Simulation",
    "StepCancelled",
    "artifact",
    "attempt",
    "bound",
    "cancelled",
    "context",
    "execution_id",
    "gauge",
    "idempotency_key",
    "log",
    "logger",
    "max_attempts",
    "process",
    "progress",
    "raise_if_cancelled",
    "secret",
    "simulate",
    "step_id",
    "usage",
    "workdir",
]

P = ParamSpec("P")
R = TypeVar("R")

# Answered by `__getattr__` below for the attempt that asks.
attempt: int
"""1 for the first attempt. Attempts that were lost with their worker do not count."""
max_attempts: int
execution_id: str
step_id: str
idempotency_key: str
"""The same for every attempt of this step in this run: give it to whatever must not happen twice."""
cancelled: bool
"""Whether the step was told to end. What a handler returns after it has seen True is no result."""
context: RunContext
"""The run's shared context, a mapping; `context.update(key=value)` adds to it when the step completes."""
workdir: Path
"""A folder for the files of this run, made when it is first asked for."""

_ANSWERS: dict[str, Callable[[StepContext], Any]] = {
    "attempt": lambda now: now.attempt,
    "max_attempts": lambda now: now.max_attempts,
    "execution_id": lambda now: now.execution_id,
    "step_id": lambda now: now.step_id,
    "idempotency_key": lambda now: now.idempotency_key,
    "cancelled": lambda now: now.cancelled,
    "context": lambda now: now.context,
    "workdir": lambda now: now.workdir,
}


def __getattr__(name: str) -> Any:
    answer = _ANSWERS.get(name)
    if answer is None:
        raise AttributeError(f"`longpole.step` has no `{name}`")
    return answer(_now())


class StepLog:
    """Lines of the step's log, in structlog's manner: a message and key-values, which must be JSON to be kept as they
    are."""

    def debug(self, message: object, **values: Any) -> None:
        """A line for whoever looks for a fault."""
        _now().log("DEBUG", str(message), values)

    def info(self, message: object, **values: Any) -> None:
        """A line for whoever follows the run."""
        _now().log("INFO", str(message), values)

    def warning(self, message: object, **values: Any) -> None:
        """A line about something that may need a look."""
        _now().log("WARN", str(message), values)

    def error(self, message: object, **values: Any) -> None:
        """A line about something that went wrong."""
        _now().log("ERROR", str(message), values)

    warn = warning


log = StepLog()
logger = log


def progress(fraction: float, label: str = "") -> None:
    """How far the step is, 0..1, and a few words for people."""
    _now().progress(fraction, label)


def usage(**amounts: float) -> None:
    """What the attempt has used: `tokens=512, cost=0.02` or any other numbers. Calls add up."""
    _now().add_usage(amounts)


def gauge(**values: float) -> None:
    """What the attempt uses now, told with what it has used: `workers=5, memory_usage=68`. The last value counts."""
    _now().set_gauges(values)


def process(pid: int) -> None:
    """A process that the attempt has started: what it and those below it use counts as this step's, also where others
    run beside it."""
    _now().processes.add(pid)


def artifact(uri: str | Path, name: str | None = None, media_type: str | None = None, **metadata: Any) -> None:
    """Something that the attempt made and that is kept elsewhere: a URI, or a file's path (relative to
    `step.workdir`)."""
    now = _now()
    if isinstance(uri, Path):
        path = uri if uri.is_absolute() else now.workdir / uri
        uri, name = path.resolve().as_uri(), name or path.name
    entry: dict[str, Any] = {"uri": str(uri), "name": name or str(uri).rstrip("/").rpartition("/")[2]}
    if media_type:
        entry["media_type"] = media_type
    if metadata:
        entry["metadata"] = metadata
    now.add_artifact(entry)


def raise_if_cancelled() -> None:
    """Raises `StepCancelled` when the step was told to end."""
    _now().raise_if_cancelled()


def secret(name: str) -> str:
    """The value of one of the operator's secrets, masked in logs, results, errors and events of this run from now on.

    Raises `PermanentFailure` when the operator provides none by that name."""
    return _now().secret(name)


def bound(function: Callable[P, R]) -> Callable[P, R]:
    """The function, bound to the step that runs now: for threads that the handler starts by itself."""
    snapshot = contextvars.copy_context()

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        # One context can't be entered by two threads at once, so each call has a copy.
        return snapshot.copy().run(function, *args, **kwargs)

    return inside


@dataclass
class Simulation:
    """What a handler told while it ran in `simulate`."""

    step: StepContext
    logs: list[tuple[Level, str, dict[str, Any]]] = field(default_factory=list)
    """Level, message, key-values."""
    progress: list[tuple[float, str]] = field(default_factory=list)

    @property
    def usage(self) -> dict[str, float]:
        """All amounts, added up."""
        return self.step.amounts

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        """Each with `uri`, `name` and, where they were given, `media_type` and `metadata`."""
        return self.step.artifacts

    @property
    def context(self) -> dict[str, Any]:
        """What was added to the run's context."""
        return self.step.context.added

    def cancel(self) -> None:
        """From now on `step.cancelled` is true."""
        self.step.cancel()


class _Collector:
    def __init__(self) -> None:
        self.logs: list[tuple[Level, str, dict[str, Any]]] = []
        self.reports: list[tuple[float, str]] = []

    def log(self, level: Level, message: str, metadata: dict[str, Any]) -> None:
        self.logs.append((level, message, metadata))

    def progress(self, fraction: float, label: str) -> None:
        self.reports.append((fraction, label))

    def usage(self, amounts: dict[str, float]) -> None:
        return


@contextmanager
def simulate(
    *,
    attempt: int = 1,
    max_attempts: int = 1,
    execution_id: str = "exec_simulated",
    step_id: str = "step",
    context: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    workdir: Path | None = None,
) -> Iterator[Simulation]:
    """For unit tests: inside the block, handlers called directly find themselves in a run. Gives what they told.

    Without `secrets` those of the environment are used; without `workdir` a temporary folder."""
    collector = _Collector()
    now = StepContext(
        collector,
        execution_id=execution_id,
        step_id=step_id,
        attempt=attempt,
        max_attempts=max_attempts,
        context=context,
        workdir=workdir,
        secrets=secrets.get if secrets is not None else environment_secret,
    )
    token = current.set(now)
    try:
        yield Simulation(now, collector.logs, collector.reports)
    finally:
        current.reset(token)


class _StandIn:
    """The reporter of handlers that run outside any run: lines go to structlog."""

    _methods: Mapping[str, str] = {"DEBUG": "debug", "INFO": "info", "WARN": "warning", "ERROR": "error"}

    def log(self, level: Level, message: str, metadata: dict[str, Any]) -> None:
        import structlog

        getattr(structlog.get_logger("longpole.step"), self._methods[level])(message, **metadata)

    def progress(self, fraction: float, label: str) -> None:
        return

    def usage(self, amounts: dict[str, float]) -> None:
        return


_outside = functools.cache(lambda: StepContext(_StandIn()))


def _now() -> StepContext:
    return current.get() or _outside()
