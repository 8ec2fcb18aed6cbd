"""What the worker writes beside a run, as plain values: the recorder batches them, the repositories store them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True)
class AttemptRecord:
    """One attempt of a step, at its start or at its end: the newer record of the same attempt replaces the older.

    Identified by (execution_id, step_id with iteration, start, attempt).
    One without input keeps the input recorded before."""

    execution_id: str
    step_id: str
    start: int
    attempt: int
    """1-based count of everything Temporal started, lost attempts included."""
    max_attempts: int
    status: Literal["running", "completed", "failed", "cancelled"]
    started_at: datetime
    completed_at: datetime | None = None
    input_data: Any = None
    output_data: Any = None
    error_message: str | None = None
    error_class: str | None = None
    error_traceback: str | None = None
    will_retry: bool = False
    usage: dict[str, float] = field(default_factory=dict)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    worker: str = ""
    input_slots: list[Any] = field(default_factory=list)
    """What `definitions.values.pack` took out of `input_data`."""
    output_slots: list[Any] = field(default_factory=list)
    measured: dict[str, float] | None = None
    """What the worker saw it use (`activities.metering`); None: nothing yet, which keeps what was recorded before."""
    context_data: dict[str, Any] | None = None
    """What it added to the run's shared context."""


@dataclass(frozen=True)
class LogRecord:
    """One line a handler logged, already masked."""

    execution_id: str
    step_id: str | None
    attempt: int | None
    at: datetime
    level: Literal["DEBUG", "INFO", "WARN", "ERROR"]
    message: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EventRecord:
    """One event of a run. The store gives it the next sequence number of its execution.

    A `key` that the execution already has is left alone: delivering an event twice stores it once."""

    execution_id: str
    type: str
    at: datetime
    step_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True)
class ProgressRecord:
    """How far a running step says it is: fraction 0..1, None if it has not said, and a label; what it has used so far,
    None if it has not said; what the worker sees it use, None if it has not looked yet."""

    execution_id: str
    step_id: str
    fraction: float | None
    label: str
    at: datetime
    usage: dict[str, float] | None = None
    measured: dict[str, float] | None = None


Record = AttemptRecord | LogRecord | EventRecord | ProgressRecord
