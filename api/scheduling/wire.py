"""The documented shapes of the Scheduling API."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from definitions.errors import FieldsInvalid

Priority = Literal["critical", "high", "normal", "low"]
Status = Literal["scheduled", "running", "completed", "failed", "cancelled", "paused"]


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


Moment = Annotated[datetime, PlainSerializer(_shown, return_type=str, when_used="json")]
"""UTC to the second, as `2025-07-02T16:15:00Z`."""
Money = Annotated[float, PlainSerializer(lambda value: round(value, 2), return_type=float, when_used="json")]
Ratio = Annotated[float, PlainSerializer(lambda value: round(value, 4), return_type=float, when_used="json")]
Seconds = Annotated[float, PlainSerializer(lambda value: round(value), return_type=int, when_used="json")]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Amount = Annotated[float, Field(gt=0, le=1e9)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ResourceRequirement(_Request):
    """How much of a pool a step holds while it runs."""

    resource_type: Name
    amount: Amount
    min_amount: Amount | None = None
    max_amount: Amount | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        low = self.amount if self.min_amount is None else self.min_amount
        high = self.amount if self.max_amount is None else self.max_amount
        if not low <= self.amount <= high:
            raise FieldsInvalid(
                f"`amount` {self.amount:g} is not between `min_amount` {low:g} and `max_amount` {high:g}",
                code="bad_amounts",
                remedy="let it lie between them",
            )
        return self


class WorkflowStep(_Request):
    """One step."""

    step_name: Name
    step_description: Annotated[str, Field(max_length=10_000)] = ""
    agent_type: Name
    prompt_template: Annotated[str, Field(max_length=100_000)] = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    depends_on: list[Name] = Field(default_factory=list)
    blocks: list[Name] = Field(default_factory=list)
    estimated_duration_minutes: Annotated[float, Field(gt=0, le=525_600)] | None = None
    resource_requirements: list[ResourceRequirement] = Field(default_factory=list)
    max_retries: Annotated[int, Field(ge=0, le=99)] = 0
    timeout_minutes: Annotated[float, Field(gt=0, le=525_600)] | None = None


class ExecutionWindow(_Request):
    """When it may start, and how long it may take."""

    earliest_start_time: AwareDatetime | None = None
    latest_start_time: AwareDatetime | None = None
    preferred_start_time: AwareDatetime | None = None
    max_duration_hours: Annotated[float, Field(gt=0, le=8_760)] | None = None
    allow_split_execution: bool = False
    allow_preemption: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [
            (name, getattr(self, name))
            for name in ("earliest_start_time", "preferred_start_time", "latest_start_time")
            if getattr(self, name) is not None
        ]
        for (one, before), (other, after) in pairwise(times):
            if after < before:
                raise FieldsInvalid(f"`{other}` is before `{one}`", code="empty_window", remedy="let it be no earlier")
        return self


class ScheduleRequest(_Request):
    """A workflow to be scheduled."""

    workflow_name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=10_000)] = ""
    steps: Annotated[list[WorkflowStep], Field(min_length=1, max_length=10_000)]
    execution_window: ExecutionWindow = Field(default_factory=ExecutionWindow)
    scheduling_priority: Priority = "normal"
    max_ftns_cost: Annotated[float, Field(ge=0, le=1e12)] | None = None
    cost_optimization_enabled: bool = True
    preemption_allowed: bool = True
    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)] = Field(
        default_factory=list
    )


class OptimizationAnalysis(BaseModel):
    """What scheduling has found."""

    parallelization_opportunities: int
    resource_conflicts_resolved: int
    scheduling_efficiency: Ratio
    recommendations: list[str]


class ScheduleResponse(BaseModel):
    """A workflow that is scheduled."""

    success: Literal[True] = True
    workflow_id: str
    scheduled_start: Moment
    estimated_completion: Moment
    critical_path_duration_seconds: Seconds
    estimated_cost: Money
    cost_savings: Money
    optimization_analysis: OptimizationAnalysis
    message: str


class CurrentStep(BaseModel):
    """A step that runs now."""

    step_name: str
    status: Literal["running"] = "running"
    progress: Ratio
    estimated_completion: Moment


class WorkflowStatus(BaseModel):
    """How a workflow stands."""

    workflow_id: str
    workflow_name: str
    status: Status
    scheduled_start: Moment
    actual_start: Moment | None
    actual_end: Moment | None
    execution_attempts: int
    critical_path_duration_seconds: Seconds
    estimated_cost: Money
    actual_cost: Money
    cost_savings: Money
    current_step: CurrentStep | None
    completed_steps: list[str]
    resource_utilization: dict[str, float]


class WorkflowSummary(BaseModel):
    """A workflow in a list."""

    workflow_id: str
    workflow_name: str
    description: str
    status: Status
    scheduling_priority: Priority
    created_at: Moment
    scheduled_start: Moment
    step_count: int
    critical_path_duration_seconds: Seconds
    estimated_cost: Money
    actual_cost: Money
    cost_savings: Money
    tags: list[str]


class Pagination(BaseModel):
    """Where a page is."""

    total_count: int
    limit: int
    offset: int
    has_more: bool


class ListSummary(BaseModel):
    """Over all workflows of the user."""

    total_workflows: int
    active_workflows: int
    completed_workflows: int
    total_cost_savings: Money


class WorkflowList(BaseModel):
    """A page of workflows."""

    success: Literal[True] = True
    workflows: list[WorkflowSummary]
    pagination: Pagination
    summary: ListSummary


class ExecuteResponse(BaseModel):
    """A workflow that was started now."""

    success: Literal[True] = True
    workflow_id: str
    message: str
    execution_id: str
    started_at: Moment
    estimated_completion: Moment
    resource_allocation: dict[str, float]
    critical_path_optimized: bool


class SteeringResponse(BaseModel):
    """A workflow that was told something."""

    success: Literal[True] = True
    workflow_id: str
    message: str


class CancelRequest(_Request):
    """Why it is cancelled."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)] = "cancelled"


class OptimizationGoals(_Request):
    """What counts how much."""

    minimize_duration: Weight = 0.0
    minimize_cost: Weight = 0.0
    balance_resources: Weight = 0.0

    @model_validator(mode="after")
    def _any(self) -> Self:
        if not (self.minimize_duration or self.minimize_cost or self.balance_resources):
            raise FieldsInvalid("no goal has a weight", remedy="give at least one of them a weight over 0")
        return self


class OptimizeRequest(_Request):
    """A workflow to be planned for other goals."""

    workflow_id: Name
    optimization_goals: OptimizationGoals = Field(
        default_factory=lambda: OptimizationGoals(minimize_duration=0.5, minimize_cost=0.3, balance_resources=0.2)
    )
    apply_optimizations: bool = False


class CriticalStep(BaseModel):
    """A step of the critical path."""

    step_name: str
    duration_seconds: Seconds
    is_critical: bool
    slack_time_seconds: Seconds


class BottleneckView(BaseModel):
    """A step that waits for room."""

    step_name: str
    issue: str
    impact: str
    recommendation: str


class ParallelizationView(BaseModel):
    """Steps that could run side by side with more room."""

    parallel_steps: list[str]
    time_savings_seconds: Seconds
    resource_requirements: str


class OptimizeResponse(BaseModel):
    """The plan before, and the best one for the goals."""

    success: Literal[True] = True
    workflow_id: str
    original_duration_seconds: Seconds
    optimized_duration_seconds: Seconds
    time_savings_seconds: Seconds
    original_cost: Money
    optimized_cost: Money
    cost_savings: Money
    critical_path: list[CriticalStep]
    bottlenecks: list[BottleneckView]
    parallelization_opportunities: list[ParallelizationView]
    optimizations_applied: list[str]


class SystemUtilization(BaseModel):
    """Shares of the pools that are reserved now."""

    cpu_utilization: Ratio
    memory_utilization: Ratio
    gpu_utilization: Ratio


class CostOptimization(BaseModel):
    """What planning has saved."""

    total_savings_today: Money
    average_savings_per_workflow: Money
    optimization_success_rate: Ratio


class QueueStatistics(BaseModel):
    """What waits."""

    pending_workflows: int
    average_wait_time_seconds: Seconds
    priority_queue_depth: dict[Priority, int]


class ResourceStatistics(BaseModel):
    """How the pools are used."""

    peak_resource_usage: str
    resource_conflicts_resolved: int
    parallel_execution_efficiency: Ratio


class Statistics(BaseModel):
    """The whole system. What each figure is: `docs/metrics.md`."""

    total_workflows_scheduled: int
    active_workflows: int
    completed_workflows_today: int
    average_execution_time_seconds: Seconds
    system_utilization: SystemUtilization
    scheduling_efficiency: Ratio
    cost_optimization: CostOptimization
    queue_statistics: QueueStatistics
    resource_statistics: ResourceStatistics


class StatisticsResponse(BaseModel):
    """Figures of the whole system."""

    success: Literal[True] = True
    statistics: Statistics
    timestamp: Moment
    user_id: str


class PlannedStep(BaseModel):
    """A step of a plan."""

    step_name: str
    start: Moment
    end: Moment
    parts: list[tuple[Moment, Moment]]
    amounts: dict[str, float]
    cost: Money
    slack_time_seconds: Seconds
    is_critical: bool
    why: str
    """Why it does not start earlier."""


class PlanResponse(BaseModel):
    """The plan in force."""

    success: Literal[True] = True
    workflow_id: str
    scheduled_start: Moment
    estimated_completion: Moment
    estimated_cost: Money
    cost_savings: Money
    method: str
    critical_path: list[str]
    steps: list[PlannedStep]
    times_moved: int
    notes: list[str]


class ExplainedStep(BaseModel):
    """Why a step is where it is."""

    step_name: str
    status: str
    why: str
    message: str
    planned_start: Moment
    planned_because: str
    waits_for: list[str]


class ExplainResponse(BaseModel):
    """Why a workflow stands where it stands."""

    success: Literal[True] = True
    workflow_id: str
    status: Status
    steps: list[ExplainedStep]


class Pool(BaseModel):
    """A pool, as a pools file has it (`docs/planner.md`)."""

    name: str
    spec: dict[str, Any]
    changed: bool = Field(description="Whether it is another than in the pools file.")


class PoolList(BaseModel):
    """All pools."""

    success: Literal[True] = True
    pools: list[Pool]


class ErrorBody(BaseModel):
    """Every error."""

    error: str
    message: str
    code: int
    timestamp: Moment
    workflow_id: str | None = None
    error_id: str | None = Field(None, description="Of an unexpected error: what the log has the details under.")
