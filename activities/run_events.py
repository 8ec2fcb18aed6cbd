"""What happens to a run beside its steps (paused, a step skipped, ...) into the store.

A local activity: one transaction, safe to repeat, retried by the workflow until it holds. It takes a plain dictionary:
with the class as type hint, the SDK would look at every value in it, one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from activities.masking import Masker
from activities.recording import Recorder
from definitions.calls import RECORD_EVENTS, EventBatch, RunAsChanged, RunEvent
from store.database import Session
from store.locks import LockedRun, Runs
from store.outcomes import from_unix
from store.records import EventRecord
from store.run_definitions import RunsDefinition, change_definition
from store.timeouts import move_on


class RunEventActivities:
    """The activity, over one recorder's database. Raises `StoreUnavailable`, which the workflow retries."""

    def __init__(self, recorder: Recorder, masker: Masker) -> None:
        self._recorder = recorder
        self._masker = masker

    @activity.defn(name=RECORD_EVENTS)
    async def record_events(self, fields: dict[str, Any]) -> None:
        """The fields of an `EventBatch`: what the workflow tells, and the run's status if that has changed."""
        await asyncio.to_thread(self._write, EventBatch(**fields))

    def _write(self, batch: EventBatch) -> None:
        records = [self._event(batch, index, event) for index, event in enumerate(batch.events)]

        def write(session: Session, runs: Runs) -> Sequence[EventRecord]:
            run = runs.get(batch.execution_id)
            if run is not None and batch.changed is not None:
                _change(session, run, RunAsChanged(**batch.changed))
            if run is not None and not run.closed and batch.status is not None:
                run.change(status=batch.status)
                for record in records:
                    if record.type == "run.resumed":
                        move_on(session, run, record.at, record.key or "")
            return records

        self._recorder.write_with(batch.execution_id, write)

    def _event(self, batch: EventBatch, index: int, event: RunEvent) -> EventRecord:
        return EventRecord(
            batch.execution_id,
            event["type"],
            from_unix(event.get("at")) or datetime.now(UTC),
            step_id=event.get("step_id"),
            data=self._masker.tree(batch.execution_id, event.get("data", {})),
            key=f"{batch.key}/{index}",
        )


def _change(session: Session, run: LockedRun, changed: RunAsChanged) -> None:
    if changed.definition is not None:
        change_definition(session, run, RunsDefinition(changed.definition, changed.digest, changed.changes))
    if changed.priority is not None:
        run.change(priority=changed.priority)
