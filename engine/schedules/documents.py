"""Schedules that documents of workflows tell of: begun with the workflow, changed with its document."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from definitions.errors import Problem
from definitions.model import Definition
from definitions.schedules import load_schedule
from definitions.validation import check_input
from engine.access.identity import Identity
from engine.definitions import core_document
from engine.schedules.competing import require_room
from engine.schedules.conflicts import ScheduleConflict
from engine.schedules.schedules import Schedules, next_or_now
from engine.scheduling.pools import PoolBook
from engine.views import StoredDefinition
from store import schedules, templates
from store.database import Session
from store.schedule_tables import WorkflowSchedule

if TYPE_CHECKING:
    from engine.core import Engine


class DocumentSchedules:
    """For a viewer. What is kept beside the times, such as parameters, stays."""

    def __init__(self, engine: Engine, viewer: Identity) -> None:
        self._engine = engine
        self._pools = PoolBook(engine.database, engine.settings.pools_file)
        self._schedules = Schedules(engine, viewer)

    async def begin(self, workflow_id: str) -> None:
        """Have the schedule that the workflow's document tells of, unless one was set after the document came. Raises
        as `Schedules.put`."""
        stored = await self._engine.definitions.get(workflow_id)

        def is_newer(session: Session) -> bool:
            kept = schedules.find_schedule(session, workflow_id)
            came_at = templates.get_revision(session, workflow_id, stored.revision).created_at
            return kept is None or kept.updated_at < came_at

        if stored.schedule is not None and await asyncio.to_thread(self._engine.database.run_read, is_newer):
            await self.follow(stored)

    async def follow(self, stored: StoredDefinition) -> None:
        """Have the schedule that the document tells of, if it does. Raises as `Schedules.put`."""
        if stored.schedule is not None:
            kept = await asyncio.to_thread(
                self._engine.database.run_read, lambda session: schedules.find_schedule(session, stored.workflow_id)
            )
            await self._schedules.put(stored.workflow_id, _wish(kept, stored.schedule))

    async def require(self, workflow_id: str, core: Mapping[str, Any], spec: Mapping[str, Any] | None) -> None:
        """Raises as `follow` would once this definition with this schedule was stored: `ScheduleConflict`,
        `InputInvalid`."""
        if spec is None:
            return

        def check(session: Session) -> None:
            kept = schedules.find_schedule(session, workflow_id)
            schedule, definition = load_schedule(_wish(kept, spec)), Definition.model_validate(core)
            check_input(definition, schedule.input_at(next_or_now(schedule)))
            if kept is None or not kept.paused:
                require_room(session, self._pools, workflow_id, schedule, core_document(definition))

        await asyncio.to_thread(self._engine.database.run_read, check)

    async def clashes(self, stored: StoredDefinition) -> list[Problem]:
        """The instants at which the schedule that the document tells of would not fit its pools if it began now; empty
        where it tells of none."""
        if stored.schedule is None:
            return []

        def read(session: Session) -> list[Problem]:
            kept = schedules.find_schedule(session, stored.workflow_id)
            try:
                require_room(session, self._pools, stored.workflow_id, load_schedule(_wish(kept, stored.schedule)))
            except ScheduleConflict as conflict:
                return list(conflict.problems)
            return []

        return await asyncio.to_thread(self._engine.database.run_read, read)


def _wish(kept: WorkflowSchedule | None, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**(kept.document if kept is not None else {}), "schedule": spec}
