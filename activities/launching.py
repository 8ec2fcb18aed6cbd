"""Starts of schedules: whose turn it is, the run's row and its occurrence in one transaction, and why one was late or
did not happen.

A launcher may ask any number of times: what was decided for its occurrence stays decided, and the run's id follows from
when it is due, so that it is never started twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.lateness import why_late
from activities.overlap import Turn, turn
from activities.typed_failures import typed_failures
from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import DefinitionNotFound, ExecutionNotFound, InputInvalid, LongpoleError, ServiceUnavailable
from definitions.ids import execution_id as id_of
from definitions.ids import to_uuid
from definitions.launching import FOLLOW_LAUNCHED, LAUNCH, LaunchCall, Launched, schedule_id
from definitions.messages import CancelRequest
from definitions.model import Definition
from definitions.schedules import Schedule
from definitions.validation import check_input
from store import instances, occurrences, schedules, templates
from store.database import Database, Session
from store.schedule_tables import ScheduleOccurrence, WorkflowSchedule
from store.timeouts import deadline

_log = structlog.get_logger()

_SHORTEST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=1)
NOT_YET = "not_yet"
PAUSED = "paused"
CATCHUP = "catchup_window"
INACTIVE = "workflow_inactive"
INPUT_INVALID = "input_invalid"
LAUNCHER_ENDED = "launcher_ended"


@dataclass(frozen=True, slots=True)
class _Decision:
    launched: Launched | None
    """None: it has to wait."""
    waits_for: Turn | None = None
    behind: ScheduleOccurrence | None = None
    """The start that is due before and waits as well."""
    ahead: int = 0
    """How many of those there are."""
    terminates: bool = False


class LaunchActivities:
    """The activities, over one database. `bring`: what takes a run whose row is there to Temporal. Raise
    `StoreUnavailable`, which the launcher retries."""

    def __init__(self, database: Database, bring: Callable[[str], Awaitable[None]]) -> None:
        self._database = database
        self._bring = bring

    @activity.defn(name=LAUNCH)
    async def launch(self, fields: dict[str, Any]) -> Launched:
        """The fields of a `LaunchCall`. Fails, to be tried again, as long as it is not its turn."""
        call = LaunchCall(**fields)
        with typed_failures():
            decision = await asyncio.to_thread(self._decide, call)
            if decision.launched is None:
                await self._make_room(decision)
                raise ApplicationError("it waits for its turn", type=NOT_YET, next_retry_delay=_pause(decision.ahead))
            if decision.launched["state"] == "started":
                await self._try_to_bring(call.run_id)
            elif decision.launched["state"] == "gone":
                await self._remove_what_fires(call.workflow_id)
            return decision.launched

    @activity.defn(name=FOLLOW_LAUNCHED)
    async def follow_launched(self, workflow_id: str, execution_id: str) -> bool:
        """Pauses the schedule if the run has failed or timed out; whether it did. Fails, to be tried again, as long as
        the run goes on."""
        with typed_failures():
            note = await asyncio.to_thread(self._failed, workflow_id, execution_id)
            if note is None:
                return False
            try:
                await activity.client().get_schedule_handle(schedule_id(workflow_id)).pause(note=note)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
            return True

    async def _remove_what_fires(self, workflow_id: str) -> None:
        """Temporal still has the schedule of a workflow that has none any more."""
        try:
            await activity.client().get_schedule_handle(schedule_id(workflow_id)).delete()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _try_to_bring(self, execution_id: str) -> None:
        try:
            await self._bring(execution_id)
        except ServiceUnavailable:
            raise
        except LongpoleError as error:  # the relay finds the same, and ends the run with it
            _log.warning("a scheduled run can't be started", execution_id=execution_id, error=str(error))

    def _failed(self, workflow_id: str, execution_id: str) -> str | None:
        """Notes the pause in the store. Why it is paused; None: it is not to be."""
        with self._database.write() as session:
            row = schedules.find_schedule(session, workflow_id, lock=True)
            try:
                status = instances.get_status(session, execution_id)
            except ExecutionNotFound:
                return None
            if status not in FINAL_RUN_STATUSES:
                raise ApplicationError(f"{execution_id} goes on", type=NOT_YET)
            if row is None or status not in ("failed", "timed_out"):
                return None
            if not Schedule.model_validate(row.document).pause_on_failure:
                return None
            note = f"{execution_id} has {'failed' if status == 'failed' else 'timed out'}"
            schedules.change_schedule(session, row, paused=True, note=note)
            return note

    def _decide(self, call: LaunchCall) -> _Decision:
        now = datetime.now(UTC)
        with self._database.write() as session:
            row = schedules.find_schedule(session, call.workflow_id, lock=True)
            if row is None:
                return _Decision(Launched(state="gone", reason="", execution_id="", follow=False))
            schedule = Schedule.model_validate(row.document)
            mine = occurrences.get_occurrence(session, call.run_id)
            if mine is not None and mine.state == "started":
                return _Decision(_launched(mine, schedule))
            if mine is not None and mine.state == "skipped" and mine.launcher_run == call.launcher_run:
                return _Decision(_launched(mine, schedule))
            waits = mine is not None and mine.state == "waiting" and mine.launcher_run == call.launcher_run
            mine = _entered(session, row, call, mine)
            refused = _refused(row, schedule, call, mine, now, waits=waits)
            if refused is not None:
                return _Decision(_skip(session, mine, *refused, now))
            return self._in_turn(session, row, schedule, call, mine, now, waits=waits)

    def _in_turn(
        self,
        session: Session,
        row: WorkflowSchedule,
        schedule: Schedule,
        call: LaunchCall,
        mine: ScheduleOccurrence,
        now: datetime,
        *,
        waits: bool,
    ) -> _Decision:
        policy = mine.overlap or schedule.overlap_policy
        others = [each for each in occurrences.waiting(session, row.id) if each.id != mine.id]
        before = [each for each in others if (each.due_at, each.id) < (mine.due_at, mine.id)]
        decided = turn(
            policy,  # type: ignore[arg-type]  # it was checked when it was stored
            schedule.most_open,
            [id_of(run) for run in occurrences.open_runs(session, row.id)],
            before=len(before),
            after=len(others) - len(before),
            waits=waits,
        )
        if decided.action == "skip":
            return _Decision(_skip(session, mine, decided.reason, decided.message, now))
        if decided.action == "wait":
            occurrences.change_occurrence(
                session, mine.execution_id, state="waiting", reason=decided.reason, message=decided.message
            )
            terminates = policy == "terminate_other"
            return _Decision(None, decided, before[0] if before else None, len(before), terminates)
        try:
            _new_run(session, row, schedule, mine)
        except (InputInvalid, DefinitionNotFound) as error:
            reason = INPUT_INVALID if isinstance(error, InputInvalid) else INACTIVE
            return _Decision(_skip(session, mine, reason, error.message, now))
        late = why_late(mine, schedule, now, waited=waits)
        occurrences.change_occurrence(
            session, mine.execution_id, state="started", reason=late.reason, message=late.message, decided_at=now
        )
        follow = schedule.pause_on_failure
        return _Decision(Launched(state="started", reason=late.reason, execution_id=mine.execution_id, follow=follow))

    async def _make_room(self, decision: _Decision) -> None:
        for run in decision.waits_for.to_end if decision.waits_for is not None else ():
            handle = activity.client().get_workflow_handle(run)
            reason = "the next start of its schedule is due"
            try:
                if decision.terminates:
                    await handle.terminate(reason=reason)
                else:
                    await handle.signal("cancel", asdict(CancelRequest(reason=reason)))
            except RPCError as error:
                # It is over, or on its way to Temporal: the next attempt knows.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        if decision.behind is not None:
            await self._pass_if_gone(decision.behind)

    async def _pass_if_gone(self, other: ScheduleOccurrence) -> None:
        """One whose launcher was ended by somebody must not keep others waiting."""
        handle = activity.client().get_workflow_handle(other.launcher_id, run_id=other.launcher_run)
        try:
            if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                return
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

        def write() -> None:
            with self._database.write() as session:
                found = occurrences.get_occurrence(session, other.execution_id)
                if found is not None and found.state == "waiting" and found.launcher_run == other.launcher_run:
                    message = "its launcher was ended in Temporal while it waited for its turn"
                    _skip(session, found, LAUNCHER_ENDED, message, datetime.now(UTC))

        await asyncio.to_thread(write)


def _pause(ahead: int) -> timedelta:
    """Until it is worth asking again: a long queue must not keep the database busy."""
    return min(_SHORTEST_PAUSE * (1 + ahead / 2), _LONGEST_PAUSE)


def _entered(
    session: Session, row: WorkflowSchedule, call: LaunchCall, mine: ScheduleOccurrence | None
) -> ScheduleOccurrence:
    """The occurrence of this launcher, which may have been asked for before it was launched."""
    launched = datetime.fromtimestamp(call.launched, UTC)
    if mine is None:
        new: dict[str, Any] = {"id": to_uuid(call.run_id), "schedule_id": row.id, "due_at": call.due_at}
        occurrences.add_occurrences(session, [{**new, "kind": "schedule", "state": "requested"}])
    if mine is None or mine.launcher_run != call.launcher_run:
        occurrences.change_occurrence(
            session,
            call.run_id,
            launcher_id=call.launcher_id,
            launcher_run=call.launcher_run,
            launched_at=launched,
            count=1,
        )
    entered = occurrences.get_occurrence(session, call.run_id)
    assert entered is not None  # noqa: S101  # the schedule's row is locked, so nobody removes it
    return entered


def _refused(
    row: WorkflowSchedule,
    schedule: Schedule,
    call: LaunchCall,
    mine: ScheduleOccurrence,
    now: datetime,
    *,
    waits: bool,
) -> tuple[str, str] | None:
    """Why a start does not happen whatever runs are open."""
    if row.paused and mine.kind == "schedule":
        return PAUSED, f"the schedule was paused{': ' if row.note else ''}{row.note}"
    window = timedelta(seconds=schedule.catchup_window)
    in_time = call.launched - call.due <= schedule.catchup_window + schedule.schedule.jitter
    # One that Temporal itself started later than that was asked for there, as a backfill.
    if mine.kind == "schedule" and not waits and in_time and now - call.due_at > window:
        return CATCHUP, f"no worker took it within the catch-up window of {schedule.catchup_window:g} s"
    return None


def _skip(session: Session, mine: ScheduleOccurrence, reason: str, message: str, now: datetime) -> Launched:
    occurrences.change_occurrence(
        session, mine.execution_id, state="skipped", reason=reason, message=message, decided_at=now
    )
    _log.info("a start of a schedule is skipped", due_at=mine.due_at.isoformat(), reason=reason)
    return Launched(state="skipped", reason=reason, execution_id="", follow=False)


def _launched(mine: ScheduleOccurrence, schedule: Schedule) -> Launched:
    """What was decided before."""
    if mine.state == "started":
        follow = schedule.pause_on_failure
        return Launched(state="started", reason=mine.reason, execution_id=mine.execution_id, follow=follow)
    return Launched(state="skipped", reason=mine.reason, execution_id="", follow=False)


def _new_run(session: Session, row: WorkflowSchedule, schedule: Schedule, mine: ScheduleOccurrence) -> None:
    """The row of its run, of the definition's newest revision. Raises `InputInvalid`, `DefinitionNotFound`."""
    if instances.by_ids(session, [mine.execution_id]):
        return  # of a schedule that was deleted and made again
    head = templates.get_template(session, row.workflow_id)
    if not head.is_active:
        raise DefinitionNotFound(f"the workflow {head.name!r} is not active", remedy="activate it")
    definition = Definition.model_validate(head.definition)
    run_input = schedule.input_at(mine.due_at)
    check_input(definition, run_input)
    instances.create_instance(
        session,
        execution_id=mine.execution_id,
        workflow_id=row.workflow_id,
        name=definition.name,
        revision=head.revision,
        digest=head.digest,
        input_data=run_input,
        owner=row.owner,
        priority=definition.priority,
        tags=list(dict.fromkeys(definition.tags)),
        timeout_at=deadline(definition),
    )
