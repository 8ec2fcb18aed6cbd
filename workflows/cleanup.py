"""What a run that was stopped leaves behind is removed, once it is over: durably, whoever asked for it lives or not."""

from __future__ import annotations

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.calls import CLEAN_UP
    from definitions.messages import CLEANUP_TYPE

from workflows.timing import CLEANUP_TIMEOUT, HEARTBEAT_TIMEOUT, RECORD_RETRY


@workflow.defn(name=CLEANUP_TYPE)
class CleanupWorkflow:
    """One for each run that is to be cleaned up after."""

    @workflow.run
    async def run(self, request: dict[str, Any]) -> dict[str, int]:
        """`request`: the fields of a `Cleanup`. Returns how many files and bytes were removed."""
        removed: dict[str, int] = await workflow.execute_activity(
            CLEAN_UP,
            request,
            activity_id="clean-up",
            summary=request["execution_id"],
            start_to_close_timeout=CLEANUP_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RECORD_RETRY,
        )
        return removed
