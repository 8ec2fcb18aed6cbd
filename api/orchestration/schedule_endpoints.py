"""Schedules of workflows."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator

from api.dependencies import Caller, NewId, SeenEngine
from api.orchestration import schedule_translate as translate
from api.orchestration import schedule_wire as wire
from api.orchestration.envelope import Answer, paged
from api.routing import surface_router
from api.rules import rules
from api.told_as import ToldAs
from definitions.schedules import Schedule, load_schedule
from engine.schedules.schedules import PREVIEWED, Schedules, preview

BASE = "/v1/workflows"
ONE = f"{BASE}/{{workflow_id}}/schedule"
Count = Annotated[int, Query(ge=1, le=1000)]
Moment = Annotated[datetime, AfterValidator(translate.aware)]
Page = Annotated[int, Query(ge=1, le=10_000_000)]
Limit = Annotated[int, Query(ge=1, le=100)]
router = surface_router()


@router.get(f"{BASE}/schedules")
async def list_schedules(
    engine: SeenEngine, caller: Caller, page: Page = 1, limit: Limit = 20
) -> Answer[list[wire.Schedule]]:
    """The user's schedules, newest first."""
    found, total = await Schedules(engine, caller).list(limit=limit, offset=(page - 1) * limit)
    return paged([translate.schedule(each) for each in found], page=page, limit=limit, total=total)


@router.post(f"{BASE}/schedules/preview")
@rules(kind="read", idempotent=False)
async def preview_wish(
    body: wire.PreviewRequest, caller: Caller, count: Count = PREVIEWED, after: Moment | None = None
) -> Answer[wire.Preview]:
    """When a schedule would be due, without storing it."""
    wish = load_schedule({"schedule": body.schedule})
    return Answer(data=translate.preview(await asyncio.to_thread(preview, wish, count=count, after=after)))


@router.post(ONE)
@rules(kind="submission")
async def put_schedule(
    workflow_id: str, body: Annotated[dict[str, Any], ToldAs(Schedule)], engine: SeenEngine, caller: Caller
) -> Answer[wire.Schedule]:
    """Make a workflow's schedule, or change it in place. It fires while the workflow is active."""
    return Answer(data=translate.schedule(await Schedules(engine, caller).put(workflow_id, body)))


@router.get(ONE)
async def get_schedule(workflow_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.Schedule]:
    """A workflow's schedule."""
    return Answer(data=translate.schedule(await Schedules(engine, caller).get(workflow_id)))


@router.delete(ONE)
async def delete_schedule(workflow_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.DeletedSchedule]:
    """Remove a schedule. Executions that are open go on."""
    await Schedules(engine, caller).delete(workflow_id)
    return Answer(data=wire.DeletedSchedule(workflow_id=workflow_id))


@router.post(f"{ONE}/pause")
async def pause_schedule(
    workflow_id: str, engine: SeenEngine, caller: Caller, body: wire.NoteRequest | None = None
) -> Answer[wire.Schedule]:
    """Nothing more starts by itself."""
    note = (body or wire.NoteRequest()).note or f"paused by {caller.subject}"
    return Answer(data=translate.schedule(await Schedules(engine, caller).pause(workflow_id, note=note)))


@router.post(f"{ONE}/resume")
async def resume_schedule(
    workflow_id: str, engine: SeenEngine, caller: Caller, body: wire.NoteRequest | None = None
) -> Answer[wire.Schedule]:
    """What is due from now on starts again."""
    note = (body or wire.NoteRequest()).note or f"resumed by {caller.subject}"
    return Answer(data=translate.schedule(await Schedules(engine, caller).unpause(workflow_id, note=note)))


@router.post(f"{ONE}/trigger")
@rules(kind="submission")
async def trigger_schedule(
    workflow_id: str, engine: SeenEngine, caller: Caller, new_id: NewId, body: wire.TriggerRequest | None = None
) -> Answer[wire.Occurrence]:
    """Start an execution now, with the schedule's parameters and overlap policy; also while it is paused."""
    overlap = (body or wire.TriggerRequest()).overlap_policy
    schedules = Schedules(engine, caller)
    found = await schedules.trigger(workflow_id, overlap=overlap, run_uuid=new_id("execution"))
    return Answer(data=translate.occurrence(found))


@router.post(f"{ONE}/backfill")
@rules(kind="submission")
async def backfill_schedule(
    workflow_id: str, body: wire.BackfillRequest, engine: SeenEngine, caller: Caller
) -> Answer[list[wire.Occurrence]]:
    """Have the executions that were due in a time that is over and did not happen; those that did are left alone."""
    span = translate.aware(body.start), translate.aware(body.end)
    found = await Schedules(engine, caller).backfill(workflow_id, *span, overlap=body.overlap_policy)
    return Answer(data=[translate.occurrence(each) for each in found])


@router.get(f"{ONE}/preview")
async def preview_schedule(
    workflow_id: str, engine: SeenEngine, caller: Caller, count: Count = PREVIEWED, after: Moment | None = None
) -> Answer[wire.Preview]:
    """When it is due next, and what changes of clocks do to that."""
    found = await Schedules(engine, caller).preview(workflow_id, count=count, after=after)
    return Answer(data=translate.preview(found))


@router.get(f"{ONE}/occurrences")
async def list_occurrences(
    workflow_id: str,
    engine: SeenEngine,
    caller: Caller,
    status: wire.OccurrenceStatus | None = None,
    page: Page = 1,
    limit: Limit = 20,
) -> Answer[list[wire.Occurrence]]:
    """What came of the times at which it was due, the latest first: started, started late, or skipped, and why."""
    found, total = await Schedules(engine, caller).occurrences(
        workflow_id, states=None if status is None else (status,), limit=limit, offset=(page - 1) * limit
    )
    return paged([translate.occurrence(each) for each in found], page=page, limit=limit, total=total)
