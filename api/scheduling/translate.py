"""The Scheduling API's words to the core's, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from api.faults import Fault
from api.scheduling import wire
from api.scheduling.prompts import literal, prompt_reference
from definitions.calls import StepExplanation
from definitions.errors import DefinitionInvalid, Problem
from definitions.model import RESERVED_STEP_IDS
from definitions.nearest import did_you_mean
from engine.scheduling.forecasting import Forecast
from engine.scheduling.plan_record import most_held
from engine.scheduling.pools import PoolView
from engine.scheduling.views import Progress, Scheduled, ScheduledView, Summary
from engine.scheduling.what_if import WhatIf
from engine.scheduling.wish import StartWindow, Wish

CPU = "cpu_cores"
CPU_SPEEDUP = 0.9
"""A step on other cores than `amount` takes `(amount / cores) ** 0.9` of its time: ten percent are lost at double."""
_STATUSES: dict[str, wire.Status] = {
    "scheduled": "scheduled",
    "pending": "scheduled",
    "running": "running",
    "cancelling": "running",
    "paused": "paused",
    "completed": "completed",
    "failed": "failed",
    "timed_out": "failed",
    "cancelled": "cancelled",
}
_NO_ID = re.compile(r"[^A-Za-z0-9_-]")
_MOST_UNKNOWN = 1_000
_SUGGESTED = 10
"""Searching for the nearest name is slow: only so many unknown ones get one."""
_CORE_FIELD = re.compile(r"(steps\[\d+\])\.(handler|input)(?=[.\[]|$)")
_FIELDS = {"handler": "agent_type", "input": "parameters"}
"""What the core's fields of a step are called in requests."""


def wish_of(request: wire.ScheduleRequest) -> Wish:
    """What is asked for. Raises `DefinitionInvalid` with every problem."""
    window = request.execution_window
    return Wish(
        definition_of(request),
        StartWindow(
            earliest=window.earliest_start_time,
            latest=window.latest_start_time,
            preferred=window.preferred_start_time,
            longest_seconds=None if window.max_duration_hours is None else window.max_duration_hours * 3600,
            split=window.allow_split_execution,
        ),
        priority=request.scheduling_priority,
        budget=request.max_ftns_cost,
        cost_optimization=request.cost_optimization_enabled,
        may_preempt=window.allow_preemption,
        preemptible=request.preemption_allowed,
    )


def definition_of(request: wire.ScheduleRequest) -> dict[str, Any]:
    """The core definition. A step that is only named by others becomes a milestone, so that their order holds."""
    problems: list[Problem] = []
    ids = _ids(request, problems)
    before: dict[str, dict[str, None]] = {step_id: {} for step_id in ids.values()}
    for step in request.steps:
        before[ids[step.step_name]].update(dict.fromkeys(ids[name] for name in step.depends_on))
        for name in step.blocks:
            before[ids[name]][ids[step.step_name]] = None
    steps = [
        _step(step, ids, list(before[ids[step.step_name]]), f"steps[{number}]", problems)
        for number, step in enumerate(request.steps)
    ]
    described = {step.step_name for step in request.steps}
    steps += [
        {"id": step_id, "name": name, "depends_on": list(before[step_id]), "input": {}}
        for name, step_id in ids.items()
        if name not in described
    ]
    if problems:
        raise DefinitionInvalid(problems)
    return {"name": request.workflow_name, "description": request.description, "steps": steps, "tags": request.tags}


def _ids(request: wire.ScheduleRequest, problems: list[Problem]) -> dict[str, str]:
    """Step name -> id in the core, for all that are described or named."""
    found: dict[str, str] = {}
    taken = set(RESERVED_STEP_IDS)
    for number, step in enumerate(request.steps):
        if step.step_name in found:
            message = f"there are two steps `{step.step_name}`"
            problems.append(Problem("duplicate_step", f"steps[{number}].step_name", message, "name each step once"))
        _add(step.step_name, found, taken)
    problems += _unknown_names(request, found)
    for step in request.steps:
        for name in (*step.depends_on, *step.blocks):
            _add(name, found, taken)
    return found


def _unknown_names(request: wire.ScheduleRequest, described: Mapping[str, str]) -> list[Problem]:
    """Names of no step. One that some step blocks and another depends on is a milestone."""
    before = {name for step in request.steps for name in step.depends_on}
    known = described.keys() | {name for step in request.steps for name in step.blocks if name in before}
    found: list[Problem] = []
    for number, step in enumerate(request.steps):
        for field in ("depends_on", "blocks"):
            for place, name in enumerate(getattr(step, field)):
                if name in known:
                    continue
                near = did_you_mean(name, described) if len(found) < _SUGGESTED else ""
                remedy = near or "describe the step; of a milestone, name it in `blocks` before and `depends_on` after"
                path = f"steps[{number}].{field}[{place}]"
                found.append(Problem("unknown_step", path, f"there is no step `{name}`", remedy))
                if len(found) == _MOST_UNKNOWN:
                    return found
    return found


def _add(name: str, found: dict[str, str], taken: set[str]) -> None:
    if name in found:
        return
    plain = _NO_ID.sub("_", name)
    base = plain if plain[0].isalpha() or plain[0] == "_" else f"_{plain}"
    base = base[:120]
    step_id, count = base, 1
    while step_id in taken:
        count += 1
        step_id = f"{base}_{count}"
    taken.add(step_id)
    found[name] = step_id


def _step(
    step: wire.WorkflowStep, ids: Mapping[str, str], before: list[str], path: str, problems: list[Problem]
) -> dict[str, Any]:
    prompt = prompt_reference(step, ids, f"{path}.prompt_template", problems)
    document: dict[str, Any] = {
        "id": ids[step.step_name],
        "name": step.step_name,
        "description": step.step_description,
        "handler": step.agent_type,
        "depends_on": before,
        "input": {"prompt": prompt, "parameters": literal(step.parameters)},
        "retry": {"max_attempts": step.max_retries + 1},
        "resources": {},
    }
    ranges: dict[str, dict[str, float]] = {}
    for number, each in enumerate(step.resource_requirements):
        if each.resource_type in document["resources"]:
            message = f"`{each.resource_type}` is there twice"
            where = f"{path}.resource_requirements[{number}]"
            problems.append(Problem("duplicate_resource", where, message, "name each resource once"))
        document["resources"][each.resource_type] = each.amount
        limits = {"min": each.min_amount, "max": each.max_amount}
        given = {name: value for name, value in limits.items() if value is not None}
        if given:
            speedup = CPU_SPEEDUP if each.resource_type == CPU else 0.0
            ranges[each.resource_type] = {**given, "speedup": speedup}
    if ranges:
        document["planning"] = {"amounts": ranges}
    if step.timeout_minutes is not None:
        document["timeout"] = step.timeout_minutes * 60
    if step.estimated_duration_minutes is not None:
        document["estimated_duration"] = step.estimated_duration_minutes * 60
    return document


def core_statuses(status: wire.Status | None) -> list[str] | None:
    """The core's words for a status; None: of any."""
    return None if status is None else [core for core, shown in _STATUSES.items() if shown == status]


def scheduled(done: Scheduled) -> wire.ScheduleResponse:
    """A workflow that was scheduled."""
    view = done.view
    return wire.ScheduleResponse(
        workflow_id=view.workflow_id,
        scheduled_start=view.planned_start,
        estimated_completion=view.planned_end,
        critical_path_duration_seconds=view.critical_seconds,
        estimated_cost=view.estimated_cost,
        cost_savings=view.cost_savings,
        optimization_analysis=wire.OptimizationAnalysis(
            parallelization_opportunities=done.side_by_side,
            resource_conflicts_resolved=view.conflicts_resolved,
            scheduling_efficiency=view.efficiency,
            recommendations=list(done.recommendations),
        ),
        message="Workflow scheduled successfully with critical path optimization",
        forecast=forecast(view.plan),
    )


def forecast(kept: Mapping[str, Any]) -> wire.ForecastView:
    """When it ends and what it costs, and how sure that is."""
    told = Forecast.of_json(kept["forecast"])
    return wire.ForecastView(
        completion_p50=told.end_p50,
        completion_p90=told.end_p90,
        cost_p50=told.cost_p50,
        cost_p90=told.cost_p90,
        estimated_cost_in=kept.get("cost_in", {}),
        chance_within_budget=told.within_budget,
        learned_steps=told.learned,
        estimated_steps=told.steps,
    )


def status(progress: Progress) -> wire.WorkflowStatus:
    """How a workflow stands. Of several steps that run, the one that will end last is the current one."""
    view = progress.view
    current = max(progress.running, key=lambda step: step.expected_end, default=None)
    return wire.WorkflowStatus(
        workflow_id=view.workflow_id,
        workflow_name=view.name,
        status=_STATUSES[view.status],
        scheduled_start=view.planned_start,
        actual_start=view.started_at,
        actual_end=view.ended_at,
        execution_attempts=progress.attempts,
        critical_path_duration_seconds=view.critical_seconds,
        estimated_cost=view.estimated_cost,
        actual_cost=view.actual_cost,
        cost_savings=view.cost_savings,
        current_step=None
        if current is None
        else wire.CurrentStep(
            step_name=current.title, progress=current.progress, estimated_completion=current.expected_end
        ),
        completed_steps=list(progress.completed),
        resource_utilization=dict(progress.in_use),
    )


def page(views: list[ScheduledView], total: int, summary: Summary, *, limit: int, offset: int) -> wire.WorkflowList:
    """A page of workflows."""
    return wire.WorkflowList(
        workflows=[_summary(view) for view in views],
        pagination=wire.Pagination(total_count=total, limit=limit, offset=offset, has_more=offset + len(views) < total),
        summary=wire.ListSummary(
            total_workflows=summary.total,
            active_workflows=summary.active,
            completed_workflows=summary.completed,
            total_cost_savings=summary.savings,
        ),
    )


def _summary(view: ScheduledView) -> wire.WorkflowSummary:
    return wire.WorkflowSummary.model_validate(
        {
            "workflow_id": view.workflow_id,
            "workflow_name": view.name,
            "description": view.description,
            "status": _STATUSES[view.status],
            "scheduling_priority": view.priority,
            "created_at": view.created_at,
            "scheduled_start": view.planned_start,
            "step_count": view.step_count,
            "critical_path_duration_seconds": view.critical_seconds,
            "estimated_cost": view.estimated_cost,
            "actual_cost": view.actual_cost,
            "cost_savings": view.cost_savings,
            "tags": list(view.tags),
        }
    )


def executed(done: Scheduled) -> wire.ExecuteResponse:
    """A workflow that was started now. The allocation is the most that its steps hold at once."""
    view = done.view
    return wire.ExecuteResponse(
        workflow_id=view.workflow_id,
        message="Workflow execution started",
        execution_id=view.execution_id,
        started_at=view.planned_start,
        estimated_completion=view.planned_end,
        resource_allocation=most_held(view.plan),
        critical_path_optimized=view.efficiency > 1 - 1e-6,
    )


def plan(view: ScheduledView) -> wire.PlanResponse:
    """The plan in force."""
    kept = view.plan
    titles = {step["step_id"]: step["title"] for step in kept["steps"]}
    return wire.PlanResponse(
        workflow_id=view.workflow_id,
        scheduled_start=view.planned_start,
        estimated_completion=view.planned_end,
        estimated_cost=view.estimated_cost,
        cost_savings=view.cost_savings,
        method=kept["method"],
        critical_path=[titles[step_id] for step_id in kept["critical_path"]],
        steps=[
            wire.PlannedStep(
                step_name=step["title"],
                start=step["start"],
                end=step["end"],
                parts=step["parts"],
                amounts=step["amounts"],
                cost=step["cost"],
                slack_time_seconds=step["slack_seconds"],
                is_critical=step["critical"],
                why=step["why"],
                estimate=_estimate(step.get("estimate")),
            )
            for step in kept["steps"]
        ],
        times_moved=view.times_moved,
        notes=kept["notes"],
        forecast=forecast(kept) if "forecast" in kept else None,
    )


def what_if(found: WhatIf) -> wire.PlanResponse:
    """The plan that there would be."""
    told = wire.WhatIfView(
        changes=found.changes,
        saves_seconds=found.saves_seconds,
        saves_cost=found.saves_cost,
        steps_moved=found.steps_moved,
    )
    return plan(found.view).model_copy(update={"what_if": told})


def _estimate(kept: Mapping[str, Any] | None) -> wire.EstimateView | None:
    if kept is None:
        return None
    return wire.EstimateView(p50_seconds=kept["p50"], p90_seconds=kept["p90"], source=kept["source"], runs=kept["runs"])


def explained(view: ScheduledView, told: list[StepExplanation]) -> wire.ExplainResponse:
    """Why each step that has not ended is where it is: in the run, and by plan."""
    planned = {step["step_id"]: step for step in view.plan["steps"]}
    return wire.ExplainResponse(
        workflow_id=view.workflow_id,
        status=_STATUSES[view.status],
        steps=[
            wire.ExplainedStep(
                step_name=planned[each["step_id"]]["title"],
                status=each["status"],
                why=each["why"],
                message=each["message"],
                planned_start=planned[each["step_id"]]["start"],
                planned_because=planned[each["step_id"]]["why"],
                waits_for=[planned[name]["title"] for name in each["waits_for"] if name in planned],
            )
            for each in told
            if each["step_id"] in planned
        ],
    )


def pool(view: PoolView) -> wire.Pool:
    """A pool."""
    return wire.Pool(name=view.name, spec=dict(view.spec), changed=view.changed)


def error_body(request: Request, fault: Fault) -> wire.ErrorBody:
    """Any error in the documented body, its problems by the fields of requests."""
    fault = replace(fault, problems=tuple(replace(each, path=_in_request(each.path)) for each in fault.problems))
    return wire.ErrorBody(
        error=fault.code,
        message=fault.whole_text,
        code=fault.status,
        timestamp=datetime.now(UTC),
        workflow_id=request.path_params.get("workflow_id"),
        error_id=fault.error_id,
    )


def _in_request(path: str) -> str:
    return _CORE_FIELD.sub(lambda match: f"{match[1]}.{_FIELDS[match[2]]}", path, count=1)
