"""What steps that have begun hold of pools, beside how they stand. Changed by whoever has the book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from store.scheduling_tables import RESERVATIONS, SCHEDULED
from store.tables import INSTANCES, STEPS

_BEGUN = ("running", "paused", "cancelling")


@dataclass(frozen=True, slots=True)
class BegunReservation:
    """A reservation of a pool by a step whose last attempt has started. `completed_at` None: it runs, or will
    run again after an attempt that failed."""

    id: UUID
    workflow_id: UUID
    step_id: str
    pool: str
    begins_at: datetime
    ends_at: datetime
    started_at: datetime
    completed_at: datetime | None


def of_begun_steps(session: Session) -> list[BegunReservation]:
    """Of the steps of runs that have begun and are not over, those that run, and those that have completed."""
    steps, held = STEPS.c, RESERVATIONS.c
    last = func.row_number().over(
        partition_by=(steps.workflow_instance_id, steps.step_id),
        order_by=(steps.start.desc(), steps.attempt_number.desc()),
    )
    begun = (
        select(
            SCHEDULED.c.id.label("workflow_id"),
            steps.step_id,
            steps.status,
            steps.will_retry,
            steps.started_at,
            steps.completed_at,
            last.label("place"),
        )
        .join_from(SCHEDULED, INSTANCES, SCHEDULED.c.instance_id == INSTANCES.c.id)
        .join(STEPS, steps.workflow_instance_id == INSTANCES.c.id)
        .where(INSTANCES.c.status.in_(_BEGUN))
        .subquery()
    )
    completed, late = begun.c.status == "completed", held.ends_at > begun.c.completed_at
    statement = (
        select(
            held.id,
            held.workflow_id,
            held.step_id,
            held.pool,
            held.begins_at,
            held.ends_at,
            begun.c.started_at,
            begun.c.status,
            begun.c.completed_at,
        )
        .join_from(
            RESERVATIONS,
            begun,
            (held.workflow_id == begun.c.workflow_id) & (held.step_id == begun.c.step_id),
        )
        .where(
            begun.c.place == 1,
            begun.c.started_at.is_not(None),
            or_(begun.c.status == "running", begun.c.will_retry.is_(True), completed & late),
        )
        .order_by(held.id)
    )
    return [
        BegunReservation(
            row.id,
            row.workflow_id,
            row.step_id,
            row.pool,
            row.begins_at,
            row.ends_at,
            row.started_at,
            row.completed_at if row.status == "completed" else None,
        )
        for row in session.execute(statement)
    ]


def plan_of(session: Session, workflow_id: UUID) -> dict[str, Any]:
    """The plan in force of a workflow."""
    found: dict[str, Any] = session.execute(select(SCHEDULED.c.plan).where(SCHEDULED.c.id == workflow_id)).scalar_one()
    return found


def change_span(session: Session, reservation_id: UUID, begins_at: datetime, ends_at: datetime) -> None:
    """A reservation is from another moment to another."""
    session.execute(
        update(RESERVATIONS).where(RESERVATIONS.c.id == reservation_id).values(begins_at=begins_at, ends_at=ends_at)
    )
