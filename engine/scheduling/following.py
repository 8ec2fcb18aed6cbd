"""Reservations follow the steps that have begun: what a step holds stays booked while it runs, however long that is,
and is free again once it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from engine.scheduling.estimates import Estimate
from store import begun_reservations, reservations
from store.begun_reservations import BegunReservation
from store.database import Session

if TYPE_CHECKING:
    from engine.core import Engine

AHEAD = timedelta(minutes=1)
"""A step that takes longer than nine of ten is booked so far ahead, again and again."""
_IN_TIME = timedelta(seconds=5)
"""Before the end of a reservation it is made longer: nobody may get the units in between."""
_SAME = timedelta(milliseconds=1)
_log = structlog.get_logger()


async def follow(engine: Engine) -> int:
    """Change the reservations that are not as the steps are; returns how many. Raises `StoreUnavailable`."""

    def write() -> int:
        with engine.database.read() as session:
            if not list(_changes(session, datetime.now(UTC))):
                return 0
        with engine.database.write() as session:
            reservations.open_book(session)
            return follow_steps(session, datetime.now(UTC))

    return await asyncio.to_thread(write)


def follow_steps(session: Session, now: datetime) -> int:
    """The same for whoever has the book."""
    changes = list(_changes(session, now))
    for reservation, begins, ends in changes:
        begun_reservations.change_span(session, reservation.id, begins, ends)
    if changes:
        _log.debug("reservations follow their steps", changed=len(changes))
    return len(changes)


def _changes(session: Session, now: datetime) -> Iterator[tuple[BegunReservation, datetime, datetime]]:
    plans: dict[UUID, dict[str, Any]] = {}
    over = begun_reservations.of_runs_that_are_over(session, now)
    for each in (*begun_reservations.of_begun_steps(session), *over):
        # A step that began later than all of its reservation holds nothing before.
        begins = each.started_at if each.ends_at <= each.started_at else min(each.begins_at, each.started_at)
        if each.ended_at is not None:
            ends = min(each.ends_at, each.ended_at)
            begins = min(begins, ends)
        else:
            if each.workflow_id not in plans:
                plans[each.workflow_id] = begun_reservations.plan_of(session, each.workflow_id)
            ends = _expected_end(each, plans[each.workflow_id], now)
        if begins < each.begins_at - _SAME or abs(ends - each.ends_at) > _SAME:
            yield each, begins, ends


def _expected_end(each: BegunReservation, plan: dict[str, Any], now: datetime) -> datetime:
    """Of a step that runs: as planned; where it takes longer, as nine of ten end; and after that a minute from now."""
    step = next(step for step in plan["steps"] if step["step_id"] == each.step_id)
    seconds = step["seconds"]
    usual = max(each.ends_at, each.started_at + timedelta(seconds=seconds))
    if usual > now + _IN_TIME:
        return usual
    if step["estimate"] is not None:
        known = Estimate.of_json(step["estimate"])
        late = seconds * known.p90 / known.p50 if known.p50 > 0 else seconds
        nine_of_ten = each.started_at + timedelta(seconds=late)
        if nine_of_ten > now + _IN_TIME:
            return max(usual, nine_of_ten)
    return max(usual, now + AHEAD)
