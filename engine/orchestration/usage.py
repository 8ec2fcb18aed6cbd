"""What a run has used: hours of machines, money, and how much memory and how many cores at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from definitions.pools import PoolsDocument
from engine.orchestration.estimating import workers_of
from engine.orchestration.views import Usage
from engine.scheduling.actual import Attempt, actual_cost
from store.tables import WorkflowStepExecution

WORKERS = "workers"
_COSTS = ("cost_usd", "cost")
"""In which a handler may report cost of its own (`step.usage(cost_usd=...)`)."""
_MEMORY = ("peak_memory_gb", "memory_gb")
_CORES = ("peak_cpu_cores", "cpu_cores")
_SHARES = {"cpu_usage": ("cpu_cores", "machine_cores"), "memory_usage": ("memory_gb", "machine_memory_gb")}
"""What is in percent: of how much the step demands by that name, or else of what the machine has."""


def usage_of(
    rows: Sequence[WorkflowStepExecution],
    amounts: Mapping[str, Mapping[str, float]],
    pools: PoolsDocument,
    now: datetime,
) -> Usage:
    """That of all attempts until `now`. `amounts`: step -> pool -> units that it holds while it runs."""
    held = {row.step_id: amounts.get(_outermost(row.step_id), {}) for row in rows}
    attempts = [attempt for row in rows if (attempt := Attempt.of(row)) is not None]
    own = sum(next((row.usage[key] for key in _COSTS if key in row.usage), 0.0) for row in rows)
    ran = [row for row in rows if row.started_at is not None]
    hours = sum(seconds_of(row, now) * row.usage.get(WORKERS, workers_of(held[row.step_id])) for row in ran)
    return Usage(
        compute_hours=hours / 3600,
        cost=actual_cost(attempts, held, pools, now),
        reported_usd=own,
        peak_memory_gb=_peak(ran, held, _MEMORY, now),
        peak_cpu_cores=_peak(ran, held, _CORES, now),
    )


def seconds_of(row: WorkflowStepExecution, now: datetime) -> float:
    """How long an attempt has taken until now."""
    assert row.started_at is not None  # noqa: S101  # only those that ran are asked about
    return max(0.0, ((row.completed_at or now) - row.started_at).total_seconds())


def measured_usage(measured: Mapping[str, float], held: Mapping[str, float]) -> dict[str, float]:
    """What a worker saw a step use, as it is told: `cpu_usage` and `memory_usage` in percent of what the step has, the
    peaks in cores and GB; empty where it was not looked at. `held`: what the step demands."""
    if not measured:
        return {}
    told: dict[str, float] = {}
    for name, (amount, machine) in _SHARES.items():
        whole = held.get(amount) or measured[machine]
        told[name] = round(100 * measured[amount] / whole, 1)
    return told | {name: measured[name] for name in (_MEMORY[0], _CORES[0])}


def _outermost(path: str) -> str:
    """The step of the definition that a path leads into."""
    return path.partition(".")[0].partition("[")[0]


def _peak(
    rows: Sequence[WorkflowStepExecution],
    held: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
    now: datetime,
) -> float | None:
    """The most of something that was in use at once: as reported, or else as measured, or else as demanded."""
    changes = sorted(_changes(rows, held, names, now))
    if not changes:
        return None
    level = most = 0.0
    for _, change in changes:
        level += change
        most = max(most, level)
    return most


def _changes(
    rows: Sequence[WorkflowStepExecution],
    held: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
    now: datetime,
) -> Iterator[tuple[datetime, float]]:
    for row in rows:
        sources = (row.usage, row.measured or {}, held[row.step_id])
        amount = next((source[name] for source in sources for name in names if name in source), None)
        if amount is not None and row.started_at is not None:
            yield row.started_at, amount
            yield row.completed_at or now, -amount
