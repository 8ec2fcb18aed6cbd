"""What steps that have begun hold of pools, beside how they stand. Changed by whoever has the book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.orm import Session

from definitions.calls import FINAL_RUN_STATUSES
from store.scheduling_tables import RESERVATIONS, SCHEDULED
from store.tables import INSTANCES, STEPS

_BEGUN = ("running", "paused", "cancelling")


@dataclass(frozen=True, slots=True)
class BegunReservation:
    """A reservation of a pool by a step that has begun, or whose run is over. `ended_at` None: it runs, or will run
    again after an attempt that failed."""

    id: UUID
    workflow_id: UUID
    step_id: str
    begins_at: datetime
    ends_at: datetime
    started_at: datetime
    ended_at: datetime | None


def of_begun_steps(session: Session) -> list[BegunReservation]:
    """Of runs that have begun and are not over: of the steps that run, and of those that have completed and hold
    something after that."""
    steps, runs, held = STEPS.c, INSTANCES.c, RESERVATIONS.c
    last = func.row_number().over(
        partition_by=(steps.workflow_instance_id, steps.step_id),
        order_by=(steps.start.desc(), steps.attempt_number.desc()),
    )
    begun = (
        select(
            SCHEDULED.c.id.label("workflow_id"),
            steps.step_id,
            steps.started_at,
            case((steps.status == "completed", steps.completed_at)).label("ended_at"),
            or_(steps.status == "running", steps.will_retry.is_(True)).label("goes_on"),
            last.label("place"),
        )
        .join_from(SCHEDULED, INSTANCES, SCHEDULED.c.instance_id == runs.id)
        .join(STEPS, steps.workflow_instance_id == runs.id)
        .where(runs.status.in_(_BEGUN))
        .subquery()
    )
    of_step = (held.workflow_id == begun.c.workflow_id) & (held.step_id == begun.c.step_id)
    statement = (
        select(
            held.id, held.workflow_id, held.step_id, held.begins_at, held.ends_at, begun.c.started_at, begun.c.ended_at
        )
        .join_from(RESERVATIONS, begun, of_step)
        .where(
            begun.c.place == 1,
            begun.c.started_at.is_not(None),
            or_(begun.c.ended_at < held.ends_at, begun.c.ended_at.is_(None) & begun.c.goes_on),
        )
        .order_by(held.id)
    )
    return [BegunReservation(*row) for row in session.execute(statement)]


def of_runs_that_are_over(session: Session, now: datetime) -> list[BegunReservation]:
    """What is held from `now` on by runs that are over and not settled."""
    held, runs = RESERVATIONS.c, INSTANCES.c
    statement = (
        select(held.id, held.workflow_id, held.step_id, held.begins_at, held.ends_at, held.begins_at, runs.completed_at)
        .join_from(RESERVATIONS, SCHEDULED, held.workflow_id == SCHEDULED.c.id)
        .join(INSTANCES, SCHEDULED.c.instance_id == runs.id)
        .where(
            held.ends_at > now,
            runs.status.in_(FINAL_RUN_STATUSES),
            runs.completed_at.is_not(None),
            SCHEDULED.c.actual_cost.is_(None),
        )
        .order_by(held.id)
    )
    return [BegunReservation(*row) for row in session.execute(statement)]


def plan_of(session: Session, workflow_id: UUID) -> dict[str, Any]:
    """The plan in force of a workflow."""
    found: dict[str, Any] = session.execute(select(SCHEDULED.c.plan).where(SCHEDULED.c.id == workflow_id)).scalar_one()
    return found


def change_span(session: Session, reservation_id: UUID, begins_at: datetime, ends_at: datetime) -> None:
    """A reservation is from another moment to another."""
    session.execute(
        update(RESERVATIONS).where(RESERVATIONS.c.id == reservation_id).values(begins_at=begins_at, ends_at=ends_at)
    )
