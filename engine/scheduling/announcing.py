"""Telling runs their hours. What the store says counts: a run that could not be told is told again until it was."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

import structlog
from temporalio.service import RPCError

from definitions.errors import ServiceUnavailable
from definitions.ids import execution_id
from engine.scheduling.plan_record import timetable
from engine.temporal import answer
from store import scheduled_workflows

if TYPE_CHECKING:
    from engine.core import Engine

_AT_ONCE = 100
_log = structlog.get_logger()


async def announce(engine: Engine) -> int:
    """Tell every run that does not know its hours yet; returns how many were told. Raises `StoreUnavailable`."""

    def read() -> list[scheduled_workflows.Unannounced]:
        with engine.database.read() as session:
            return scheduled_workflows.unannounced(session, _AT_ONCE)

    told = 0
    for each in await asyncio.to_thread(read):
        run = execution_id(each.instance_id)
        try:
            signal = engine.client.get_workflow_handle(run).signal("reschedule", asdict(timetable(each.plan)))
            await answer(engine.client, signal)
        except (RPCError, ServiceUnavailable) as error:
            _log.warning("a run could not be told its hours; trying again", execution_id=run, error=str(error))
            continue
        await asyncio.to_thread(_note, engine, each)
        told += 1
    return told


def _note(engine: Engine, told: scheduled_workflows.Unannounced) -> None:
    with engine.database.write() as session:
        scheduled_workflows.change_scheduled(session, told.id, announced_start=told.planned_start)
