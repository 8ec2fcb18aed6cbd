"""A workflow of one step, with the policy that `DagWorkflow` gives its steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.timing import HEARTBEAT_TIMEOUT, LOST_ATTEMPTS, LOST_RETRY_INTERVAL, STEP_TIMEOUT_MARGIN


@dataclass
class OneCall:
    call: dict[str, Any]
    max_attempts: int
    timeout: float


@workflow.defn(sandboxed=False)
class OneStep:
    """Gives what the step's activity returned."""

    @workflow.run
    async def run(self, step: OneCall) -> Any:
        return await workflow.execute_activity(
            step.call["handler"],
            step.call,
            activity_id=step.call["step_id"],
            start_to_close_timeout=timedelta(seconds=step.timeout) + STEP_TIMEOUT_MARGIN,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(
                initial_interval=LOST_RETRY_INTERVAL,
                backoff_coefficient=1.0,
                maximum_attempts=step.max_attempts + LOST_ATTEMPTS,
            ),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
