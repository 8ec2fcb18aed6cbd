"""Why a start of a schedule was late, by its records. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from definitions.schedules import Schedule
from store.schedule_tables import ScheduleOccurrence

PUNCTUAL = timedelta(seconds=5)
"""What a start may take on its way without being called late."""


@dataclass(frozen=True, slots=True)
class Late:
    """`reason` empty: it was not."""

    reason: str = ""
    message: str = ""


def why_late(mine: ScheduleOccurrence, schedule: Schedule, now: datetime, *, waited: bool) -> Late:
    """Of a start that happens now. `waited`: for its turn."""
    late = now - mine.due_at
    if mine.kind == "manual" and not waited:
        return Late()
    if mine.kind == "backfill":
        return Late("backfill", "it was filled in afterwards")
    if waited:
        return Late("overlap", f"{mine.message}; it waited {_seconds(late)} for its turn")
    launched = mine.launched_at or now
    put_off = timedelta(seconds=schedule.schedule.jitter)
    if launched - mine.due_at > put_off + PUNCTUAL:
        return Late("temporal_away", f"Temporal came to it {_seconds(launched - mine.due_at)} after it was due")
    if now - launched > PUNCTUAL:
        return Late("no_worker", f"no worker took it for {_seconds(now - launched)}")
    return Late()


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
