"""Going on in a new history before the one there is gets too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.by_reference import reference
    from definitions.calls import OFFLOAD_OUTPUTS, STORE_CHECKPOINT
    from definitions.checkpoint_values import batches, movable, put_back
    from definitions.messages import RunInput
    from definitions.run_state import deflated, require_room
    from definitions.values import json_size

from workflows.runner import Runner
from workflows.step_records import StepRecords
from workflows.timing import (
    MAX_CHECKPOINT_BYTES,
    MAX_HISTORY_BYTES,
    MAX_HISTORY_EVENTS,
    RECORD_RETRY,
    RECORD_TIMEOUT,
    SMALL_CHECKPOINT_BYTES,
    YIELD,
)
from workflows.turns import most_in_flight

LOOKS_AHEAD_SINCE = 2
"""The interpreter version from which what is in flight counts before it is in the history."""
EVENTS_PER_STEP = 6
"""Scheduled, started, ended; and a workflow task of its own, at worst."""
MOST_IN_FLIGHT_OF = 16
"""No more than this part of all the events that may be are steps in flight."""
OTHER_EVENTS_OF = 10
"""This part of them is left to signals, timers and what is recorded."""
MOVES_ALL_SINCE = 3
"""The interpreter version from which all that is large is moved out of a checkpoint, and what expressions look into
stays; before, it was the outputs of outermost steps, all of them."""
MOST_MOVED_BYTES = 4 * 1024 * 1024
"""At a time: what comes back is in the history."""
LEAST_BYTES_PER_STEP = 1024
LEAST_IN_FLIGHT = 8
"""Where there is room for fewer, a new history is better."""


class HistoryLength:
    """How much of a history is left for one run: neither events nor bytes may get beyond what a server takes."""

    def __init__(self, run: RunInput, runner: Runner) -> None:
        self._runner = runner
        self._looks_ahead = run.interpreter >= LOOKS_AHEAD_SINCE
        self._most_events = run.max_history_events or MAX_HISTORY_EVENTS
        if self._looks_ahead:
            runner.max_parallel = self._most_in_flight

    @property
    def _most_in_flight(self) -> int:
        """What the definition allows may be changed while the run goes on."""
        allowed = most_in_flight(self._runner.program, self._runner.state)
        return min(allowed, max(1, self._most_events // MOST_IN_FLIGHT_OF))

    def watch(self) -> None:
        """Let the runner start no more than there is room for; where there is hardly any, let it come to a halt."""
        self._runner.draining = self._runner.draining or self._is_long()

    def _is_long(self) -> bool:
        info = workflow.info()
        events, size = info.get_current_history_length(), info.get_current_history_size()
        if not self._looks_ahead:
            return info.is_continue_as_new_suggested() or events >= MAX_HISTORY_EVENTS or size >= MAX_HISTORY_BYTES
        # What a step still in flight adds is not known, but what steps have added so far.
        bytes_per_step = max(LEAST_BYTES_PER_STEP, EVENTS_PER_STEP * size // max(events, 1))
        fitting = (MAX_HISTORY_BYTES - size) // bytes_per_step
        most = self._most_in_flight
        self._runner.max_parallel = max(1, min(most, fitting))
        reserve = EVENTS_PER_STEP * most + self._most_events // OTHER_EVENTS_OF
        return (
            info.is_continue_as_new_suggested()
            or events + reserve >= self._most_events
            or fitting < min(most, LEAST_IN_FLIGHT)
        )


async def continue_as_new(run: RunInput, runner: Runner, recorded: Callable[[], bool], steps: StepRecords) -> None:
    """Go on in a new history from a checkpoint; nothing runs but what goes on there. Returns where something came in
    meanwhile, which is to be dealt with first. `recorded`: whether all that was told is in the store."""

    def is_quiet() -> bool:
        return recorded() and workflow.all_handlers_finished()

    await workflow.wait_condition(is_quiet)
    await steps.record()
    if run.interpreter >= MOVES_ALL_SINCE:
        checkpoint = await _lightened(runner)
    else:
        checkpoint = await _with_lighter_outputs(runner)
    if run.interpreter >= LOOKS_AHEAD_SINCE:
        if json_size(checkpoint) > SMALL_CHECKPOINT_BYTES:
            checkpoint = reference(await _done(STORE_CHECKPOINT, checkpoint))
        # When the server refuses to go on because a signal has come, what a local activity has marked is replayed
        # before that signal: without an event in between, the run would go on without having heard it.
        await workflow.sleep(YIELD)
    if runner.stopping is not None or runner.has_events or not (is_quiet() and runner.drained):
        return
    require_room(checkpoint, run.definition, MAX_CHECKPOINT_BYTES)
    # The run's input is in the checkpoint.
    workflow.continue_as_new({**vars(run), "input": None, "slots": [], "checkpoint": checkpoint})


async def _lightened(runner: Runner) -> dict[str, Any]:
    """The checkpoint, with what is large in it in blob storage where no expression may look into it."""
    checkpoint = runner.state.checkpoint()
    if json_size(checkpoint) <= SMALL_CHECKPOINT_BYTES:
        return checkpoint
    values = movable(checkpoint, runner.program.looked_into)
    if json_size(values) > SMALL_CHECKPOINT_BYTES:
        moved: dict[str, list[Any]] = {}
        for batch in batches(values, MOST_MOVED_BYTES):
            moved |= await _done(OFFLOAD_OUTPUTS, batch)
        checkpoint = runner.state.checkpoint()  # events may have come meanwhile
        put_back(checkpoint, moved)
    return deflated(checkpoint)


async def _with_lighter_outputs(runner: Runner) -> dict[str, Any]:
    """The same as runs do it that began with an earlier interpreter."""
    outputs = runner.state.packed_outputs()
    large = json_size(outputs) > SMALL_CHECKPOINT_BYTES
    moved = await _done(OFFLOAD_OUTPUTS, outputs) if large else {}
    checkpoint = runner.state.checkpoint()
    put_back(checkpoint, moved)
    return deflated(checkpoint) if large or json_size(checkpoint) > SMALL_CHECKPOINT_BYTES else checkpoint


async def _done(activity: str, argument: dict[str, Any]) -> Any:
    """What a local activity makes of it, however long that takes."""
    doing = workflow.start_local_activity(
        activity, argument, start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
    )
    # A cancellation meanwhile is the run's to deal with, and no failure of this.
    return await asyncio.shield(doing)
