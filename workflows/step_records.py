"""How steps ended, into the store while the run goes on: what is there need not be carried from history to history."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.calls import FINAL_STEP_STATUSES, RECORD_STEPS, OutcomePage
    from definitions.recorded_steps import mark_recorded, unrecorded

from workflows.outcome import pages_of
from workflows.runner import Runner
from workflows.timing import RECORD_RETRY, RECORD_TIMEOUT

RECORDS_SINCE = 2
"""The interpreter version from which runs do this."""
MOST_UNRECORDED = 5_000
"""So much of what has ended waits for the end of a history, or of the run, at most."""


class StepRecords:
    """The outcomes of one run's steps before its end."""

    def __init__(self, runner: Runner, *, execution_id: str, interpreter: int) -> None:
        self._runner = runner
        self._execution_id = execution_id
        self._does_this = interpreter >= RECORDS_SINCE
        self._ended_before = sum(step.recorded for step in runner.state.steps.values())

    @property
    def due(self) -> bool:
        """Whether so much has ended since that it should not wait any longer."""
        return self._does_this and self._ended - self._ended_before >= MOST_UNRECORDED

    @property
    def _ended(self) -> int:
        counts = self._runner.state.counts
        return sum(counts[status] for status in FINAL_STEP_STATUSES)

    async def record(self) -> None:
        """Hand over all that has ended, page by page, and return when it is in the store."""
        if not self._does_this:
            return
        state = self._runner.state
        self._ended_before = self._ended
        for page in pages_of(map(state.outcome, unrecorded(state))):
            part = OutcomePage(self._execution_id, page, last=False, temporal_run_id=workflow.info().run_id)
            writing: asyncio.Task[Any] = workflow.start_local_activity(
                RECORD_STEPS, vars(part), start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
            )
            # A cancellation meanwhile is the run's to deal with, and no failure of this: the page is written once more.
            await asyncio.shield(writing)
            mark_recorded(state, [step["step_id"] for step in page])
