"""Cron expressions: five fields, or one of the names for common ones, read into the values that each field matches.

As in the cron of Vixie: where day of month and day of week are both restricted, a day matches that meets either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from definitions.errors import Problem

MAX_TEXT = 256
_REMEDY = 'write "minute hour day-of-month month day-of-week", e.g. "0 2 * * *" for 02:00 on every day'
_NAMED: Mapping[str, str] = MappingProxyType(
    {
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
        "@monthly": "0 0 1 * *",
        "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@hourly": "0 * * * *",
    }
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A minute matches when each of its parts does. Day of week: Sunday is 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @property
    def every_hour(self) -> bool:
        """Whether only the minutes are restricted."""
        return (self.hours, self.days, self.months, self.weekdays) == tuple(field.all for field in _FIELDS[1:])


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    """Of the values, beginning with `first`."""

    @property
    def all(self) -> tuple[int, ...]:
        # Sunday may be written as 0 or 7, and is 0.
        return tuple(range(self.first, 7 if self.last == 7 else self.last + 1))


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)


def read_cron(text: str, path: str) -> tuple[tuple[Calendar, ...], list[Problem]]:
    """The calendars that a cron expression stands for (it fires when either matches), and what is wrong with it, all
    problems at once; `path` is where it stands in its document. With problems there are no calendars."""
    if len(text) > MAX_TEXT:
        return (), [Problem("bad_cron", path, f"a cron expression has at most {MAX_TEXT} characters", _REMEDY)]
    stripped = text.strip()
    if stripped.upper().startswith(("TZ=", "CRON_TZ=")):
        message = "a cron expression has no time zone in it"
        return (), [Problem("bad_cron", path, message, "write the time zone in `timezone`")]
    if stripped.startswith("@") and stripped.lower() not in _NAMED:
        message = f"{stripped[:40]!r} is no name of a cron expression"
        remedy = f"use {', '.join(_NAMED)}, or a schedule of type interval for `@every`"
        return (), [Problem("bad_cron", path, message, remedy)]
    parts = _NAMED.get(stripped.lower(), stripped).split()
    if len(parts) != len(_FIELDS):
        fields = f"{len(parts)} field{'' if len(parts) == 1 else 's'}"
        message = f"{text[:80]!r} has {fields}, and a cron expression has {len(_FIELDS)} (no seconds, no years)"
        return (), [Problem("bad_cron", path, message, _REMEDY)]
    values: list[tuple[int, ...]] = []
    problems: list[Problem] = []
    for field, part in zip(_FIELDS, parts, strict=True):
        try:
            values.append(_values(field, part))
        except _Wrong as error:
            problems.append(Problem("bad_cron", path, f"{field.name}: {error}", error.remedy))
    if problems:
        return (), problems
    minutes, hours, days, months, weekdays = values
    if parts[2].startswith("*") or parts[4].startswith("*"):
        return (Calendar(minutes, hours, days, months, weekdays),), []
    either = (
        Calendar(minutes, hours, days, months, _FIELDS[4].all),
        Calendar(minutes, hours, _FIELDS[2].all, months, weekdays),
    )
    return either, []


class _Wrong(Exception):
    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def _values(field: _Field, text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = 1
        if slash:
            if not _NUMBER.fullmatch(step_text) or int(step_text) < 1:
                raise _Wrong(f"{part!r} has no step after the slash", "write a whole number of at least 1, as in */5")
            step = int(step_text)
        if span == "*":
            first, last = field.first, field.last
        else:
            begins, dash, ends = span.partition("-")
            first = _value(field, begins, part)
            last = _value(field, ends, part) if dash else (field.last if slash else first)
            if last < first:
                raise _Wrong(f"{span!r} ends before it begins", f"write two parts, as in {begins}-{field.last}")
        found.update(range(first, last + 1, step))
    if field.last == 7:
        found = {value % 7 for value in found}
    return tuple(sorted(found))


def _value(field: _Field, text: str, part: str) -> int:
    if _NUMBER.fullmatch(text):
        value = int(text)
        if field.first <= value <= field.last:
            return value
        raise _Wrong(f"{text} is not between {field.first} and {field.last}", "")
    if text[:3].lower() in field.names and text.isalpha():
        return field.first + field.names.index(text[:3].lower())
    shown = part if len(part) <= 40 else f"{part[:40]}..."
    names = f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
    raise _Wrong(
        f"{shown!r} can't be read", f"write {field.first} to {field.last}{names}, a range (1-5), a step (*/5) or a list"
    )
