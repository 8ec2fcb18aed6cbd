"""The documented shapes of the Orchestration API. What goes beyond the document can be left out of requests, and is
left out of answers where there is nothing to say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer

from api.orchestration.envelope import Body, Moment, Optional
from api.orchestration.errors import ValidationResults

WorkflowStatus = Literal["created", "active", "paused"]
ListedStatus = Literal["created", "active", "paused", "completed", "failed"]
ExecutionWord = Literal["pending", "running", "paused", "stopping", "completed", "failed", "stopped"]
Priority = Literal["critical", "high", "normal", "low"]
LogLevel = Literal["DEBUG", "INFO", "WARN", "ERROR"]

Money = Annotated[float, PlainSerializer(lambda value: round(value, 2), return_type=float, when_used="json")]
Ratio = Annotated[float, PlainSerializer(lambda value: round(value, 3), return_type=float, when_used="json")]
Hours = Annotated[float, PlainSerializer(lambda value: round(value, 4), return_type=float, when_used="json")]
Seconds = Annotated[float, PlainSerializer(lambda value: round(value), return_type=int, when_used="json")]
Number = Annotated[float, PlainSerializer(lambda value: int(value) if value == int(value) else value, when_used="json")]
"""Whole numbers as such."""
Tag = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Progress(BaseModel):
    """How far an execution is. `percentage`: 0 to 100, rounded down."""

    completed_steps: int
    total_steps: int
    percentage: int


class LastExecution(BaseModel):
    """The newest execution of a workflow."""

    execution_id: str
    status: ExecutionWord
    started_at: Optional[Moment] = None
    completed_at: Optional[Moment] = None
    duration_seconds: Optional[Seconds] = None


class Metrics(BaseModel):
    """What a workflow's executions have come to. `success_rate`: completed / (completed + failed)."""

    total_executions: int
    success_rate: Ratio
    avg_duration_seconds: Optional[Seconds] = None


class Workflow(BaseModel):
    """A workflow in a list."""

    id: str
    name: str
    version: str
    status: WorkflowStatus
    description: str
    created_by: str
    created_at: Moment
    last_execution: Optional[LastExecution] = None
    metrics: Metrics
    tags: list[str]


class WholeWorkflow(Workflow):
    """A workflow. `definition`: the document as it was given; `revision`: how many there have been."""

    updated_at: Moment
    revision: int
    definition: dict[str, Any]


class Deleted(BaseModel):
    """A workflow that is no more."""

    id: str
    status: Literal["deleted"] = "deleted"


class EstimatedCost(BaseModel):
    """What a run is expected to take. `estimated_usd`: at the pools' prices."""

    compute_hours: Hours
    estimated_usd: Money


class CreatedWorkflow(BaseModel):
    """What became of a document."""

    id: str
    name: str
    version: str
    status: WorkflowStatus
    validation_results: ValidationResults
    estimated_cost: EstimatedCost
    next_steps: list[str]


class RunWebhook(Body):
    """A URL that is told of one execution's events; none named: of all. Without `secret` it gets one, which can be had
    by rotating it."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    events: Annotated[list[Tag], Field(max_length=20)] = Field(default_factory=list)
    ordered: bool = False
    secret: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ExecuteRequest(Body):
    """How a workflow is to be run. `async` false: the answer waits for the end."""

    execution_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    step_overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    priority: Priority | None = None
    run_async: Annotated[bool, Field(alias="async")] = True
    webhooks: Annotated[list[RunWebhook], Field(max_length=5)] = Field(default_factory=list)
    tags: Annotated[list[Tag], Field(max_length=100)] = Field(default_factory=list)


class Execution(BaseModel):
    """An execution, as it is told when it begins. Beyond the document: how it ended, where the answer waited for it."""

    execution_id: str
    workflow_id: str
    execution_name: Optional[str] = None
    status: ExecutionWord
    started_at: Moment
    estimated_completion: Optional[Moment] = None
    completed_at: Optional[Moment] = None
    current_step: Optional[str] = None
    progress: Progress
    execution_url: Optional[str] = None
    output: Optional[Any] = None
    error: Optional[dict[str, Any]] = None


class StepProgress(BaseModel):
    """How far a running step says that it is."""

    current_operation: str
    percentage: int


class StepDetails(BaseModel):
    """A step of an execution: what there is to say of one in its state."""

    id: str
    status: Literal["pending", "running", "completed", "failed", "skipped", "cancelled"]
    name: Optional[str] = None
    depends_on: Optional[list[str]] = None
    started_at: Optional[Moment] = None
    completed_at: Optional[Moment] = None
    duration_seconds: Optional[Seconds] = None
    attempt: Optional[int] = None
    progress: Optional[StepProgress] = None
    resource_usage: Optional[dict[str, Any]] = None
    artifacts: Optional[list[dict[str, Any]]] = None
    output: Optional[Any] = None
    error: Optional[dict[str, Any]] = None
    reason: Optional[str] = None


class ResourceUsage(BaseModel):
    """What an execution has used so far. Peaks are of what ran at once, as reported, measured or demanded."""

    total_compute_hours: Hours
    cost_usd: Money
    peak_memory_gb: Number
    peak_cpu_cores: Number


class ExecutionStatus(BaseModel):
    """An execution, step by step."""

    execution_id: str
    workflow_id: str
    execution_name: Optional[str] = None
    status: ExecutionWord
    started_at: Moment
    updated_at: Moment
    completed_at: Optional[Moment] = None
    current_step: Optional[str] = None
    progress: Progress
    step_details: list[StepDetails]
    resource_usage: ResourceUsage
    artifacts: Optional[list[str]] = None
    output: Optional[Any] = None
    error: Optional[dict[str, Any]] = None


class StopRequest(Body):
    """How an execution is to end."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)] = "stopped"
    graceful: bool = True
    cleanup_resources: bool = True
    save_partial_results: bool = True


class Stopping(BaseModel):
    """What was asked of an execution that is to end."""

    execution_id: str
    status: ExecutionWord
    reason: str
    graceful: bool
    grace_seconds: float
    cleanup_resources: bool
    save_partial_results: bool


class LogEntry(BaseModel):
    """A line of a step's log."""

    timestamp: Moment
    level: LogLevel
    step_id: Optional[str] = None
    plugin: Optional[str] = None
    message: str
    metadata: dict[str, Any]


class LogPagination(BaseModel):
    """Which part of a log this is. `next_cursor`: what to ask with for the lines after these."""

    total_entries: int
    returned_entries: int
    has_more: bool
    next_cursor: Optional[str] = None


class Logs(BaseModel):
    """A part of an execution's log."""

    execution_id: str
    logs: list[LogEntry]
    pagination: LogPagination
