"""Schedules on their way to Temporal: a row is changed first, then Temporal's schedule in place. What a crash leaves
between the two is told again until Temporal has it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from definitions import schedules as pure
from definitions.errors import LongpoleError, ServiceUnavailable
from definitions.launching import LAUNCHER_TYPE, schedule_id
from definitions.markdown import plain
from engine.schedules.temporal_spec import temporal_spec
from engine.temporal import answer
from store import schedules
from store.database import Database

if TYPE_CHECKING:
    from engine.core import Engine

_log = structlog.get_logger()

UNAPPLIED_FOR = timedelta(seconds=2)
"""Whoever changed a row gets this long to tell Temporal."""


@dataclass(frozen=True, slots=True)
class _Edition:
    """A row as Temporal is told of it."""

    workflow_id: str
    schedule: pure.Schedule
    paused: bool
    note: str
    deleted: bool
    edition: int


class ScheduleRefused(LongpoleError):
    """What Temporal has against a schedule."""

    default_code = "schedule_refused"


class Applying:
    """Tells Temporal of rows."""

    def __init__(self, database: Database, client: Client, task_queue: str) -> None:
        self._database = database
        self._client = client
        self._task_queue = task_queue

    def handle(self, workflow_id: str) -> ScheduleHandle:
        """Temporal's schedule of a workflow."""
        return self._client.get_schedule_handle(schedule_id(workflow_id))

    async def apply(self, workflow_id: str) -> None:
        """Have Temporal know the row as it is now. Raises `ServiceUnavailable`, `ScheduleRefused`."""
        found = await asyncio.to_thread(self._read, workflow_id)
        if found is None:
            return
        try:
            if found.deleted:
                await self._delete(workflow_id)
            else:
                await self._tell(found)
        except RPCError as error:
            raise ScheduleRefused(f"Temporal refused the schedule: {error.message}") from error

        def write() -> None:
            with self._database.write() as session:
                schedules.mark_applied(session, workflow_id, found.edition)

        await asyncio.to_thread(write)

    async def try_to_apply(self, workflow_id: str) -> None:
        """The same; where Temporal does not answer, it is told later."""
        try:
            await self.apply(workflow_id)
        except ServiceUnavailable as error:
            _log.warning("Temporal was not told of a schedule yet", workflow_id=workflow_id, error=str(error))

    def _read(self, workflow_id: str) -> _Edition | None:
        with self._database.read() as session:
            row = schedules.unapplied_one(session, workflow_id)
        if row is None:
            return None
        schedule = pure.Schedule.model_validate(row.document)
        return _Edition(workflow_id, schedule, row.paused, row.note, row.deleted, row.edition)

    async def _delete(self, workflow_id: str) -> None:
        try:
            await answer(self._client, self.handle(workflow_id).delete())
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _tell(self, found: _Edition) -> None:
        wanted = self._wanted(found)

        def change(_: ScheduleUpdateInput) -> ScheduleUpdate:
            return ScheduleUpdate(schedule=wanted)

        handle = self.handle(found.workflow_id)
        try:
            await answer(self._client, handle.update(change))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            try:
                await answer(self._client, self._client.create_schedule(handle.id, wanted))
            except ScheduleAlreadyRunningError:
                await answer(self._client, handle.update(change))

    def _wanted(self, found: _Edition) -> Schedule:
        schedule = found.schedule
        return Schedule(
            action=ScheduleActionStartWorkflow(
                LAUNCHER_TYPE,
                {"workflow_id": found.workflow_id},
                id=schedule_id(found.workflow_id),
                task_queue=self._task_queue,
                static_summary=f"starts a run of {found.workflow_id} by its schedule",
            ),
            spec=temporal_spec(schedule.schedule),
            # The launchers see to it: only they know which runs are open.
            policy=SchedulePolicy(
                overlap=ScheduleOverlapPolicy.ALLOW_ALL,
                catchup_window=timedelta(seconds=schedule.catchup_window),
                pause_on_failure=False,
            ),
            state=ScheduleState(paused=found.paused, note=plain(found.note)),
        )


def applying_of(engine: Engine) -> Applying:
    """That of an engine."""
    return Applying(engine.database, engine.client, engine.settings.task_queue)


async def apply_waiting(engine: Engine) -> int:
    """Tell Temporal of what it was not told; returns how many schedules. Raises what a missing database or Temporal
    raises, and `ScheduleRefused` once all have been told."""

    def read() -> list[str]:
        with engine.database.read() as session:
            return [row.workflow_id for row in schedules.unapplied(session, datetime.now(UTC) - UNAPPLIED_FOR)]

    applying = applying_of(engine)
    applied = 0
    refused: ScheduleRefused | None = None
    for workflow_id in await asyncio.to_thread(read):
        try:
            await applying.apply(workflow_id)
        except ScheduleRefused as error:
            _log.error("Temporal does not take a schedule", workflow_id=workflow_id, error=str(error))
            refused = error
        else:
            applied += 1
    if refused is not None:
        raise refused
    return applied
