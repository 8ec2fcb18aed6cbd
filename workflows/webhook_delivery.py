"""The workflow that delivers to one webhook: sends what is due, sleeps until the next is, ends when nothing waits.

What is due is in the store, and so is what became of it. A workflow for each delivery would be ten events in Temporal's
database for each of ours; this one costs six for a whole batch, and its history is bounded however long a receiver is
away.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from definitions.delivering import DELIVER, DELIVERY_WORKFLOW, WAKE

_BATCH_TIMEOUT = timedelta(minutes=5)
_HEARTBEAT_TIMEOUT = timedelta(seconds=10)
_MOST_ROUNDS = 500
"""Then it goes on in a new history."""


@workflow.defn(name=DELIVERY_WORKFLOW)
class WebhookDeliveryWorkflow:
    """Started, or woken, whenever there is something to send."""

    def __init__(self) -> None:
        self._woken = False

    @workflow.run
    async def run(self, webhook_id: str) -> None:
        """`webhook_id`: 32 hex digits."""
        for number in range(1, _MOST_ROUNDS + 1):
            self._woken = False
            pause: float | None = await workflow.execute_activity(
                DELIVER,
                webhook_id,
                activity_id=f"deliver-{number}",
                result_type=float,
                start_to_close_timeout=_BATCH_TIMEOUT,
                heartbeat_timeout=_HEARTBEAT_TIMEOUT,
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            )
            if pause is None and not self._woken:
                return
            if pause is not None:
                await self._sleep(pause)
            if workflow.info().is_continue_as_new_suggested():
                break
        workflow.continue_as_new(webhook_id)

    async def _sleep(self, seconds: float) -> None:
        try:
            await workflow.wait_condition(lambda: self._woken, timeout=seconds, timeout_summary="until the next is due")
        except TimeoutError:
            return

    @workflow.signal(name=WAKE)
    def wake(self) -> None:
        """There is something to send now."""
        self._woken = True
