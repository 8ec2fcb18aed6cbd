"""What the steps of runs came to, without what they were given and gave: large runs are gone through quickly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.tables import STEPS


@dataclass(frozen=True)
class StepResult:
    """One attempt of a step."""

    step_id: str
    start: int
    attempt: int
    status: str
    started_at: datetime | None
    completed_at: datetime | None
    duration_seconds: float | None
    usage: dict[str, float]
    artifacts: list[dict[str, Any]]
    error_class: str | None
    error_message: str | None


_COLUMNS = (
    STEPS.c.step_id,
    STEPS.c.start,
    STEPS.c.attempt_number,
    STEPS.c.status,
    STEPS.c.started_at,
    STEPS.c.completed_at,
    STEPS.c.duration_seconds,
    STEPS.c.usage,
    STEPS.c.artifacts,
    STEPS.c.error_class,
    STEPS.c.error_message,
)


def step_results(session: Session, run_id: UUID, step_id: str | None = None) -> list[StepResult]:
    """The attempts of a run's steps, or of one step, in the order they began."""
    statement = select(*_COLUMNS).where(STEPS.c.workflow_instance_id == run_id)
    if step_id is not None:
        statement = statement.where(STEPS.c.step_id == step_id)
    order = (STEPS.c.started_at.is_(None), STEPS.c.started_at, STEPS.c.step_id, STEPS.c.start, STEPS.c.attempt_number)
    return [StepResult(*row) for row in session.execute(statement.order_by(*order))]
