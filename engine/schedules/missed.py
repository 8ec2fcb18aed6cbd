"""Starts that Temporal gave up: those that were due while it was away for longer than the catch-up window.

Temporal only counts them. Which they were is worked out when the count has grown: the last times in the past that
nothing is recorded of, and that it started no launcher for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import structlog
from temporalio.client import Client, ScheduleDescription
from temporalio.service import RPCError, RPCStatusCode

from definitions.ids import to_uuid
from definitions.launching import schedule_id, scheduled_execution_id
from definitions.schedules import Schedule
from engine.schedules.applying import applying_of
from engine.temporal import answer
from store import occurrences, schedules
from store.database import Database, Session

if TYPE_CHECKING:
    from engine.core import Engine

_log = structlog.get_logger()

MISSED = "missed"
CHECK_SECONDS = 30.0
AT_ONCE = 20
"""Schedules that one round looks at."""
MOST_RECORDED = 1_000
"""Times in a row that are recorded one by one; the ones before are one record together."""
_MOST_WALKED = 200_000
_ON_ITS_WAY = timedelta(seconds=10)
"""What was due less long ago may still be launched."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Times that nothing is recorded of, and the count that was accounted for before them."""

    seen: int
    times: list[datetime]
    may_be_on_their_way: int


def given_up(description: ScheduleDescription) -> int:
    """How many starts Temporal has given up since the schedule was made."""
    info = description.raw_description.info
    return int(info.missed_catchup_window + info.buffer_dropped)


async def check_missed(engine: Engine, workflow_id: str, description: ScheduleDescription) -> int:
    """Record what was missed since it was last looked at; returns how many times that were."""
    total = given_up(description)
    unknown = await asyncio.to_thread(_look, engine.database, workflow_id, total)
    if unknown is None:
        return 0
    times = unknown.times
    # What was launched and not recorded yet is later than what was given up.
    while times and await _was_launched(engine.client, workflow_id, times[-1]):
        times.pop()
    if len(times) < total - unknown.seen and unknown.may_be_on_their_way:
        return 0  # another look will tell
    return await asyncio.to_thread(_record, engine.database, workflow_id, total, unknown)


def _look(database: Database, workflow_id: str, total: int) -> _Unknown | None:
    """None: there is nothing to record."""
    with database.read() as session:
        row = schedules.find_schedule(session, workflow_id)
    if row is None or total == row.missed_seen:
        return None
    if total < row.missed_seen:  # it was made anew there
        with database.write() as session:
            schedules.note_schedule(session, workflow_id, missed_seen=total)
        return None
    now = datetime.now(UTC)
    timing = Schedule.model_validate(row.document).schedule.timing
    times: deque[datetime] = deque(maxlen=2 * MOST_RECORDED)
    for at in islice(timing.since(row.due_since), _MOST_WALKED):
        if at > now:
            break
        times.append(at)
    with database.read() as session:
        unknown = _unrecorded(session, workflow_id, list(times))
    settled = [at for at in unknown if at <= now - _ON_ITS_WAY]
    return _Unknown(row.missed_seen, settled, len(unknown) - len(settled))


def _unrecorded(session: Session, workflow_id: str, times: list[datetime]) -> list[datetime]:
    ids = {at: to_uuid(scheduled_execution_id(workflow_id, at)) for at in times}
    known = occurrences.recorded(session, ids.values())
    return [at for at in times if ids[at] not in known]


async def _was_launched(client: Client, workflow_id: str, due: datetime) -> bool:
    launcher = f"{schedule_id(workflow_id)}-{due:%Y-%m-%dT%H:%M:%SZ}"
    try:
        await answer(client, client.get_workflow_handle(launcher).describe())
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


def _record(database: Database, workflow_id: str, total: int, unknown: _Unknown) -> int:
    now = datetime.now(UTC)
    missed = total - unknown.seen
    lost = unknown.times[-min(missed, MOST_RECORDED) :]
    with database.write() as session:
        row = schedules.find_schedule(session, workflow_id, lock=True)
        if row is None or row.missed_seen != unknown.seen:
            return 0  # somebody else was quicker
        window = Schedule.model_validate(row.document).catchup_window
        occurrences.add_occurrences(
            session,
            [
                {
                    "id": to_uuid(scheduled_execution_id(workflow_id, at)),
                    "schedule_id": row.id,
                    "due_at": at,
                    "kind": "schedule",
                    "state": "skipped",
                    "reason": MISSED,
                    "message": f"Temporal was away for longer than the catch-up window of {window:g} s",
                    "decided_at": now,
                    "count": 1 if number else 1 + missed - len(lost),
                }
                for number, at in enumerate(lost)
            ],
        )
        accounted = max([row.due_since, *lost[-1:]])
        schedules.note_schedule(session, workflow_id, missed_seen=total, due_since=accounted)
    _log.warning("starts of a schedule were missed", workflow_id=workflow_id, starts=missed)
    return missed


async def look_for_missed(engine: Engine) -> int:
    """One round over the schedules that were looked at longest ago; returns how many starts were missed. Raises what a
    missing database or Temporal raises."""

    def take() -> list[str]:
        now = datetime.now(UTC)
        with engine.database.write() as session:
            before = now - timedelta(seconds=CHECK_SECONDS / 2)
            found = [row.workflow_id for row in schedules.longest_unchecked(session, before=before, limit=AT_ONCE)]
            for workflow_id in found:
                schedules.note_schedule(session, workflow_id, checked_at=now)
            return found

    applying = applying_of(engine)
    missed = 0
    for workflow_id in await asyncio.to_thread(take):
        try:
            description = await answer(engine.client, applying.handle(workflow_id).describe())
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.to_thread(_tell_again, engine.database, workflow_id)
            continue
        missed += await check_missed(engine, workflow_id, description)
    return missed


def _tell_again(database: Database, workflow_id: str) -> None:
    """Temporal has lost it, with its data or by somebody's hand: the store says that it is to be there."""
    with database.write() as session:
        row = schedules.find_schedule(session, workflow_id, lock=True)
        if row is not None and row.applied_edition == row.edition:
            _log.warning("Temporal no longer knows a schedule, and is told again", workflow_id=workflow_id)
            schedules.change_schedule(session, row, missed_seen=0)
