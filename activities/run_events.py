"""What happens to a run beside its steps (paused, a step skipped, ...) into the store.

A local activity: one transaction, safe to repeat, retried by the workflow until it holds. It takes a plain dictionary:
with the class as type hint, the SDK would look at every value in it, one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from temporalio import activity

from activities.masking import Masker
from activities.recording import Recorder
from definitions.calls import RECORD_EVENTS, EventBatch, RunAsChanged, RunEvent
from store.database import Session
from store.locks import LockedRun, Runs
from store.outcomes import from_unix
from store.records import AttemptRecord, EventRecord
from store.run_definitions import RunsDefinition, change_definition
from store.steps import begun_at, record_attempts
from store.timeouts import move_on

_STATUSES: dict[str, Literal["running", "completed", "failed", "cancelled"]] = {
    "step.started": "running",
    "step.completed": "completed",
    "step.failed": "failed",
    "step.cancelled": "cancelled",
}


def _as_attempt(event: EventRecord) -> AttemptRecord | None:
    """A control step has no attempts: what the run tells of it is recorded as its only one."""
    status, start = _STATUSES.get(event.type), event.data.get("start")
    if status is None or event.step_id is None or not isinstance(start, int):
        return None
    return AttemptRecord(
        execution_id=event.execution_id,
        step_id=event.step_id,
        start=start,
        attempt=1,
        max_attempts=1,
        status=status,
        started_at=event.at,
        completed_at=event.at if status != "running" else None,
        error_message=event.data.get("message"),
        error_class=event.data.get("error_class"),
    )


def _begun_when_they_did(session: Session, execution_id: str, told: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """Who tells that a control step has ended does not tell when it began: that was told before."""
    ended = {each.step_id for each in told if each.status != "running"}
    began = begun_at(session, execution_id, ended) if ended else {}
    began |= {(each.step_id, each.start): each.started_at for each in told if each.status == "running"}
    return [replace(each, started_at=began.get((each.step_id, each.start), each.started_at)) for each in told]


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

        control_steps = [each for each in map(_as_attempt, records) if each is not None]

        def write(session: Session, runs: Runs) -> Sequence[EventRecord]:
            run = runs.get(batch.execution_id)
            if run is not None and batch.changed is not None:
                _change(session, run, RunAsChanged(**batch.changed))
            if control_steps:
                begun = _begun_when_they_did(session, batch.execution_id, control_steps)
                record_attempts(session, begun, runs=runs)
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
