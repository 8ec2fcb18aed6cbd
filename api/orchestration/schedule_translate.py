"""Schedules: the core's words to the Orchestration API's."""

from __future__ import annotations

from datetime import UTC, datetime

from api.orchestration import schedule_wire as wire
from api.orchestration.translate import execution_word
from definitions.schedules import ScheduleSpec
from engine.schedules import views


def schedule(view: views.ScheduleView) -> wire.Schedule:
    """A schedule."""
    core = view.schedule
    return wire.Schedule(
        workflow_id=view.workflow_id,
        workflow_name=view.name,
        enabled=not view.paused,
        note=view.note or None,
        schedule=_spec(core.schedule),
        parameters=dict(core.parameters),
        overlap_policy=core.overlap_policy,
        max_concurrent_executions=core.most_open,
        catchup_window=core.catchup_window,
        pause_on_failure=core.pause_on_failure,
        next_executions=[*view.next_times],
        open_executions=[*view.open_runs],
        applied=view.applied,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def _spec(spec: ScheduleSpec) -> wire.Spec:
    return wire.Spec(
        type=spec.type,
        expression=spec.expression,
        every=spec.every,
        offset=spec.offset or None,
        timezone=spec.timezone,
        start_at=None if spec.start is None else aware(spec.start),
        end_at=None if spec.end is None else aware(spec.end),
        jitter=spec.jitter or None,
    )


def preview(found: views.Preview) -> wire.Preview:
    """When it is due next."""
    changes = [wire.ClockChange(reading=each.reading.isoformat(), how=each.how) for each in found.clock_changes]
    return wire.Preview(next_executions=[*found.times], clock_changes=changes, read_by=found.read_by)


def occurrence(view: views.OccurrenceView) -> wire.Occurrence:
    """What came of one time."""
    return wire.Occurrence.model_validate(
        {
            "scheduled_time": view.due_at,
            "kind": view.kind,
            "status": view.state,
            "reason": view.reason or None,
            "message": view.message or None,
            "execution_id": None if view.state == "skipped" else view.execution_id,
            "execution_status": None if view.run_status is None else execution_word(view.run_status),
            "decided_at": view.decided_at,
            "late_seconds": view.late_seconds,
            "count": view.count,
        }
    )


def aware(moment: datetime) -> datetime:
    """Without an offset it is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
