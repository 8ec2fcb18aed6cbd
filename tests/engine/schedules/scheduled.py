"""Schedules for tests: workflows that hold until they are told, and what came of starts."""

from __future__ import annotations

from typing import Any

from engine.core import Engine
from engine.schedules.schedules import Schedules
from engine.schedules.views import OccurrenceView
from tests.polling import eventually

NEVER_BY_ITSELF = {"type": "cron", "expression": "0 0 29 2 *"}
HOLDS = {"name": "holds", "steps": [{"id": "hold", "wait": {"event": "go"}}]}
ECHOES = {"name": "echoes", "steps": [{"id": "echo", "handler": "steps.echo"}]}
FAILS = {"name": "fails", "steps": [{"id": "fail", "handler": "steps.fail"}]}


async def scheduled(engine: Engine, document: dict[str, Any], **wish: Any) -> tuple[Schedules, str]:
    """A workflow with a schedule, which is never due unless `schedule` says so."""
    stored = await engine.definitions.save(document)
    found = Schedules(engine)
    await found.put(stored.workflow_id, {"schedule": NEVER_BY_ITSELF, **wish})
    return found, stored.workflow_id


async def came_of(schedules: Schedules, workflow_id: str) -> list[OccurrenceView]:
    """All occurrences, the first due first."""
    found, _ = await schedules.occurrences(workflow_id, limit=1000)
    return sorted(found, key=lambda each: each.due_at)


async def until(schedules: Schedules, workflow_id: str, *outcomes: str) -> list[OccurrenceView]:
    """Once the occurrences have come to these, in the order in which they are due: a state, a reason for skipping, or
    the status of the run."""
    seen: list[str] = []

    async def so_far() -> bool:
        found = await came_of(schedules, workflow_id)
        seen[:] = [outcome(each) for each in found]
        return seen == list(outcomes)

    try:
        await eventually(so_far)
    except AssertionError:
        raise AssertionError(f"{seen} is not {list(outcomes)}") from None
    return await came_of(schedules, workflow_id)


def outcome(each: OccurrenceView) -> str:
    """What came of one, in a word."""
    if each.state == "skipped":
        return each.reason
    return each.run_status or each.state
