"""When a schedule is due, as Temporal is told of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import ScheduleCalendarSpec, ScheduleIntervalSpec, ScheduleRange
from temporalio.client import ScheduleSpec as TemporalSpec

from definitions.cron import Calendar
from definitions.schedules import ScheduleSpec

_DAY_HOURS = range(24)


def temporal_spec(spec: ScheduleSpec) -> TemporalSpec:
    """The same times as `spec.timing`, with its jitter."""
    timing = spec.timing
    told = TemporalSpec(
        start_at=timing.start_at,
        end_at=timing.end_at,
        jitter=timedelta(seconds=spec.jitter),
        time_zone_name=timing.zone,
    )
    if timing.every:
        told.intervals = [
            ScheduleIntervalSpec(every=timedelta(seconds=timing.every), offset=timedelta(seconds=timing.offset))
        ]
        return told
    told.calendars = [_calendar(each) for each in timing.calendars]
    others = [hour for hour in _DAY_HOURS if hour not in timing.hours]
    if others:
        # The server gives one reading too many where an hour comes twice (`definitions.schedule_times`).
        told.skip = [
            ScheduleCalendarSpec(
                second=[ScheduleRange(0, 59)],
                minute=[ScheduleRange(0, 59)],
                hour=_ranges(others),
                comment="other hours",
            )
        ]
    return told


def _calendar(calendar: Calendar) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        second=[ScheduleRange(0)],
        minute=_ranges(calendar.minutes),
        hour=_ranges(calendar.hours),
        day_of_month=_ranges(calendar.days),
        month=_ranges(calendar.months),
        day_of_week=_ranges(calendar.weekdays),
    )


def _ranges(values: Sequence[int]) -> list[ScheduleRange]:
    """As few ranges as it takes where the values are evenly spaced, else one for each run of neighbours."""
    steps = {later - earlier for earlier, later in itertools.pairwise(values)}
    if len(steps) == 1:
        return [ScheduleRange(values[0], values[-1], steps.pop())]
    ranges: list[ScheduleRange] = []
    for value in values:
        if ranges and value == ranges[-1].end + 1:
            ranges[-1] = ScheduleRange(ranges[-1].start, value)
        else:
            ranges.append(ScheduleRange(value, value))
    return ranges
