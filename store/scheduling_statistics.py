"""Figures over all scheduled workflows, counted by the database. What each is: `docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from store.scheduling_tables import SCHEDULED
from store.tables import INSTANCES

ENDED_LATE = 1.05
"""A run kept its estimate if it cost at most this many times that."""


@dataclass(frozen=True)
class Counted:
    """Over all workflows, whoever owns them. Means are None where there is nothing to take them of."""

    total: int
    begun: int
    """Whose run has begun and is not over."""
    waiting_by_priority: Mapping[str, int]
    completed_today: int
    mean_seconds: float | None
    mean_efficiency: float | None
    mean_parallel: float | None
    savings_today: float
    mean_savings: float | None
    optimized: int
    optimized_and_kept: int
    conflicts_resolved: int


def count(session: Session, midnight: datetime) -> Counted:
    """The figures as they are now; today began at `midnight`."""
    joined = SCHEDULED.join(INSTANCES, SCHEDULED.c.instance_id == INSTANCES.c.id)
    status = INSTANCES.c.status
    begun_status = status.in_(("running", "paused", "cancelling"))
    priority = SCHEDULED.c.priority
    waiting = select(priority, func.count()).select_from(joined).where(_waits()).group_by(priority)
    completed = status == "completed"
    today = completed & (INSTANCES.c.completed_at >= midnight)
    seconds = INSTANCES.c.duration_seconds
    # The longest chain's share of the time that the run took.
    parallel = case((SCHEDULED.c.critical_seconds < seconds, SCHEDULED.c.critical_seconds / seconds), else_=1.0)
    optimized = completed & SCHEDULED.c.cost_optimization.is_(True) & SCHEDULED.c.actual_cost.is_not(None)
    kept = optimized & (SCHEDULED.c.actual_cost <= SCHEDULED.c.estimated_cost * ENDED_LATE)
    figures = session.execute(
        select(
            func.count(),
            _sum(begun_status & INSTANCES.c.started_at.is_not(None), 1),
            _sum(today, 1),
            func.avg(case((completed, seconds))),
            func.avg(case((status != "cancelled", SCHEDULED.c.efficiency))),
            func.avg(case((completed & (seconds > 0), parallel))),
            _sum(today, SCHEDULED.c.cost_savings),
            func.avg(case((completed, SCHEDULED.c.cost_savings))),
            _sum(optimized, 1),
            _sum(kept, 1),
            func.coalesce(func.sum(SCHEDULED.c.conflicts_resolved), 0),
        ).select_from(joined)
    ).one()
    total, begun, completed_today, mean_seconds, efficiency, side, savings, mean_savings, tried, held, conflicts = (
        figures
    )
    return Counted(
        total=total,
        begun=int(begun),
        waiting_by_priority={row[0]: row[1] for row in session.execute(waiting)},
        completed_today=int(completed_today),
        mean_seconds=mean_seconds,
        mean_efficiency=efficiency,
        mean_parallel=side,
        savings_today=float(savings),
        mean_savings=mean_savings,
        optimized=int(tried),
        optimized_and_kept=int(held),
        conflicts_resolved=int(conflicts),
    )


def starts_since(session: Session, midnight: datetime) -> list[tuple[datetime, datetime, dict[str, object]]]:
    """Of each run that has started since: when it was scheduled, when it started, and the terms of its plan."""
    statement = (
        select(SCHEDULED.c.created_at, INSTANCES.c.started_at, SCHEDULED.c.plan)
        .join_from(SCHEDULED, INSTANCES, SCHEDULED.c.instance_id == INSTANCES.c.id)
        .where(INSTANCES.c.started_at >= midnight)
    )
    return [(created, started, plan["terms"]) for created, started, plan in session.execute(statement)]


def _waits() -> ColumnElement[bool]:
    """Its run has not begun."""
    return INSTANCES.c.status.in_(("scheduled", "pending")) | (
        (INSTANCES.c.status == "paused") & INSTANCES.c.started_at.is_(None)
    )


def _sum(when: ColumnElement[bool], what: object) -> ColumnElement[float]:
    total: ColumnElement[float] = func.coalesce(func.sum(case((when, what))), 0)
    return total
