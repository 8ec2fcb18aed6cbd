"""What is told of workflows and executions, in the core's words. Times are aware UTC, durations seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.views import Execution, StepView, StoredDefinition


@dataclass(frozen=True)
class LastRun:
    """The newest run of a workflow."""

    execution_id: str
    status: str
    started_at: datetime | None
    completed_at: datetime | None
    duration_seconds: float | None


@dataclass(frozen=True)
class Metrics:
    """What the runs of a workflow have come to. `success_rate`: completed / (completed + failed), 0 without any."""

    total_executions: int
    success_rate: float
    average_seconds: float | None


@dataclass(frozen=True)
class WorkflowSummary:
    """A workflow with what its runs have come to."""

    stored: StoredDefinition
    metrics: Metrics
    last: LastRun | None


@dataclass(frozen=True)
class Estimate:
    """What a run will take: `seconds` by the critical path and the pools' room, `cost` in the pools' currency."""

    seconds: float
    compute_hours: float
    cost: float
    currency: str
    critical_path: tuple[str, ...] = ()
    usd: float = 0.0
    """What plugins say that it costs beside that."""


@dataclass(frozen=True)
class StepProgress:
    """A step of a run: its last attempt, what it waits for, and what it holds."""

    view: StepView
    depends_on: tuple[str, ...]
    amounts: Mapping[str, float]
    """Pool -> units that it holds while it runs."""
    config: Mapping[str, Any]
    """What it was told to do, references unresolved."""


@dataclass(frozen=True)
class Usage:
    """What a run has used so far. Peaks: of what ran at once; None: none is known of any step."""

    compute_hours: float
    cost: float
    """In the pools' currency."""
    reported_usd: float
    """What handlers say that they have cost beside that."""
    peak_memory_gb: float | None
    peak_cpu_cores: float | None


@dataclass(frozen=True)
class Origin:
    """How a run was begun."""

    name: str | None
    correlation_id: str | None
    trace_id: str
    estimated_completion: datetime | None = None


@dataclass(frozen=True)
class ExecutionStatus:
    """A run with how far it is."""

    execution: Execution
    steps: tuple[StepProgress, ...]
    usage: Usage
    origin: Origin
    updated_at: datetime
    done: int
    """Steps that are behind it: completed, or skipped for another reason than a failure."""
    current_step: str | None
    url: str | None
    """Of its page in the Temporal web UI."""
    artifacts: tuple[dict[str, Any], ...] = field(default=())

    @property
    def percentage(self) -> int:
        """Steps that are behind it, of all, rounded down."""
        return 100 * self.done // len(self.steps) if self.steps else 0
