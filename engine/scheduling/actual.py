"""What a run has cost so far: what each attempt held by plan, at the price of its hours, and what it reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions.pools import PoolsDocument
from engine.planning.pools import planner_pools
from planner.prices import Spend
from store.steps import BegunAttempt
from store.tables import WorkflowStepExecution

REPORTED = "ftns"
"""The unit in which a handler may report cost of its own (`step.usage(ftns=...)`)."""
_MARGIN = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of an attempt's time and cost. `end` None: it goes on."""

    step_id: str
    start: datetime
    end: datetime | None
    reported: float

    @classmethod
    def of(cls, row: WorkflowStepExecution | BegunAttempt) -> Attempt | None:
        """None: it never ran."""
        if row.started_at is None:
            return None
        return cls(row.step_id, row.started_at, row.completed_at, float(row.usage.get(REPORTED, 0.0)))


def actual_cost(
    attempts: Sequence[Attempt], amounts: Mapping[str, Mapping[str, float]], pools: PoolsDocument, now: datetime
) -> float:
    """Money until `now`. `amounts`: step -> pool -> units that it holds while it runs."""
    if not attempts:
        return 0.0
    origin = min(attempt.start for attempt in attempts)
    last = max(attempt.end or now for attempt in attempts)
    until = (last - origin).total_seconds() + _MARGIN
    spends = {
        pool.id: Spend(pool.price.steps(pool.zone, origin, until))
        for pool in planner_pools(pools, origin)
        if pool.price is not None
    }
    total = 0.0
    for attempt in attempts:
        start = (attempt.start - origin).total_seconds()
        end = max(start, ((attempt.end or now) - origin).total_seconds())
        held = amounts.get(attempt.step_id, {})
        total += sum(units * spends[pool].between(start, end) for pool, units in held.items() if pool in spends)
        total += attempt.reported
    return total


def amounts_of(plan: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Step -> pool -> units, as a plan that is kept has them."""
    return {step["step_id"]: step["amounts"] for step in plan["steps"]}
