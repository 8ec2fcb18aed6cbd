"""The duty-hour limits, and the days and windows that they are counted over. Minutes, unless a name says otherwise.

Source: ACGME Common Program Requirements (Residency), "Clinical Experience and Education" (VI.F in the edition of 2017,
6.20 to 6.28 since they were renumbered). Averages are over four weeks, leave taken out of both sides, as in the ACGME's
answers to frequent questions about duty hours.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

WINDOW_DAYS = 28
WEEKLY = 80 * 60
LONGEST = 24 * 60
LONGEST_HANDOVER = 4 * 60
REST = 8 * 60
REST_AFTER_LONG = 14 * 60
FREE_ONE_IN = 7
CALL_ONE_IN = 3


class Rule(StrEnum):
    """The hard rules. A roster that breaks none of them is legal."""

    COVERAGE = "coverage"
    ELIGIBILITY = "eligibility"
    LEAVE = "leave"
    ONE_AT_A_TIME = "one shift at a time"
    WEEKLY_HOURS = "80 hours a week"
    FREE_DAYS = "one day in seven free"
    DUTY_LENGTH = "at most 24 + 4 hours on"
    REST = "rest between shifts"
    CALL_FREQUENCY = "call every third night at most"


def is_long(minutes: int) -> bool:
    """Whether a duty of that length counts as in-house call of 24 hours."""
    return minutes >= LONGEST


def rest_after(minutes: int) -> int:
    """The rest that a duty of that length must be followed by."""
    return REST_AFTER_LONG if is_long(minutes) else REST


def most_minutes(counted_days: int) -> int:
    """What may be worked in a window with that many days that are no leave: 80 hours for each seven of them."""
    return WEEKLY * counted_days // 7


def least_free_days(counted_days: int) -> int:
    """How many of a window's days that are no leave must be free, from midnight to midnight."""
    return -(-counted_days // FREE_ONE_IN)


def most_calls(counted_days: int) -> int:
    """How many 24-hour calls may begin in a window with that many days that are no leave; one is always allowed."""
    return max(counted_days // CALL_ONE_IN, 1)


def windows(first: date, last: date) -> list[tuple[date, date]]:
    """Every four weeks in a row, first and last day; of a shorter time, all of it, and limits in proportion."""
    spare = max((last - first).days + 1 - WINDOW_DAYS, 0)
    length = min((last - first).days + 1, WINDOW_DAYS)
    return [
        (first + timedelta(days=offset), first + timedelta(days=offset + length - 1)) for offset in range(spare + 1)
    ]
