"""When a schedule is due: the same instants as the Temporal server's, worked out without it.

What Temporal does where clocks change (measured; `docs/schedules.md` says what comes of it): each reading of the clock
is looked for hour by hour, and turned into an instant by the offset that holds at that reading taken as UTC. A reading
that does not exist is left out. One that exists twice is two instants west of Greenwich and one east of it.
Expressions that name no hour are read by UTC where the zone's offsets are whole hours: they never skip or repeat.
"""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from definitions.cron import Calendar

LAST_YEAR = 2100
"""The server looks no further."""
_HOUR = 3600
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A reading of the clock that does not exist on that day, or exists twice."""

    reading: datetime
    """Without a zone."""
    how: Literal["skipped", "repeated"]


@dataclass(frozen=True, slots=True)
class Timing:
    """When something is due: at what calendars match, or at an interval. Whole seconds; no jitter."""

    calendars: tuple[Calendar, ...] = ()
    zone: str = "UTC"
    """The clock that calendars are read by."""
    every: int = 0
    """Seconds from one time to the next, counted from 1970-01-01T00:00:00Z; 0: by calendars."""
    offset: int = 0
    """Seconds after these."""
    start_at: datetime | None = None
    """Aware; may be due itself."""
    end_at: datetime | None = None

    @property
    def hours(self) -> frozenset[int]:
        """The hours of the clock at which any of it can be."""
        return frozenset(hour for each in self.calendars for hour in each.hours)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after an aware moment; None: there is none any more."""
        after = int(moment.timestamp() // 1)
        if self.start_at is not None:
            after = max(after, _first_second(self.start_at) - 1)
        found = self._next(after)
        if found is None or (self.end_at is not None and found > self.end_at.timestamp()):
            return None
        return datetime.fromtimestamp(found, UTC)

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """The first `count` times after a moment, or as many as there are."""
        found: list[datetime] = []
        for each in self.since(after):
            found.append(each)
            if len(found) == count:
                break
        return found

    def since(self, after: datetime) -> Iterator[datetime]:
        """All times after a moment, one after another."""
        moment = self.next_after(after)
        while moment is not None:
            yield moment
            moment = self.next_after(moment)

    def clock_changes(self, after: datetime, until: datetime) -> list[ClockChange]:
        """The readings of the clock in a span (aware, at most some years) that the schedule names and that its zone
        skips or has twice."""
        zone = _zone(self.zone)
        found: list[ClockChange] = []
        day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
        while day <= last:
            midnights = [_instant(zone, each.year, each.month, each.day, 0, 0) for each in (day, day + _DAY)]
            if _offset(zone, midnights[0]) != _offset(zone, midnights[1]):
                found += self._changed_on(day, zone)
            day += _DAY
        return found

    def _changed_on(self, day: date, zone: ZoneInfo) -> Iterator[ClockChange]:
        for reading in sorted({each for spec in self.calendars for each in _readings(spec, day)}):
            offsets = {reading.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
            if len(offsets) == 2:
                there = reading.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == reading
                yield ClockChange(reading, "repeated" if there else "skipped")

    def _next(self, after: int) -> int | None:
        if self.every:
            return ((after - self.offset) // self.every + 1) * self.every + self.offset
        zone = _zone(self.zone)
        hours = self.hours
        while True:
            found = [at for each in self.calendars if (at := _next_match(each, zone, after)) is not None]
            if not found:
                return None
            after = min(found)
            # In the hour before one that comes twice, the search gives its first reading for the hour before.
            if datetime.fromtimestamp(after, zone).hour in hours:
                return after


def clock_of(calendars: tuple[Calendar, ...], zone: str) -> str:
    """By which clock Temporal is to read the calendars. An hour after each other is an hour whatever clocks do: what
    names no hour is read by UTC, where that comes to the same minutes."""
    return "UTC" if all(each.every_hour for each in calendars) and _has_whole_hours(zone) else zone


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=256)
def _has_whole_hours(name: str) -> bool:
    zone = _zone(name)
    months = (datetime(year, month, 1, tzinfo=UTC) for year in range(2020, 2040) for month in range(1, 13))
    return all(_offset(zone, int(month.timestamp())) % _HOUR == 0 for month in months)


def _readings(spec: Calendar, day: date) -> Iterator[datetime]:
    if day.month in spec.months and day.day in spec.days and day.isoweekday() % 7 in spec.weekdays:
        for hour in spec.hours:
            for minute in spec.minutes:
                yield datetime.combine(day, time(hour, minute))


def _first_second(moment: datetime) -> int:
    return -int(-moment.timestamp() // 1)


def _offset(zone: ZoneInfo, at: int) -> int:
    found = datetime.fromtimestamp(at, zone).utcoffset()
    assert found is not None  # noqa: S101  # the time is aware
    return int(found.total_seconds())


def _instant(zone: ZoneInfo, year: int, month: int, day: int, hour: int, minute: int) -> int:
    """The instant at which the clock reads that, or would."""
    reading = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)
    at = int(reading.timestamp())
    return at - _offset(zone, at - _offset(zone, at))


def _next_match(spec: Calendar, zone: ZoneInfo, after: int) -> int | None:
    """The first second after `after` that matches, in the order in which the server looks."""
    local = datetime.fromtimestamp(after, zone)
    year, month, day, hour = local.year, local.month, local.day, local.hour
    # Seconds are never restricted to others than 0, so the search begins with the next minute.
    minute = local.minute + 1
    repeated = _HOUR if datetime.fromtimestamp(after - _HOUR, zone).hour == hour else 0
    while True:
        if minute >= 60:
            this, following = (_instant(zone, year, month, day, hour + step, 0) for step in (0, 1))
            if repeated == 0 and following - this > _HOUR:
                repeated = _HOUR
            else:
                hour, repeated = hour + 1, 0
            minute = 0
        if hour >= 24:
            day, hour = day + 1, 0
        if month <= 12 and day > gregorian.monthrange(year, month)[1]:
            month, day = month + 1, 1
        if month > 12:
            year, month = year + 1, 1
        if year > LAST_YEAR:
            return None
        if month not in spec.months:
            month, day, hour, minute, repeated = month + 1, 1, 0, 0, 0
        elif day not in spec.days or (gregorian.weekday(year, month, day) + 1) % 7 not in spec.weekdays:
            day, hour, minute, repeated = day + 1, 0, 0, 0
        elif hour not in spec.hours:
            hour, minute, repeated = hour + 1, 0, 0
        elif minute not in spec.minutes:
            minute = next((each for each in spec.minutes if each > minute), 60)
        else:
            at = _instant(zone, year, month, day, hour, minute)
            if datetime.fromtimestamp(at, zone).hour == hour:
                return at + repeated
            hour, minute = hour + 1, 0
