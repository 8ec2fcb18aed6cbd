"""Ending a run in Temporal as it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, CancelledError

with workflow.unsafe.imports_passed_through():
    from definitions.calls import OFFLOAD_OUTPUTS, REQUEST_CANCEL, OutcomePage, StepFailure
    from definitions.messages import Ending
    from definitions.values import json_size

from workflows.timing import MAX_INLINE_BYTES, RECORD_RETRY, RECORD_TIMEOUT


async def raise_ending(ending: Ending) -> None:
    """Raise what makes Temporal show a run that did not complete as it ended; return for one that did."""
    if ending.status == "completed":
        return
    error = ending.error or StepFailure(message=ending.status, error_class="error")
    if ending.status == "cancelled":
        await to_its_end(_request_cancellation())
        raise CancelledError(error.get("message", "cancelled"))
    raise ApplicationError(error.get("message", ""), error, type=error.get("error_class", "error"), non_retryable=True)


async def result_for_parent(last: OutcomePage) -> dict[str, Any]:
    """What a run returns that is a step of another: its output as a step's activity returns one, with references for
    what is large."""
    output, slots = last.output, last.slots
    if json_size(output) > MAX_INLINE_BYTES:
        moved: dict[str, list[Any]] = await workflow.execute_local_activity(
            OFFLOAD_OUTPUTS,
            {"output": [output, slots]},
            start_to_close_timeout=RECORD_TIMEOUT,
            retry_policy=RECORD_RETRY,
        )
        output, slots = moved.get("output", [output, slots])
    return {"output": output, "slots": slots}


async def _request_cancellation() -> None:
    """Only a run whose cancellation was requested can end as cancelled, and it can't request that itself."""
    if workflow.cancellation_reason() is None:
        await workflow.execute_local_activity(
            REQUEST_CANCEL,
            workflow.info().workflow_id,
            start_to_close_timeout=RECORD_TIMEOUT,
            retry_policy=RECORD_RETRY,
        )
        await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await what a cancellation of the workflow must not cut short."""
    task = asyncio.create_task(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    task.result()
