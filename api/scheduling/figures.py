"""Statistics and what optimisation has found, in the Scheduling API's words."""

from __future__ import annotations

from datetime import UTC, datetime

from api.scheduling import figures_wire as wire
from definitions.priorities import PRIORITIES
from engine.scheduling.calibration import Calibration, Hits
from engine.scheduling.optimizing import Goals, Optimized
from engine.scheduling.proposing import span_of
from engine.scheduling.statistics import SystemStatistics
from engine.scheduling.views import ScheduledView


def goals_of(goals: wire.OptimizationGoals) -> Goals:
    """What counts how much."""
    return Goals(goals.minimize_duration, goals.minimize_cost, goals.balance_resources)


def optimized(view: ScheduledView, found: Optimized, *, applied: bool) -> wire.OptimizeResponse:
    """The plan before, and the best one."""
    before, after = found.before, found.proposal.plan
    titles = {task: planned.step.title for task, planned in found.proposal.case.steps.items()}
    analysis = after.analysis
    path = [task for task, _ in analysis.critical_path]
    return wire.OptimizeResponse(
        workflow_id=view.workflow_id,
        original_duration_seconds=span_of(before),
        optimized_duration_seconds=span_of(after),
        time_savings_seconds=span_of(before) - span_of(after),
        original_cost=before.cost,
        optimized_cost=after.cost,
        cost_savings=before.cost - after.cost,
        critical_path=[
            wire.CriticalStep(
                step_name=titles[task],
                duration_seconds=after.assignments[task].end - after.assignments[task].start,
                is_critical=True,
                slack_time_seconds=analysis.slack[task].total,
            )
            for task in path
        ],
        bottlenecks=[
            wire.BottleneckView(
                step_name=titles[task],
                issue=f"{each.pool} constraint",
                impact=f"Waits until others give {each.pool} back",
                recommendation=f"{each.units:g} more {each.pool} would end it {each.gain.seconds:.0f} s sooner",
            )
            for each in found.pools_waited_for()
            for task in each.waiting
        ],
        parallelization_opportunities=[
            wire.ParallelizationView(
                parallel_steps=[titles[task] for task in each.tasks],
                time_savings_seconds=each.gain.seconds,
                resource_requirements=f"Additional {each.units:g} {each.pool}",
            )
            for each in found.side_by_side()
        ],
        optimizations_applied=found.changes() if applied and found.better else [],
    )


def statistics(found: SystemStatistics, user_id: str) -> wire.StatisticsResponse:
    """Figures of the whole system."""
    counted = found.counted
    waiting = sum(counted.waiting_by_priority.values())
    return wire.StatisticsResponse(
        statistics=wire.Statistics(
            total_workflows_scheduled=counted.total,
            active_workflows=counted.begun,
            completed_workflows_today=counted.completed_today,
            average_execution_time_seconds=counted.mean_seconds or 0.0,
            system_utilization=wire.SystemUtilization(
                cpu_utilization=found.in_use.get("cpu_cores", 0.0),
                memory_utilization=found.in_use.get("memory_gb", 0.0),
                gpu_utilization=found.in_use.get("gpu_memory_gb", 0.0),
            ),
            scheduling_efficiency=counted.mean_efficiency or 0.0,
            cost_optimization=wire.CostOptimization(
                total_savings_today=counted.savings_today,
                average_savings_per_workflow=counted.mean_savings or 0.0,
                optimization_success_rate=counted.optimized_and_kept / counted.optimized if counted.optimized else 0.0,
            ),
            queue_statistics=wire.QueueStatistics(
                pending_workflows=waiting,
                average_wait_time_seconds=found.mean_wait,
                priority_queue_depth={name: counted.waiting_by_priority.get(name, 0) for name in PRIORITIES},
            ),
            resource_statistics=wire.ResourceStatistics(
                peak_resource_usage=_window(found.peak),
                resource_conflicts_resolved=counted.conflicts_resolved,
                parallel_execution_efficiency=counted.mean_parallel or 0.0,
            ),
        ),
        timestamp=found.at,
        user_id=user_id,
    )


def calibration(found: Calibration) -> wire.CalibrationResponse:
    """How good past estimates were."""
    return wire.CalibrationResponse(
        steps={source: _hits(hits) for source, hits in found.steps.items()},
        completion=_hits(found.ends),
        cost=_hits(found.costs),
        timestamp=datetime.now(UTC),
    )


def _hits(hits: Hits) -> wire.HitsView:
    return wire.HitsView(
        count=hits.count, within_p50=hits.within_p50, within_p90=hits.within_p90, median_ratio=hits.ratio
    )


def _window(peak: tuple[datetime, datetime] | None) -> str:
    """`14:30-16:00 UTC`; the end of the day is 24:00."""
    if peak is None:
        return "none"
    start, end = peak
    shown = "24:00" if end.date() > start.date() else f"{end:%H:%M}"
    return f"{start:%H:%M}-{shown} UTC"
