"""Schedules in the Orchestration API's shapes. What is asked for is `definitions.schedules.Schedule`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.orchestration.envelope import Body, Moment, Optional
from api.orchestration.wire import ExecutionWord, Number, Seconds
from definitions.schedules import OverlapPolicy

OccurrenceStatus = Literal["requested", "waiting", "started", "skipped"]
Note = Annotated[str, Field(max_length=1000)]


class NoteRequest(Body):
    """Why it is paused or resumed."""

    note: Note = ""


class TriggerRequest(Body):
    """A start now."""

    overlap_policy: OverlapPolicy | None = None


class BackfillRequest(Body):
    """The times from `start` to `end`, which is over; without an offset they are UTC."""

    start: datetime
    end: datetime
    overlap_policy: OverlapPolicy = "buffer_all"


class PreviewRequest(Body):
    """A schedule that need not be stored."""

    schedule: dict[str, Any]


class Spec(BaseModel):
    """When it is due. Durations are in seconds."""

    type: Literal["cron", "interval"]
    expression: Optional[str] = None
    every: Optional[Number] = None
    offset: Optional[Number] = None
    timezone: str
    start_at: Optional[Moment] = None
    end_at: Optional[Moment] = None
    jitter: Optional[Number] = None


class Schedule(BaseModel):
    """The schedule of a workflow. `applied`: false while Temporal has still to be told of it."""

    workflow_id: str
    workflow_name: str
    enabled: bool
    note: Optional[str] = None
    schedule: Spec
    parameters: dict[str, Any]
    overlap_policy: OverlapPolicy
    max_concurrent_executions: Optional[int] = None
    catchup_window: Number
    pause_on_failure: bool
    next_executions: list[Moment]
    open_executions: list[str]
    applied: bool
    created_at: Moment
    updated_at: Moment


class DeletedSchedule(BaseModel):
    """A schedule that is no more."""

    workflow_id: str
    status: Literal["deleted"] = "deleted"


class ClockChange(BaseModel):
    """A reading of the clock, without an offset, that does not exist on that day or exists twice."""

    reading: str
    how: Literal["skipped", "repeated"]


class Preview(BaseModel):
    """When it is due next, without jitter; `read_by`: the clock that this was worked out by."""

    next_executions: list[Moment]
    clock_changes: list[ClockChange]
    read_by: str


class Occurrence(BaseModel):
    """One time at which it was due, or `count` that were missed in a row, of which this is the last."""

    scheduled_time: Moment
    kind: Literal["schedule", "manual", "backfill"]
    status: OccurrenceStatus
    reason: Optional[str] = None
    message: Optional[str] = None
    execution_id: Optional[str] = None
    execution_status: Optional[ExecutionWord] = None
    decided_at: Optional[Moment] = None
    late_seconds: Optional[Seconds] = None
    count: int
