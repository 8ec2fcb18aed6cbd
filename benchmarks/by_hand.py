"""The workflows that somebody would write by hand for the same work: what `DagWorkflow` is measured against."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

STEP_TIMEOUT = timedelta(seconds=60)


@activity.defn(name="no_op_by_hand")
async def no_op(given: dict[str, Any]) -> dict[str, int]:
    """Nothing, as small as a step can be."""
    return {"n": given["n"]}


@workflow.defn
class Chain:
    """Steps one after the other."""

    @workflow.run
    async def run(self, steps: int) -> dict[str, int]:
        result: dict[str, int] = {}
        for n in range(steps):
            result = await workflow.execute_activity(no_op, {"n": n}, start_to_close_timeout=STEP_TIMEOUT)
        return result


@workflow.defn
class FanOut:
    """Steps side by side, and one that waits for all."""

    @workflow.run
    async def run(self, steps: int) -> dict[str, int]:
        await asyncio.gather(
            *(workflow.execute_activity(no_op, {"n": n}, start_to_close_timeout=STEP_TIMEOUT) for n in range(steps))
        )
        return await workflow.execute_activity(no_op, {"n": steps}, start_to_close_timeout=STEP_TIMEOUT)


@workflow.defn
class LocalChain:
    """Steps one after the other, as local activities."""

    @workflow.run
    async def run(self, steps: int) -> dict[str, int]:
        result: dict[str, int] = {}
        for n in range(steps):
            result = await workflow.execute_local_activity(no_op, {"n": n}, start_to_close_timeout=STEP_TIMEOUT)
        return result


@workflow.defn
class LocalFanOut:
    """Steps side by side, and one that waits for all, as local activities."""

    @workflow.run
    async def run(self, steps: int) -> dict[str, int]:
        await asyncio.gather(
            *(
                workflow.execute_local_activity(no_op, {"n": n}, start_to_close_timeout=STEP_TIMEOUT)
                for n in range(steps)
            )
        )
        return await workflow.execute_local_activity(no_op, {"n": steps}, start_to_close_timeout=STEP_TIMEOUT)
