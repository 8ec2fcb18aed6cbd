"""How steps ended into the store, while their run goes on.

A local activity: one transaction, safe to repeat, retried by the workflow until it holds. It takes a plain dictionary:
with the class as type hint, the SDK would look at every value in it, one by one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity

from activities.outcome import OutcomeWriter
from definitions.calls import RECORD_STEPS, OutcomePage


class StepOutcomeActivities:
    """The activity, over the writer of outcomes. Raises `StoreUnavailable`, which the workflow retries."""

    def __init__(self, outcomes: OutcomeWriter) -> None:
        self._outcomes = outcomes

    @activity.defn(name=RECORD_STEPS)
    async def record_steps(self, fields: dict[str, Any]) -> None:
        """The fields of an `OutcomePage` that is not the last one."""
        await asyncio.to_thread(self._outcomes.write_steps, OutcomePage(**fields))
