"""What runs and steps have cost, as webhooks tell it: what handlers report."""

from __future__ import annotations

from collections.abc import Sequence

from store.database import Session
from store.step_results import StepResult
from store.tables import WorkflowInstance

_REPORTED = ("cost_usd", "cost", "ftns")
"""In which a handler may report cost (`step.usage(cost_usd=...)`); the first that it does."""


def cost_of_run(session: Session, run: WorkflowInstance, results: Sequence[StepResult]) -> float:
    """Of all attempts."""
    return sum(next((result.usage[key] for key in _REPORTED if key in result.usage), 0.0) for result in results)


cost_of_step = cost_of_run
