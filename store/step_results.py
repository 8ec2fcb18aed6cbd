"""What the steps of runs came to, without what they were given and gave: large runs are gone through quickly."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only
from sqlmodel import col

from store.tables import WorkflowStepExecution

_READ = (
    *("step_id", "start", "attempt_number", "status", "started_at", "completed_at", "duration_seconds"),
    *("usage", "artifacts", "error_class", "error_message"),
)


def step_results(session: Session, run_id: UUID, step_id: str | None = None) -> list[WorkflowStepExecution]:
    """The attempts of a run's steps, or of one step, in the order they began; read are only ids, status, times, usage,
    artifacts and errors."""
    rows = WorkflowStepExecution
    conditions = [col(rows.workflow_instance_id) == run_id]
    if step_id is not None:
        conditions.append(col(rows.step_id) == step_id)
    read: list[Any] = [getattr(rows, name) for name in _READ]
    order = (
        col(rows.started_at).is_(None),
        col(rows.started_at),
        col(rows.step_id),
        col(rows.start),
        col(rows.attempt_number),
    )
    return list(session.scalars(select(rows).options(load_only(*read)).where(*conditions).order_by(*order)))
