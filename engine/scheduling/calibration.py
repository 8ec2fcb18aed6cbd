"""How good estimates were: how often what was told held, over what has ended since (`docs/metrics.md`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from engine.access.identity import Identity
from engine.scheduling.estimates import Source
from engine.scheduling.forecasting import Forecast
from store.database import Database
from store.scheduled_workflows import ended_plans
from store.step_durations import list_durations

LAST = 1000
"""So many steps, and so many workflows, are looked at, the newest."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Shares of what has ended by what was told; None: nothing has ended. Good ones are 0.5 and 0.9."""

    count: int
    within_p50: float | None
    within_p90: float | None
    ratio: float | None = None
    """Median of what it took / P50."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of a user's workflows; of everybody's for the operator."""

    steps: Mapping[str, Hits]
    """Source of the estimate -> how long steps took."""
    ends: Hits
    """When workflows ended that completed, by the plan that they ran by; from its start on."""
    costs: Hits
    """What they cost."""


async def calibration(database: Database, viewer: Identity | None) -> Calibration:
    """As it is now. Raises `StoreUnavailable`."""
    owner = viewer.sees_owner if viewer is not None else None

    def read() -> Calibration:
        with database.read() as session:
            rows = list_durations(session, owner, LAST)
            ended = ended_plans(session, owner, LAST)
        by_source: dict[str, list[tuple[float, float, float]]] = {source.value: [] for source in Source}
        for row in rows:
            by_source[row.source].append((row.seconds, row.p50, row.p90))
        ends, costs = [], []
        for each in ended:
            told = Forecast.of_json(each.forecast)
            # A run that was held up before it began says nothing about its steps.
            took = (each.completed_at - each.started_at).total_seconds()
            expected = [(end - each.planned_start).total_seconds() for end in (told.end_p50, told.end_p90)]
            ends.append((took, expected[0], expected[1]))
            costs.append((each.cost, told.cost_p50, told.cost_p90))
        return Calibration({source: _hits(found) for source, found in by_source.items()}, _hits(ends), _hits(costs))

    return await asyncio.to_thread(read)


def _hits(found: Sequence[tuple[float, float, float]]) -> Hits:
    """Of (what was, P50, P90)."""
    if not found:
        return Hits(0, None, None)
    ratios = [was / p50 for was, p50, _ in found if p50 > 0]
    return Hits(
        len(found),
        sum(was <= p50 for was, p50, _ in found) / len(found),
        sum(was <= p90 for was, _, p90 in found) / len(found),
        median(ratios) if ratios else None,
    )
