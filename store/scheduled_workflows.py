"""Scheduled workflows beside their runs: written by whoever has the book, read by anybody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session, defer
from sqlmodel import col

from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import WorkflowNotFound
from definitions.ids import WORKFLOW_PREFIX, is_id, to_uuid
from store.scheduling_tables import SCHEDULED, ScheduledWorkflow
from store.tables import INSTANCES, WorkflowInstance

Pair = tuple[ScheduledWorkflow, WorkflowInstance]
_PLAN: Any = ScheduledWorkflow.plan  # an attribute of the mapping, whatever its annotation says


def add_scheduled(session: Session, row: ScheduledWorkflow) -> None:
    """Store a workflow; the row of its run is there already."""
    session.add(row)
    session.flush()


def get_scheduled(session: Session, workflow_id: str, *, owner: str | None = None) -> Pair:
    """A workflow and its run, as they are now. Raises `WorkflowNotFound`."""
    found = (
        session.execute(_pairs().where(SCHEDULED.c.id == to_uuid(workflow_id))).first() if _is(workflow_id) else None
    )
    if found is None or owner not in (None, found[0].owner):
        message = f"there is no scheduled workflow {workflow_id[:80]}"
        raise WorkflowNotFound(message, remedy="list the workflows to see their ids", foreign=found is not None)
    return found[0], found[1]


def of_runs(session: Session, statuses: Collection[str]) -> list[Pair]:
    """The workflows whose runs have one of these statuses, by planned start."""
    statement = _pairs().where(INSTANCES.c.status.in_(statuses)).order_by(SCHEDULED.c.planned_start, SCHEDULED.c.id)
    return [_pair(row) for row in session.execute(statement)]


def list_scheduled(
    session: Session, *, owner: str | None, statuses: Collection[str] | None, limit: int, offset: int
) -> tuple[list[Pair], int]:
    """One page, newest first, and how many there are in all. Plans, which are large, are read when they are looked at,
    as long as the session is open."""
    wanted = _pairs().options(defer(_PLAN))
    if owner is not None:
        wanted = wanted.where(SCHEDULED.c.owner == owner)
    if statuses is not None:
        wanted = wanted.where(INSTANCES.c.status.in_(statuses))
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    page = wanted.order_by(SCHEDULED.c.created_at.desc(), SCHEDULED.c.id).limit(limit).offset(offset)
    return [_pair(row) for row in session.execute(page)], total


@dataclass(frozen=True)
class Tally:
    """How many runs of a status there are, and what their plans save together."""

    count: int
    savings: float


def tally(session: Session, owner: str | None) -> dict[str, Tally]:
    """By status of the run."""
    statement = (
        select(INSTANCES.c.status, func.count(), func.sum(SCHEDULED.c.cost_savings))
        .join_from(SCHEDULED, INSTANCES, SCHEDULED.c.instance_id == INSTANCES.c.id)
        .group_by(INSTANCES.c.status)
    )
    if owner is not None:
        statement = statement.where(SCHEDULED.c.owner == owner)
    return {status: Tally(count, savings or 0.0) for status, count, savings in session.execute(statement)}


def unsettled(session: Session, limit: int) -> list[Pair]:
    """Workflows that are over and still hold what they had reserved, or have no final cost."""
    over = INSTANCES.c.closed_at.is_not(None) & INSTANCES.c.status.in_(FINAL_RUN_STATUSES)
    statement = _pairs().where(over, SCHEDULED.c.actual_cost.is_(None)).limit(limit)
    return [_pair(row) for row in session.execute(statement)]


def change_scheduled(session: Session, row_id: UUID, **values: Any) -> None:
    """Change columns of a workflow."""
    session.execute(update(SCHEDULED).where(SCHEDULED.c.id == row_id).values(**values))


def set_start(session: Session, row: ScheduledWorkflow, start: datetime) -> None:
    """The run of a workflow begins at another time."""
    session.execute(update(INSTANCES).where(INSTANCES.c.id == row.instance_id).values(scheduled_start=start))


@dataclass(frozen=True)
class EndedPlan:
    """What was told of a workflow whose run has completed, and what became of it."""

    planned_start: datetime
    forecast: dict[str, Any]
    started_at: datetime
    completed_at: datetime
    cost: float


def ended_plans(session: Session, owner: str | None, last: int) -> list[EndedPlan]:
    """The last that have completed and are settled, the newest first. `owner` None: of everybody."""
    completed = INSTANCES.c.status == "completed"
    statement = (
        select(
            SCHEDULED.c.planned_start,
            SCHEDULED.c.plan,
            INSTANCES.c.started_at,
            INSTANCES.c.completed_at,
            SCHEDULED.c.actual_cost,
        )
        .join_from(SCHEDULED, INSTANCES, SCHEDULED.c.instance_id == INSTANCES.c.id)
        .where(completed, INSTANCES.c.started_at.is_not(None), SCHEDULED.c.actual_cost.is_not(None))
        .order_by(INSTANCES.c.completed_at.desc(), SCHEDULED.c.id)
        .limit(last)
    )
    if owner is not None:
        statement = statement.where(SCHEDULED.c.owner == owner)
    return [
        EndedPlan(start, plan["forecast"], started, completed, cost)
        for start, plan, started, completed, cost in session.execute(statement)
        if "forecast" in plan
    ]


@dataclass(frozen=True)
class Unannounced:
    """A workflow whose run does not know its hours yet."""

    id: UUID
    instance_id: UUID
    planned_start: datetime
    plan: dict[str, Any]


def unannounced(session: Session, limit: int) -> list[Unannounced]:
    """Workflows whose runs are with Temporal and were told another start, or none."""
    statement = (
        select(SCHEDULED.c.id, SCHEDULED.c.instance_id, SCHEDULED.c.planned_start, SCHEDULED.c.plan)
        .join_from(SCHEDULED, INSTANCES, SCHEDULED.c.instance_id == INSTANCES.c.id)
        .where(
            INSTANCES.c.closed_at.is_(None),
            INSTANCES.c.dispatched_at.is_not(None),
            SCHEDULED.c.announced_start.is_distinct_from(SCHEDULED.c.planned_start),
        )
        .limit(limit)
    )
    return [Unannounced(*row) for row in session.execute(statement)]


def _is(workflow_id: str) -> bool:
    return is_id(workflow_id) and workflow_id.startswith(WORKFLOW_PREFIX)


def _pairs() -> Select[Any, Any]:
    joined: Select[Any, Any] = select(ScheduledWorkflow, WorkflowInstance).join(
        WorkflowInstance, col(ScheduledWorkflow.instance_id) == col(WorkflowInstance.id)
    )
    return joined.execution_options(populate_existing=True)


def _pair(row: Any) -> Pair:
    return row[0], row[1]
