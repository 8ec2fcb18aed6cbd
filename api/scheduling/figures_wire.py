"""The shapes of optimisation, statistics and calibration."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from api.scheduling.wire import Body, Moment, Money, Name, Priority, Ratio, Seconds
from definitions.errors import FieldsInvalid

Weight = Annotated[float, Field(ge=0, le=1e6)]


class OptimizationGoals(Body):
    """What counts how much."""

    minimize_duration: Weight = 0.0
    minimize_cost: Weight = 0.0
    balance_resources: Weight = 0.0

    @model_validator(mode="after")
    def _any(self) -> Self:
        if not (self.minimize_duration or self.minimize_cost or self.balance_resources):
            raise FieldsInvalid("no goal has a weight", remedy="give at least one of them a weight over 0")
        return self


class OptimizeRequest(Body):
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


class HitsView(BaseModel):
    """How often what was told held."""

    count: int
    within_p50: Ratio | None
    within_p90: Ratio | None
    median_ratio: Ratio | None


class CalibrationResponse(BaseModel):
    """How good past estimates were. What each figure is: `docs/metrics.md`."""

    success: Literal[True] = True
    steps: dict[str, HitsView]
    completion: HitsView
    cost: HitsView
    timestamp: Moment
