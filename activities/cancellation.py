"""Ending a cancelled run as "Canceled" in Temporal.

A workflow can't cancel itself: a cancel signal alone would leave it "Completed" or "Failed" in every list. So the
worker asks for it, as an operator would.
"""

from __future__ import annotations

from temporalio import activity

from definitions.calls import REQUEST_CANCEL


@activity.defn(name=REQUEST_CANCEL)
async def request_cancel(execution_id: str) -> None:
    """Request the cancellation of a run. Raises `temporalio.service.RPCError`, which the workflow retries."""
    await activity.client().get_workflow_handle(execution_id).cancel()
