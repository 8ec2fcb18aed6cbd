"""What runs and steps have cost, as webhooks tell it: the same figure as the Orchestration API's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from engine.orchestration.estimating import usd_of
from engine.orchestration.usage import usage_of
from engine.scheduling.pools import PoolBook
from store.database import Session
from store.run_definitions import definition_of
from store.tables import WorkflowInstance, WorkflowStepExecution


class Costs:
    """Costs by the pools of a service, and what handlers report."""

    def __init__(self, pools: PoolBook) -> None:
        self._pools = pools

    def of(self, session: Session, run: WorkflowInstance, attempts: Sequence[WorkflowStepExecution]) -> float:
        """In USD, to the cent, of these attempts of the run."""
        document = definition_of(session, run).document
        amounts = {step["id"]: step.get("resources") or {} for step in document["steps"]}
        pools = self._pools.read(session)
        usage = usage_of(attempts, amounts, pools, run.completed_at or datetime.now(UTC))
        return round(usage.cost * usd_of(pools) + usage.reported_usd, 2)
