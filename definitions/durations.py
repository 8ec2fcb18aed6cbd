"""Durations as people write them, to seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from definitions.errors import QuantityInvalid

_UNITS = {
    "ms": 0.001, "millisecond": 0.001, "milliseconds": 0.001,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
    "w": 604800.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
_MAX_TEXT = 64
MAX_SECONDS = 100 * 366 * 86400.0
"""The longest duration; no wait takes longer either."""
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_PLAIN = re.compile(rf"{_NUMBER}", re.ASCII)
_WORDS = re.compile(rf"({_NUMBER})\s*([a-z]+)(?:\s+and\s+|,\s*(?=[0-9])|\s+|(?=[0-9])|$)", re.ASCII)
_CLOCK = re.compile(r"([0-9]{1,4}):([0-5][0-9]):([0-5][0-9](?:\.[0-9]{1,9})?)", re.ASCII)
_ISO = re.compile(
    rf"P(?=.)(?:({_NUMBER})W)?(?:({_NUMBER})D)?(?:T(?=.)(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?", re.ASCII
)
_ISO_SECONDS = (604800.0, 86400.0, 3600.0, 60.0, 1.0)
_REMEDY = 'write seconds (90), "30m", "1h30m", "2 hours", "01:15:00" or ISO 8601 ("PT1H30M")'


def parse_duration(value: object) -> float:
    """Seconds of a duration given as a number of seconds, "30m", "1h 30m", "2 hours", "01:15:00", ISO 8601
    (without years and months, which have no fixed length) or a `timedelta`.

    Raises `QuantityInvalid` (a `ValueError`) that quotes what it can't read; negative is refused.
    """
    if isinstance(value, timedelta):
        return _checked(value.total_seconds(), value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _checked(value, value)
    if not isinstance(value, str):
        raise QuantityInvalid(f"{_quoted(value)} is not a duration", remedy=_REMEDY)
    text = value.strip()
    if not text or len(text) > _MAX_TEXT:
        raise QuantityInvalid(f"{_quoted(value)} is not a duration", remedy=_REMEDY)
    if _PLAIN.fullmatch(text):
        return _checked(float(text), value)
    if clock := _CLOCK.fullmatch(text):
        return _checked(int(clock[1]) * 3600.0 + int(clock[2]) * 60.0 + float(clock[3]), value)
    if iso := _ISO.fullmatch(text.upper()):
        parts = zip(iso.groups(), _ISO_SECONDS, strict=True)
        return _checked(math.fsum(float(part) * unit for part, unit in parts if part), value)
    return _checked(_worded(text.lower(), value), value)


def _worded(text: str, value: str) -> float:
    """ "1h30m", "2 hours", "1 day and 6 hours"; each unit at most once."""
    terms: list[float] = []
    seen: set[float] = set()
    at = 0
    while at < len(text):
        match = _WORDS.match(text, at)
        unit = _UNITS.get(match[2]) if match else None
        if match is None or unit is None or unit in seen:
            raise QuantityInvalid(f"{_quoted(value)} is not a duration", remedy=_REMEDY)
        seen.add(unit)
        terms.append(float(match[1]) * unit)
        at = match.end()
    return math.fsum(terms)


def _checked(seconds: float, value: object) -> float:
    if not 0 <= seconds <= MAX_SECONDS:  # also what is not a number
        raise QuantityInvalid(f"{_quoted(value)} is not between 0 seconds and 100 years", remedy=_REMEDY)
    return float(seconds)


def _quoted(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or value.bit_length() < 256 else "a very large number"
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
