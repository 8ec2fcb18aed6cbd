"""Executions: how they stand, what they log, how they are stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from api.dependencies import Caller, SeenEngine
from api.orchestration import translate, wire
from api.orchestration.envelope import Answer
from api.routing import surface_router
from engine.orchestration.executions import WorkflowExecutions
from engine.orchestration.logs import LogFilter, log_page
from engine.orchestration.workflows import Workflows

BASE = "/v1/workflows/executions/{execution_id}"
router = surface_router()


@router.get(BASE)
async def execution_status(execution_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.ExecutionStatus]:
    """How an execution stands, step by step."""
    found = await WorkflowExecutions(engine, caller).following.status(execution_id)
    return Answer(data=translate.execution_status(found, await Workflows(engine, caller).estimating.usd()))


@router.post(f"{BASE}/stop")
async def stop_execution(
    execution_id: str, engine: SeenEngine, caller: Caller, body: wire.StopRequest | None = None
) -> Answer[wire.Stopping]:
    """End an execution before its time."""
    request = body or wire.StopRequest()
    wish = translate.stop_wish(request)
    await WorkflowExecutions(engine, caller).stop(execution_id, wish)
    return Answer(data=translate.stopping(execution_id, wish))


@router.get(f"{BASE}/logs")
async def execution_logs(
    execution_id: str,
    engine: SeenEngine,
    step_id: Annotated[str | None, Query(min_length=1, max_length=1000)] = None,
    level: wire.LogLevel | None = None,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,18}$")] = None,
) -> Answer[wire.Logs]:
    """Lines of an execution's log in their order. `level`: the least one; `start_time <= timestamp < end_time`;
    `cursor`: `next_cursor` of the page before."""
    wanted = LogFilter(step_id, translate.levels_from(level), _aware(start_time), _aware(end_time))
    page = await log_page(engine, execution_id, wanted, after=int(cursor or 0), limit=limit)
    return Answer(data=translate.logs(execution_id, page))


def _aware(moment: datetime | None) -> datetime | None:
    """Times without an offset are UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
