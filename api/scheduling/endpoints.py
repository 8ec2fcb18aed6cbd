"""The Scheduling API: `/api/v1/scheduling/...`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Body, Query, Request

from api.dependencies import Caller, NewId, SeenEngine
from api.faults import ErrorManner
from api.routing import surface_router
from api.rules import rules
from api.scheduling import figures, figures_wire, translate, wire
from api.surface import Surface
from engine.scheduling.scheduling import Scheduling

BASE = "/api/v1/scheduling"
router = surface_router()


@router.post(f"{BASE}/schedule-workflow")
@rules(kind="submission", definition=True)
async def schedule_workflow(
    body: wire.ScheduleRequest, engine: SeenEngine, caller: Caller, new_id: NewId, request: Request
) -> wire.ScheduleResponse:
    """Plan a workflow on the shared pools, reserve what it needs, and start it at its hour."""
    done = await Scheduling(engine, caller).schedule(
        translate.wish_of(body),
        description=body.description,
        tags=body.tags,
        source=await request.json(),
        workflow_uuid=new_id("workflow"),
        run_uuid=new_id("execution"),
    )
    return translate.scheduled(done)


@router.post(f"{BASE}/optimize-critical-path")
@rules(kind="submission")
async def optimize_critical_path(
    body: figures_wire.OptimizeRequest, engine: SeenEngine, caller: Caller, request: Request
) -> figures_wire.OptimizeResponse:
    """Find a better plan for a scheduled workflow, and put it in force if asked to."""
    request.path_params["workflow_id"] = body.workflow_id  # errors name it
    goals, apply = figures.goals_of(body.optimization_goals), body.apply_optimizations
    view, found = await Scheduling(engine, caller).optimize(body.workflow_id, goals, apply=apply)
    return await asyncio.to_thread(figures.optimized, view, found, applied=apply)


@router.get(f"{BASE}/system/statistics")
async def system_statistics(engine: SeenEngine, caller: Caller) -> figures_wire.StatisticsResponse:
    """Figures of the whole system, from records and reservations."""
    return figures.statistics(await Scheduling(engine, caller).statistics(), caller.subject)


@router.get(f"{BASE}/system/calibration")
async def system_calibration(engine: SeenEngine, caller: Caller) -> figures_wire.CalibrationResponse:
    """How good past estimates of the user's workflows were."""
    return figures.calibration(await Scheduling(engine, caller).calibration())


@router.get(f"{BASE}/workflow/{{workflow_id}}/status")
async def workflow_status(workflow_id: str, engine: SeenEngine, caller: Caller) -> wire.WorkflowStatus:
    """How a workflow stands."""
    return translate.status(await Scheduling(engine, caller).records.progress(workflow_id))


@router.get(f"{BASE}/workflows")
async def list_workflows(
    engine: SeenEngine,
    caller: Caller,
    status_filter: wire.Status | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> wire.WorkflowList:
    """The user's workflows, newest first."""
    statuses = translate.core_statuses(status_filter)
    found = await Scheduling(engine, caller).records.page(statuses=statuses, limit=limit, offset=offset)
    return translate.page(*found, limit=limit, offset=offset)


@router.post(f"{BASE}/workflow/{{workflow_id}}/execute")
@rules(kind="submission")
async def execute_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> wire.ExecuteResponse:
    """Start a scheduled workflow now."""
    return translate.executed(await Scheduling(engine, caller).execute(workflow_id))


@router.post(f"{BASE}/workflow/{{workflow_id}}/pause")
async def pause_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> wire.SteeringResponse:
    """Running steps end, nothing new starts."""
    await Scheduling(engine, caller).pause(workflow_id)
    return wire.SteeringResponse(workflow_id=workflow_id, message="Workflow is being paused")


@router.post(f"{BASE}/workflow/{{workflow_id}}/resume")
async def resume_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> wire.SteeringResponse:
    """Go on after a pause."""
    await Scheduling(engine, caller).resume(workflow_id)
    return wire.SteeringResponse(workflow_id=workflow_id, message="Workflow is being resumed")


@router.post(f"{BASE}/workflow/{{workflow_id}}/cancel")
async def cancel_workflow(
    workflow_id: str, engine: SeenEngine, caller: Caller, body: wire.CancelRequest | None = None
) -> wire.SteeringResponse:
    """End it; what it has reserved is free again."""
    reason = (body or wire.CancelRequest()).reason
    await Scheduling(engine, caller).cancel(workflow_id, reason=reason)
    return wire.SteeringResponse(workflow_id=workflow_id, message="Workflow is being cancelled")


@router.get(f"{BASE}/workflow/{{workflow_id}}/plan")
async def workflow_plan(
    workflow_id: str,
    engine: SeenEngine,
    caller: Caller,
    what_if: Annotated[str | None, Query(min_length=1, max_length=2000)] = None,
) -> wire.PlanResponse:
    """The plan in force: start, end, amounts, cost and slack of each step, and why it does not start earlier. With
    `what_if` (`pools.gpu=3,budget=10`): the plan that there would be; nothing is changed."""
    if what_if is not None:
        return translate.what_if(await Scheduling(engine, caller).what_if(workflow_id, what_if))
    return translate.plan(await Scheduling(engine, caller).records.get(workflow_id))


@router.get(f"{BASE}/workflow/{{workflow_id}}/explain")
async def explain_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> wire.ExplainResponse:
    """Why each step that has not ended is where it is."""
    view = await Scheduling(engine, caller).records.get(workflow_id)
    return translate.explained(view, await engine.executions.explain(view.execution_id))


@router.get(f"{BASE}/admin/pools")
async def list_pools(engine: SeenEngine, caller: Caller) -> wire.PoolList:
    """The pools that everybody shares."""
    return wire.PoolList(pools=[translate.pool(each) for each in await Scheduling(engine, caller).pools.list()])


@router.put(f"{BASE}/admin/pools/{{name}}")
async def put_pool(
    name: str, spec: Annotated[dict[str, Any] | float, Body()], engine: SeenEngine, caller: Caller
) -> wire.Pool:
    """Make or change a pool: capacity, calendar, price, burst. Needs the role `admin`."""
    caller.require_admin()
    return translate.pool(await Scheduling(engine, caller).pools.put(name, spec, by=caller.subject))


@router.delete(f"{BASE}/admin/pools/{{name}}")
async def remove_pool(name: str, engine: SeenEngine, caller: Caller) -> wire.PoolList:
    """Take a pool away; what is planned on it stays. Needs the role `admin`."""
    caller.require_admin()
    pools = Scheduling(engine, caller).pools
    await pools.remove(name, by=caller.subject)
    return wire.PoolList(pools=[translate.pool(each) for each in await pools.list()])


SCHEDULING = Surface(
    name="scheduling",
    title="Longpole: Scheduling API",
    base="/api/v1",
    errors=ErrorManner(wire.ErrorBody, translate.error_body, invalid=400, foreign=403),
    router=router,
)
