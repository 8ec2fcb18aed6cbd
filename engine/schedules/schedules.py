"""Schedules: workflows run again and again by Temporal, each occurrence once, with a record of what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

import structlog
from temporalio.client import ScheduleBackfill, ScheduleDescription, ScheduleOverlapPolicy, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from definitions.errors import Conflict, FieldsInvalid, ServiceUnavailable
from definitions.ids import execution_id as id_of
from definitions.ids import to_uuid
from definitions.launching import LAUNCHER_TYPE, schedule_id, scheduled_execution_id
from definitions.schedules import OverlapPolicy, Schedule, load_schedule
from definitions.validation import check_input
from engine.access.identity import Identity
from engine.schedules.applying import applying_of
from engine.schedules.competing import require_room
from engine.schedules.missed import check_missed
from engine.schedules.views import OccurrenceView, Preview, ScheduleView
from engine.scheduling.pools import PoolBook
from engine.temporal import answer
from store import occurrences, schedules, templates
from store.database import Session
from store.schedule_tables import ScheduleOccurrence, WorkflowSchedule

if TYPE_CHECKING:
    from engine.core import Engine

T = TypeVar("T")
_log = structlog.get_logger()

PREVIEWED = 20
MOST_PREVIEWED = 1_000
MOST_FILLED_IN = 1_000
"""Occurrences that one backfill may have."""
_SHOWN = 10


def preview(schedule: Schedule, *, after: datetime | None = None, count: int = PREVIEWED) -> Preview:
    """When a schedule is due after an aware moment (now), to the second that Temporal fires at, jitter left aside."""
    after = after or datetime.now(UTC)
    timing = schedule.schedule.timing
    times = tuple(timing.upcoming(after, min(count, MOST_PREVIEWED)))
    changes = timing.clock_changes(after, times[-1]) if times and times[-1] - after < timedelta(days=3660) else []
    return Preview(times, tuple(changes), timing.zone)


class Schedules:
    """All that can be done with schedules, for a viewer; None: the operator. A workflow has at most one."""

    def __init__(self, engine: Engine, viewer: Identity | None = None) -> None:
        self._engine = engine
        self._owner = viewer.sees_owner if viewer is not None else None
        self._applying = applying_of(engine)
        self._pools = PoolBook(engine.database, engine.settings.pools_file)

    async def put(self, workflow_id: str, wish: Mapping[str, Any] | Schedule) -> ScheduleView:
        """Make the schedule of a workflow, or change it in place: what is under way goes on.

        Once this returns Temporal has it or will have it, whatever dies. Raises `DefinitionNotFound`,
        `ScheduleInvalid`, `InputInvalid` (with the parameters of its next run), `ScheduleConflict`,
        `StoreUnavailable`, and `ScheduleRefused` for what only Temporal knows to be wrong."""
        schedule = wish if isinstance(wish, Schedule) else load_schedule(wish)
        stored = await self._engine.definitions.get(workflow_id)
        check_input(stored.definition, schedule.input_at(next_or_now(schedule)))
        paused = await self._before_a_change(workflow_id)
        if schedule.enabled is not None:
            paused = not schedule.enabled

        def write() -> None:
            with self._engine.database.read() as session:
                owner = templates.get_template(session, workflow_id, owner=self._owner).owner
                if not paused:
                    require_room(session, self._pools, workflow_id, schedule)
            with self._engine.database.write() as session:
                document = schedule.model_dump(mode="json", exclude={"enabled"}, exclude_defaults=True)
                note = "paused when it was stored" if paused else ""
                schedules.put_schedule(session, workflow_id, owner=owner, document=document, paused=paused, note=note)

        await asyncio.to_thread(write)
        await self._applying.try_to_apply(workflow_id)
        return await self.get(workflow_id)

    async def get(self, workflow_id: str) -> ScheduleView:
        """The schedule as Temporal has it, or by the records alone where Temporal does not answer: whether it is paused
        is then what was last told here. Raises `NotFound` (`schedule_not_found`), `StoreUnavailable`."""
        await self._read(lambda session: self._row(session, workflow_id))
        description = await self._description(workflow_id)
        if description is not None:
            await check_missed(self._engine, workflow_id, description)

        def read(session: Session) -> ScheduleView:
            row = self._row(session, workflow_id)
            return _view(session, row, description if row.edition == row.applied_edition else None)

        return await self._read(read)

    async def list(self, *, limit: int = 50, offset: int = 0) -> tuple[Sequence[ScheduleView], int]:
        """One page, newest first, by the records alone, and how many there are in all."""

        def read(session: Session) -> tuple[list[ScheduleView], int]:
            rows, total = schedules.list_schedules(session, owner=self._owner, limit=limit, offset=offset)
            return [_view(session, row, None) for row in rows], total

        return await self._read(read)

    async def preview(self, workflow_id: str, *, count: int = PREVIEWED, after: datetime | None = None) -> Preview:
        """When it is due next, whether it is paused or not. Raises `NotFound`."""
        row = await self._read(lambda session: self._row(session, workflow_id))
        return await asyncio.to_thread(preview, Schedule.model_validate(row.document), after=after, count=count)

    async def occurrences(
        self, workflow_id: str, *, states: Collection[str] | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[Sequence[OccurrenceView], int]:
        """What came of the times at which it was due, the latest first, and how many there are in all. Raises
        `NotFound`."""
        await self.get(workflow_id)

        def read(session: Session) -> tuple[list[OccurrenceView], int]:
            row = self._row(session, workflow_id)
            found, total = occurrences.list_occurrences(session, row.id, states=states, limit=limit, offset=offset)
            return [_occurrence(each, status) for each, status in found], total

        return await self._read(read)

    async def pause(self, workflow_id: str, *, note: str = "paused by hand") -> ScheduleView:
        """Nothing more starts by itself; what waits for its turn is skipped. Raises `NotFound`; so does `unpause`."""
        return await self._change(workflow_id, paused=True, note=note)

    async def unpause(self, workflow_id: str, *, note: str = "resumed by hand") -> ScheduleView:
        """Starts that are due from now on happen again; those meanwhile do not. Raises also `ScheduleConflict`."""

        def check(session: Session) -> None:
            row = self._row(session, workflow_id)
            require_room(session, self._pools, workflow_id, Schedule.model_validate(row.document))

        await self._read(check)
        # What was due while it was paused is not missed.
        return await self._change(workflow_id, paused=False, note=note, due_since=datetime.now(UTC))

    async def delete(self, workflow_id: str) -> None:
        """Remove it with its occurrences; runs that are open go on. Raises `NotFound`."""

        def write() -> None:
            with self._engine.database.write() as session:
                schedules.delete_schedule(session, self._row(session, workflow_id, lock=True).id)

        await asyncio.to_thread(write)
        await self._applying.try_to_apply(workflow_id)

    async def trigger(
        self, workflow_id: str, *, overlap: OverlapPolicy | None = None, run_uuid: UUID | None = None
    ) -> OccurrenceView:
        """A start now, paused or not; what becomes of it when runs are open says `overlap`, or the schedule. Again with
        the same `run_uuid` it is the same one. Raises `NotFound`, `Conflict` (`workflow_inactive`, `workflow_paused`),
        `ServiceUnavailable`."""
        run_id, due = id_of(run_uuid or uuid4()), datetime.now(UTC)

        def write() -> datetime:
            with self._engine.database.write() as session:
                row = self._row(session, workflow_id)
                _require_active(session, workflow_id)
                new = {"id": to_uuid(run_id), "schedule_id": row.id, "due_at": due, "overlap": overlap}
                occurrences.add_occurrences(session, [{**new, "kind": "manual", "state": "requested"}])
                there = occurrences.get_occurrence(session, run_id)
                return there.due_at if there is not None else due

        due = await asyncio.to_thread(write)
        try:
            await self._launch(workflow_id, run_id, due)
        except RPCError as error:
            await asyncio.to_thread(self._withdraw, run_id)
            raise ServiceUnavailable(f"Temporal refused the start: {error.message}", remedy="try again") from error
        except ServiceUnavailable:
            await asyncio.to_thread(self._withdraw, run_id)
            raise
        return await self._read(lambda session: _of_run(session, run_id))

    async def backfill(
        self, workflow_id: str, start: datetime, end: datetime, *, overlap: OverlapPolicy = "buffer_all"
    ) -> Sequence[OccurrenceView]:
        """Have the runs that were due from `start` to `end` (aware, in the past) and did not happen, one after another
        unless `overlap` says otherwise; those that did are left alone. Returns those that are to be.

        Raises `NotFound`, `FieldsInvalid`, `Conflict` (`schedule_not_applied`, `workflow_inactive`, `workflow_paused`),
        `ServiceUnavailable`."""
        row = await self._read(lambda session: self._row(session, workflow_id))
        times = await asyncio.to_thread(_between, Schedule.model_validate(row.document), start, end)
        if row.edition != row.applied_edition:
            raise Conflict("Temporal does not have this schedule yet", code="schedule_not_applied", remedy="try again")
        ids = {at: to_uuid(scheduled_execution_id(workflow_id, at)) for at in times}

        def write() -> list[datetime]:
            with self._engine.database.write() as session:
                self._row(session, workflow_id, lock=True)
                _require_active(session, workflow_id)
                known = occurrences.recorded(session, ids.values())
                wanted = [at for at in times if known.get(ids[at]) not in ("started", "waiting")]
                asked = {"schedule_id": row.id, "kind": "backfill", "state": "requested", "overlap": overlap}
                occurrences.add_occurrences(session, [{**asked, "id": ids[at], "due_at": at} for at in wanted])
                occurrences.ask_again(session, [ids[at] for at in wanted], kind="backfill", overlap=overlap)
                return wanted

        wanted = await asyncio.to_thread(write)
        handle = self._applying.handle(workflow_id)
        allow_all = ScheduleOverlapPolicy.ALLOW_ALL
        spans = [
            ScheduleBackfill(start_at=first, end_at=last, overlap=allow_all) for first, last in _spans(times, wanted)
        ]
        if spans:
            try:
                await answer(self._engine.client, handle.backfill(*spans))
            except RPCError as error:
                raise ServiceUnavailable(
                    f"Temporal refused the backfill: {error.message}", remedy="try again"
                ) from error

        def read(session: Session) -> list[OccurrenceView]:
            return [_of_run(session, id_of(ids[at])) for at in wanted]

        return await self._read(read)

    async def _launch(self, workflow_id: str, run_id: str, due: datetime) -> WorkflowHandle[Any, Any]:
        asked = {"workflow_id": workflow_id, "due": due.timestamp(), "execution_id": run_id}
        return await answer(
            self._engine.client,
            self._engine.client.start_workflow(
                LAUNCHER_TYPE,
                asked,
                id=f"{schedule_id(workflow_id)}-{run_id}",
                task_queue=self._engine.settings.task_queue,
                static_summary=f"starts a run of {workflow_id} by hand",
            ),
        )

    def _withdraw(self, run_id: str) -> None:
        with self._engine.database.write() as session:
            occurrences.remove_requested(session, run_id)

    async def _change(self, workflow_id: str, **columns: Any) -> ScheduleView:
        def write() -> None:
            with self._engine.database.write() as session:
                schedules.change_schedule(session, self._row(session, workflow_id, lock=True), **columns)

        await asyncio.to_thread(write)
        await self._applying.try_to_apply(workflow_id)
        return await self.get(workflow_id)

    async def _description(self, workflow_id: str) -> ScheduleDescription | None:
        """As Temporal has it; None when it does not answer, or does not have it yet."""
        try:
            return await answer(self._engine.client, self._applying.handle(workflow_id).describe())
        except ServiceUnavailable as error:
            _log.warning("a schedule is told by the records alone", workflow_id=workflow_id, error=str(error))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise ServiceUnavailable(f"Temporal does not tell: {error.message}", remedy="try again") from error
        return None

    async def _before_a_change(self, workflow_id: str) -> bool | None:
        """Account for the times of what it is so far. Whether it is paused, which somebody may have done in Temporal;
        None: there is none yet, or nobody can tell."""
        description = await self._description(workflow_id)
        if description is None:
            return None
        await check_missed(self._engine, workflow_id, description)
        return description.schedule.state.paused

    def _row(self, session: Session, workflow_id: str, *, lock: bool = False) -> WorkflowSchedule:
        return schedules.get_schedule(session, workflow_id, owner=self._owner, lock=lock)

    async def _read(self, read: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(self._engine.database.run_read, read)


def _require_active(session: Session, workflow_id: str) -> None:
    """Of others a start would only be skipped."""
    workflow = templates.get_template(session, workflow_id)
    if not workflow.is_active:
        said, code = ("paused", "workflow_paused") if workflow.activated_at else ("not active yet", "workflow_inactive")
        raise Conflict(f"{workflow_id} is {said}: nothing of it begins", code=code, remedy="activate it first")


def next_or_now(schedule: Schedule) -> datetime:
    """When it is due next; now, where it is not any more."""
    now = datetime.now(UTC)
    return schedule.schedule.timing.next_after(now) or now


def _between(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    now = datetime.now(UTC)
    if end < start:
        raise FieldsInvalid("`end` is before `start`", remedy="let it be later")
    if end > now:
        raise FieldsInvalid(f"`end` is {end.isoformat()}, which is not over", remedy="let it be in the past")
    found: list[datetime] = []
    for at in schedule.schedule.timing.since(start - timedelta(microseconds=1)):
        if at > end:
            break
        found.append(at)
        if len(found) > MOST_FILLED_IN:
            message = f"it is due more than {MOST_FILLED_IN} times from `start` to `end`"
            raise FieldsInvalid(message, remedy="fill in a shorter time, then the next")
    return found


def _spans(times: list[datetime], wanted: list[datetime]) -> list[tuple[datetime, datetime]]:
    """The wanted times as spans without any other in them."""
    chosen = frozenset(wanted)
    spans: list[tuple[datetime, datetime]] = []
    begun: datetime | None = None
    last: datetime | None = None
    for at in times:
        if at in chosen:
            begun, last = begun or at, at
        elif begun is not None and last is not None:
            spans.append((begun, last))
            begun = None
    if begun is not None and last is not None:
        spans.append((begun, last))
    return spans


def _view(session: Session, row: WorkflowSchedule, description: ScheduleDescription | None) -> ScheduleView:
    schedule = Schedule.model_validate(row.document)
    paused, note = row.paused, row.note
    if description is not None:
        state = description.schedule.state
        paused, note = state.paused, note if state.paused == row.paused else state.note or ""
    times = [] if paused else schedule.schedule.timing.upcoming(datetime.now(UTC), _SHOWN)
    return ScheduleView(
        workflow_id=row.workflow_id,
        owner=row.owner,
        name=templates.get_template(session, row.workflow_id).name,
        schedule=schedule,
        paused=paused,
        note=note,
        created_at=row.created_at,
        updated_at=row.updated_at,
        next_times=tuple(times),
        open_runs=tuple(id_of(run) for run in occurrences.open_runs(session, row.id)),
        applied=row.edition == row.applied_edition,
    )


def _of_run(session: Session, run_id: str) -> OccurrenceView:
    found = occurrences.get_occurrence(session, run_id)
    assert found is not None  # noqa: S101  # it was written before
    return _occurrence(found, None)


def _occurrence(row: ScheduleOccurrence, status: str | None) -> OccurrenceView:
    return OccurrenceView(
        execution_id=row.execution_id,
        due_at=row.due_at,
        kind=row.kind,
        state=row.state,
        reason=row.reason,
        message=row.message,
        decided_at=row.decided_at,
        run_status=status,
        count=row.count,
    )
