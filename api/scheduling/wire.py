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
MOST_CHARACTERS = 128
"""Of a name of a step or a resource."""
Name = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
Amount = Annotated[float, Field(gt=0, le=1e9)]


class Body(BaseModel):
    """A request's body: nothing in it is ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ResourceRequirement(Body):
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


class WorkflowStep(Body):
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


class ExecutionWindow(Body):
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


class ScheduleRequest(Body):
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


class ForecastView(BaseModel):
    """When it ends and what it costs, in half of all cases and in nine of ten; not in the document."""

    completion_p50: Moment
    completion_p90: Moment
    cost_p50: Money
    cost_p90: Money
    estimated_cost_in: dict[str, Money] = Field(description="The plan's cost in other currencies, by `rates`.")
    chance_within_budget: Ratio | None
    learned_steps: int = Field(description="Steps whose estimate comes from past runs.")
    estimated_steps: int


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
    forecast: ForecastView


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


class CancelRequest(Body):
    """Why it is cancelled."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)] = "cancelled"


class EstimateView(BaseModel):
    """How long a step takes with the amounts that it demands."""

    p50_seconds: Seconds
    p90_seconds: Seconds
    source: Literal["step", "agent", "given", "assumed"]
    runs: int = Field(description="Past runs that it is learned from.")


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
    estimate: EstimateView | None


class WhatIfView(BaseModel):
    """What the changes would make of the plan in force. Less than 0: it would take longer, or cost more."""

    changes: str
    saves_seconds: Annotated[float, PlainSerializer(lambda value: round(value), return_type=int, when_used="json")]
    saves_cost: Money
    steps_moved: int


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
    forecast: ForecastView | None
    what_if: WhatIfView | None = Field(None, description="Null: this is the plan in force.")


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
