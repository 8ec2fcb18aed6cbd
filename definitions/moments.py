"""Moments, hours of the clock and days of the week as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from definitions.durations import parse_duration
from definitions.errors import QuantityInvalid
from definitions.nearest import did_you_mean

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Monday is day 0."""
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_DAY = ("daily", "every day")
_MAX_TEXT = 64
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
_MOMENT_REMEDY = 'write a date and a time: "2025-07-02 22:00", or with its offset "2025-07-02T22:00:00+02:00"'
_HOURS_REMEDY = 'write "22:00-06:00" (24-hour clock; over midnight is fine)'
_DAYS_REMEDY = 'write "mon-fri", "sat, sun" or [mon, wed]'
_WHEN_REMEDY = (
    'write "now", "22:00" (the next time the clock reads that), "2025-07-02 22:00" or a duration such as "2h"'
)


def parse_moment(value: object) -> datetime:
    """The date and time that a text says in ISO 8601, with or without an offset. Raises `QuantityInvalid`."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and len(value) <= _MAX_TEXT and re.search(r"\d[T ]\d", value, re.ASCII):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            pass
    raise QuantityInvalid(f"{_quoted(value)} is no date and time", remedy=_MOMENT_REMEDY)


def parse_clock(value: object) -> time:
    """The hour of the clock that a text says; "24:00" is midnight. Raises `QuantityInvalid`."""
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= _MAX_TEXT else None
    if match is not None:
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        if hour < 24 or not (minute or second):
            return time(hour % 24, minute, second)
    raise QuantityInvalid(f"{_quoted(value)} is no hour of the clock", remedy='write "22:00" or "22:30:00"')


def parse_hours(value: object) -> tuple[time, time]:
    """Two hours of the clock: "22:00-06:00". The second at or before the first is the next day's."""
    if isinstance(value, str) and len(value) <= _MAX_TEXT:
        begins, dash, ends = value.replace("–", "-").partition("-")
        if dash:
            try:
                return parse_clock(begins), parse_clock(ends)
            except QuantityInvalid:
                pass
    raise QuantityInvalid(f"{_quoted(value)} are no hours of the clock", remedy=_HOURS_REMEDY)


def parse_days(value: object) -> tuple[int, ...]:
    """Days of the week, Monday being 0: "mon-fri", "sat, sun", "daily", or a list of such."""
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    found: set[int] = set()
    for part in parts:
        if not isinstance(part, str) or len(part) > _MAX_TEXT:
            raise QuantityInvalid(f"{_quoted(part)} is no day", remedy=_DAYS_REMEDY)
        if part.strip().lower() in _EVERY_DAY:
            found.update(range(7))
            continue
        for piece in part.split(","):
            first, dash, last = piece.replace("–", "-").partition("-")
            begins = _day(first)
            ends = _day(last) if dash else begins
            found.update(day % 7 for day in range(begins, (ends if ends >= begins else ends + 7) + 1))
    if not found:
        raise QuantityInvalid("there are no days", remedy=_DAYS_REMEDY)
    return tuple(sorted(found))


def parse_zone(value: object) -> str:
    """The name of a time zone, checked. Raises `QuantityInvalid` with the nearest name."""
    if isinstance(value, str) and len(value) <= _MAX_TEXT:
        try:
            return ZoneInfo(value).key
        except (ValueError, KeyError, OSError):
            remedy = did_you_mean(value, sorted(available_timezones()))
            remedy = remedy or "write an IANA name such as Europe/Berlin, or UTC"
            raise QuantityInvalid(f"there is no time zone {_quoted(value)}", remedy=remedy) from None
    raise QuantityInvalid(f"{_quoted(value)} is no time zone", remedy="write an IANA name such as Europe/Berlin")


def parse_when(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """The aware moment that a person means: "now", a duration from `now`, a date and time, or an hour of the clock,
    which is the next time that the clock of `zone` reads it. Raises `QuantityInvalid`."""
    text = text.strip()
    if text.lower() == "now":
        return now
    if _CLOCK.fullmatch(text) and text.count(":") == 1:
        clock = parse_clock(text)
        local = now.astimezone(zone)
        found = datetime.combine(local.date(), clock, zone)
        return found if found >= local else datetime.combine(local.date() + timedelta(days=1), clock, zone)
    try:
        return now + timedelta(seconds=parse_duration(text.removeprefix("+")))
    except QuantityInvalid:
        pass
    try:
        return in_zone(parse_moment(text), zone)
    except QuantityInvalid:
        raise QuantityInvalid(f"{_quoted(text)} is no moment", remedy=_WHEN_REMEDY) from None


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """A moment without an offset is read by the clock of `zone`."""
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _day(text: str) -> int:
    name = text.strip().lower()
    for names in (DAYS, _LONG_DAYS):
        if name in names:
            return names.index(name)
    raise QuantityInvalid(f"{_quoted(text.strip())} is no day", remedy=did_you_mean(name, _LONG_DAYS) or _DAYS_REMEDY)


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
