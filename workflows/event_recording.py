"""What happens to a run beside its steps' attempts, and how steps inside of others ended, on its way into the store."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.calls import RECORD_EVENTS, RECORD_STEPS, EventBatch, OutcomePage, RunAsChanged, RunStatus

from workflows.outcome import pages_of
from workflows.progress import Progress
from workflows.runner import Runner
from workflows.timing import EVENT_BATCH, INNER_BATCH, RECORD_RETRY, RECORD_TIMEOUT


class EventRecording:
    """Hands events over and does not wait for them: a run waits for its records only at the end of a history."""

    def __init__(self, runner: Runner, progress: Progress, execution_id: str) -> None:
        self._runner = runner
        self._progress = progress
        self._execution_id = execution_id
        self._recording: set[asyncio.Task[Any]] = set()
        self._batches = 0
        self.changed: RunAsChanged | None = None
        """What is to be recorded with the next events: the run is another since."""

    @property
    def pending(self) -> bool:
        """Whether something is not known to be in the store yet."""
        return bool(self._recording)

    def record(self, *, all_of_it: bool = False) -> None:
        """Hand what no step attempt tells to the store. How inner steps ended may wait for a while, but not when a
        history ends: then it is told with `all_of_it`."""
        events = self._runner.take_events()
        status: RunStatus | None = None
        if any(event["type"].startswith("run.") for event in events):
            shown = self._progress.status
            told: tuple[RunStatus, ...] = ("paused", "cancelling", "scheduled")
            status = next((each for each in told if each == shown), "running")
        for start in range(0, len(events), EVENT_BATCH):
            self._batches += 1
            batch = EventBatch(
                execution_id=self._execution_id,
                key=f"{workflow.info().run_id}/{self._batches}",
                events=events[start : start + EVENT_BATCH],
                status=status,
                changed=vars(self.changed) if self.changed is not None else None,
            )
            self.changed = None
            self._begin(RECORD_EVENTS, batch)
        if len(self._runner.settled_inside) >= (1 if all_of_it else INNER_BATCH):
            outcomes, self._runner.settled_inside = self._runner.settled_inside, []
            for page in pages_of(outcomes):
                run_id = workflow.info().run_id
                self._begin(RECORD_STEPS, OutcomePage(self._execution_id, page, last=False, temporal_run_id=run_id))

    def _begin(self, activity: str, what: EventBatch | OutcomePage) -> None:
        task = workflow.start_local_activity(
            activity, vars(what), start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
        )
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def recorded(self) -> None:
        """Return once nothing is pending."""
        await workflow.wait_condition(lambda: not self._recording)
