"""Going on in a new history before the one there is gets too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.calls import OFFLOAD_OUTPUTS
    from definitions.messages import RunInput
    from definitions.run_state import deflated, require_room
    from definitions.values import json_size

from workflows.runner import Runner
from workflows.timing import (
    MAX_CHECKPOINT_BYTES,
    MAX_HISTORY_BYTES,
    MAX_HISTORY_EVENTS,
    RECORD_RETRY,
    RECORD_TIMEOUT,
    SMALL_CHECKPOINT_BYTES,
)


def is_long() -> bool:
    """Whether the run should go on in a new history soon."""
    info = workflow.info()
    return (
        info.is_continue_as_new_suggested()
        or info.get_current_history_length() >= MAX_HISTORY_EVENTS
        or info.get_current_history_size() >= MAX_HISTORY_BYTES
    )


async def continue_as_new(run: RunInput, runner: Runner, recorded: Callable[[], bool]) -> None:
    """Go on in a new history from a checkpoint; nothing is running. Returns where something came in meanwhile, which is
    to be dealt with first. `recorded`: whether all that was told is in the store."""
    await workflow.wait_condition(lambda: recorded() and workflow.all_handlers_finished())
    if runner.stopping is not None or runner.has_events:
        return
    # The run's input is in the checkpoint.
    checkpoint = runner.state.checkpoint()
    if json_size(checkpoint) > SMALL_CHECKPOINT_BYTES:
        checkpoint["outputs"] = await _offloaded(checkpoint["outputs"])
        if runner.stopping is not None or runner.has_events:
            return
        checkpoint = deflated(checkpoint)
    require_room(checkpoint, run.definition, MAX_CHECKPOINT_BYTES)
    workflow.continue_as_new({**vars(run), "input": None, "slots": [], "checkpoint": checkpoint})


async def _offloaded(outputs: dict[str, list[Any]]) -> dict[str, list[Any]]:
    moving = workflow.start_local_activity(
        OFFLOAD_OUTPUTS, outputs, start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
    )
    # A cancellation meanwhile is the run's to deal with, and no failure of this.
    moved: dict[str, list[Any]] = await asyncio.shield(moving)
    return moved
