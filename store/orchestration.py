"""Workflows with what their runs have come to, and how runs were begun."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Select, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from definitions.errors import Conflict
from definitions.ids import to_uuid
from store.dialects import has_tags, insert_into
from store.orchestration_tables import ORIGINS, ExecutionOrigin
from store.tables import INSTANCES, STEPS, TEMPLATES, WorkflowInstance, WorkflowTemplate

_FAILED = ("failed", "timed_out")


@dataclass(frozen=True)
class WorkflowFilter:
    """Which workflows; None leaves a field out. `activation`: `draft`, `active` or `paused`; `last_statuses`: those of
    which the last execution has one of them; `tags`: all of them."""

    owner: str | None = None
    created_by: str | None = None
    activation: str | None = None
    last_statuses: Collection[str] | None = None
    tags: Sequence[str] = ()

    def conditions(self, session: Session) -> list[ColumnElement[bool]]:
        """As conditions on `workflow_templates`."""
        columns = TEMPLATES.c
        found: list[ColumnElement[bool]] = [columns.deleted_at.is_(None)]
        found += [columns.owner == owner for owner in (self.owner, self.created_by) if owner is not None]
        if self.activation is not None:
            found.append(columns.is_active.is_(self.activation == "active"))
        if self.activation in ("draft", "paused"):
            never = columns.activated_at.is_(None)
            found.append(never if self.activation == "draft" else ~never)
        if self.last_statuses is not None:
            last = (
                select(INSTANCES.c.status)
                .where(INSTANCES.c.template_id == columns.id)
                .order_by(INSTANCES.c.created_at.desc(), INSTANCES.c.id.desc())
                .limit(1)
                .scalar_subquery()
            )
            found.append(last.in_(self.last_statuses))
        if self.tags:
            found.append(has_tags(session, columns.tags, list(self.tags)))
        return found


@dataclass(frozen=True)
class Tally:
    """What the runs of one workflow have come to; `average_seconds`: of those that completed."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    average_seconds: float | None = None


def list_workflows(
    session: Session, wanted: WorkflowFilter, *, limit: int, offset: int
) -> tuple[list[WorkflowTemplate], int]:
    """One page, newest first, and how many there are in all."""
    conditions = wanted.conditions(session)
    total = session.scalar(select(func.count()).select_from(TEMPLATES).where(*conditions)) or 0
    newest_first = (col(WorkflowTemplate.created_at).desc(), col(WorkflowTemplate.id).desc())
    statement = select(WorkflowTemplate).where(*conditions).order_by(*newest_first).limit(limit).offset(offset)
    return list(session.scalars(statement)), total


def tallies(session: Session, template_ids: Collection[UUID]) -> dict[UUID, Tally]:
    """Those of workflows that have runs."""
    columns, status = INSTANCES.c, INSTANCES.c.status
    rows = session.execute(
        select(
            columns.template_id,
            func.count(),
            func.count().filter(status == "completed"),
            func.count().filter(status.in_(_FAILED)),
            func.avg(columns.duration_seconds).filter(status == "completed"),
        )
        .where(columns.template_id.in_(template_ids))
        .group_by(columns.template_id)
    )
    return {row[0]: Tally(*row[1:]) for row in rows}


def last_runs(session: Session, template_ids: Collection[UUID]) -> dict[UUID, WorkflowInstance]:
    """The newest run of each workflow that has any."""
    columns = INSTANCES.c
    place = func.row_number().over(
        partition_by=columns.template_id, order_by=(columns.created_at.desc(), columns.id.desc())
    )
    ranked = select(columns.id, place.label("place")).where(columns.template_id.in_(template_ids)).subquery()
    statement: Select[Any] = select(WorkflowInstance).join(ranked, ranked.c.id == columns.id).where(ranked.c.place == 1)
    return {row.template_id: row for row in session.scalars(statement)}


def add_origin(session: Session, origin: ExecutionOrigin) -> None:
    """Note how a run was begun; again for the same run, the first time counts.

    Raises `Conflict` (`execution_name_taken`) for the name of another run of that workflow."""
    values = origin.model_dump()
    insert = insert_into(session, ORIGINS).on_conflict_do_nothing()
    if cast("CursorResult[Any]", session.execute(insert, values)).rowcount == 1:
        return
    if session.get(ExecutionOrigin, origin.instance_id) is None:
        raise Conflict(
            f"there is an execution named {str(origin.name)[:80]!r} of this workflow",
            code="execution_name_taken",
            remedy="choose another `execution_name`, or leave it out",
        )


def origin_of(session: Session, execution_id: str) -> ExecutionOrigin | None:
    """How a run was begun; None: nobody noted it."""
    return session.get(ExecutionOrigin, to_uuid(execution_id))


def past_durations(session: Session, workflow_id: str, *, limit: int) -> dict[str, list[float]]:
    """Step -> seconds of attempts that completed in runs of a workflow, the newest `limit` of all steps together."""
    rows = session.execute(
        select(STEPS.c.step_id, STEPS.c.duration_seconds)
        .join(INSTANCES, INSTANCES.c.id == STEPS.c.workflow_instance_id)
        .where(
            INSTANCES.c.template_id == to_uuid(workflow_id),
            STEPS.c.status == "completed",
            STEPS.c.duration_seconds.is_not(None),
        )
        .order_by(STEPS.c.completed_at.desc())
        .limit(limit)
    )
    found: dict[str, list[float]] = {}
    for step_id, seconds in rows:
        found.setdefault(step_id, []).append(seconds)
    return found
