"""What is told of schedules, in no surface's words. Times are aware."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from definitions.schedule_times import ClockChange
from definitions.schedules import Schedule


@dataclass(frozen=True)
class ScheduleView:
    """The schedule of a workflow."""

    workflow_id: str
    owner: str
    name: str
    """The workflow's."""
    schedule: Schedule
    paused: bool
    note: str
    """Why it is paused, or was resumed."""
    created_at: datetime
    updated_at: datetime
    next_times: tuple[datetime, ...]
    """When it is due next, without jitter; none while it is paused."""
    open_runs: tuple[str, ...]
    """Execution ids, the oldest first."""
    applied: bool
    """Temporal has it as it is here; False: it will be told."""


@dataclass(frozen=True)
class OccurrenceView:
    """One time at which it was due, or `count` that were missed in a row, of which this is the last."""

    execution_id: str
    """Of the run, which there is if it was started."""
    due_at: datetime
    kind: str
    """`schedule`, `manual` or `backfill`."""
    state: str
    """`requested`, `waiting`, `started` or `skipped`."""
    reason: str
    """Why it waits, was skipped, or was started late; empty: it was on time."""
    message: str
    decided_at: datetime | None
    """When its run was started, or it was clear that there is none."""
    run_status: str | None
    count: int

    @property
    def late_seconds(self) -> float | None:
        """How long after it was due its run was started."""
        if self.state != "started" or self.decided_at is None:
            return None
        return max(0.0, (self.decided_at - self.due_at).total_seconds())


@dataclass(frozen=True)
class Preview:
    """When it is due next, and what changes of clocks do to it in that time."""

    times: tuple[datetime, ...]
    clock_changes: tuple[ClockChange, ...]
    read_by: str
    """The clock that the times are worked out by."""
