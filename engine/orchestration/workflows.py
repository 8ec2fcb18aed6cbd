"""Workflows: listed with what their runs have come to; estimated; drafts, active, paused, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from definitions.errors import Conflict, Problem
from definitions.ids import to_uuid
from engine.access.identity import Identity
from engine.core import Engine
from engine.definitions import Beside
from engine.definitions import stored as stored_view
from engine.notifications.notifications import Notifications
from engine.orchestration.estimating import Estimating
from engine.orchestration.views import LastRun, Metrics, WorkflowSummary
from engine.plugins import Plugins
from engine.schedules.documents import DocumentSchedules
from engine.scheduling.pools import PoolBook
from engine.views import StoredDefinition
from store import orchestration
from store.database import Session
from store.orchestration import Tally, WorkflowFilter
from store.tables import WorkflowInstance

SURFACE = "orchestration"


class Workflows:
    """All that can be done with workflows, for a viewer; `engine` is as they may use it."""

    def __init__(self, engine: Engine, viewer: Identity) -> None:
        self._engine = engine
        self._viewer = viewer
        self.notifications = Notifications(engine.database, engine.settings)
        self._schedules = DocumentSchedules(engine, viewer)
        self.plugins = Plugins(engine.settings, engine.registry)
        self.estimating = Estimating(
            engine.database, PoolBook(engine.database, engine.settings.pools_file), self.plugins
        )

    async def create(self, core: dict[str, Any], source: dict[str, Any], *, workflow_id: str) -> StoredDefinition:
        """Store a workflow as a draft, with whom it notifies. Raises as `Definitions.create`."""
        return await self._engine.definitions.create(
            core, workflow_id=workflow_id, surface=SURFACE, source=source, beside=self._notifying(source)
        )

    async def update(self, workflow_id: str, core: dict[str, Any], source: dict[str, Any]) -> StoredDefinition:
        """Store a workflow's next revision; runs keep the one that they began with. Of one that is active, the schedule
        follows the document; where it can't, nothing is stored. Raises as `Definitions.revise` and `Schedules.put`."""
        if (await self._engine.definitions.get(workflow_id)).is_active:
            await self._schedules.require(workflow_id, core, source.get("schedule"))
        stored = await self._engine.definitions.revise(
            workflow_id, core, surface=SURFACE, source=source, beside=self._notifying(source)
        )
        if stored.is_active:
            await self._schedules.follow(stored)
        return stored

    async def activate(self, workflow_id: str) -> StoredDefinition:
        """From now on its schedule is kept, which may be that of its document. Raises `DefinitionNotFound`, and as
        `Schedules.put`."""
        await self._schedules.begin(workflow_id)
        return await self._engine.definitions.set_active(workflow_id, True)

    async def schedule_clashes(self, stored: StoredDefinition) -> list[Problem]:
        """The instants for which activating it would be refused now, by the schedule of its document. An active one has
        been through that."""
        return [] if stored.is_active else await self._schedules.clashes(stored)

    async def pause(self, workflow_id: str) -> StoredDefinition:
        """From now on no run of it begins; those that go on do. Raises `DefinitionNotFound`, and `Conflict` for a
        draft."""
        before = await self._engine.definitions.get(workflow_id)
        if before.activation == "draft":
            raise Conflict(
                "it is not active: there is nothing to pause", code="invalid_status", remedy="activate it first"
            )
        return await self._engine.definitions.set_active(workflow_id, False)

    async def delete(self, workflow_id: str) -> None:
        """Forget it and its schedule. Raises as `Definitions.delete`."""
        await self._engine.definitions.delete(workflow_id)

    def _notifying(self, source: Mapping[str, Any]) -> Beside:
        wanted = source.get("notifications") or {}

        def beside(session: Session, workflow_id: str) -> None:
            self.notifications.store(session, workflow_id, wanted)

        return beside

    async def summary(self, identifier: str) -> WorkflowSummary:
        """One workflow, with its source. Raises `DefinitionNotFound`."""
        found = await self._engine.definitions.get(identifier)

        def read() -> WorkflowSummary:
            with self._engine.database.read() as session:
                return _summaries(session, [found])[0]

        return await asyncio.to_thread(read)

    async def page(
        self,
        *,
        activation: str | None = None,
        last_statuses: Collection[str] | None = None,
        created_by: str | None = None,
        tags: Sequence[str] = (),
        limit: int,
        offset: int,
    ) -> tuple[list[WorkflowSummary], int]:
        """One page, newest first, and how many there are in all."""
        wanted = WorkflowFilter(self._viewer.sees_owner, created_by, activation, last_statuses, tags)

        def read() -> tuple[list[WorkflowSummary], int]:
            with self._engine.database.read() as session:
                rows, total = orchestration.list_workflows(session, wanted, limit=limit, offset=offset)
                return _summaries(session, [stored_view(row) for row in rows]), total

        return await asyncio.to_thread(read)


def _summaries(session: Session, found: Sequence[StoredDefinition]) -> list[WorkflowSummary]:
    ids = [to_uuid(each.workflow_id) for each in found]
    tallies, last = orchestration.tallies(session, ids), orchestration.last_runs(session, ids)
    return [
        WorkflowSummary(each, _metrics(tallies.get(uuid, Tally())), _last(last.get(uuid)))
        for each, uuid in zip(found, ids, strict=True)
    ]


def _metrics(tally: Tally) -> Metrics:
    ended = tally.completed + tally.failed
    return Metrics(tally.total, tally.completed / ended if ended else 0.0, tally.average_seconds)


def _last(row: WorkflowInstance | None) -> LastRun | None:
    if row is None:
        return None
    return LastRun(row.execution_id, row.status, row.started_at, row.completed_at, row.duration_seconds)
