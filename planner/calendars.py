"""Values that change over time: absolute periods and hours of the local clock, as steps over seconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class CapacityPeriod:
    """From `start` to `end` (seconds from the origin) the pool has this capacity instead of its usual one."""

    start: float
    end: float
    capacity: float


@dataclass(frozen=True, slots=True)
class CapacityBand:
    """Whenever the clock of the pool's zone reads `begins` or later and before `ends`, the pool has this capacity.

    `days` are those on which the band begins, 0 is Monday. `ends` at or before `begins` is the next day's; equal means
    a whole day. The clock decides, also on days when it is put forward or back: an hour that is there twice counts
    twice.
    """

    capacity: float
    begins: time
    ends: time
    days: tuple[int, ...] = EVERY_DAY


class Band(Protocol):
    """Hours of the local clock on some days of the week."""

    @property
    def begins(self) -> time: ...
    @property
    def ends(self) -> time: ...
    @property
    def days(self) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class Steps:
    """A value for every moment from 0 on: `values[i]` holds from `times[i]` until `times[i + 1]`, the last for ever."""

    times: list[float]
    values: list[float]

    def at(self, moment: float) -> float:
        """The value at a moment, in seconds."""
        return self.values[max(bisect_right(self.times, moment) - 1, 0)]

    @property
    def constant(self) -> bool:
        """True where the value never changes."""
        return len(self.values) == 1


def steps(
    base: float,
    periods: Iterable[tuple[float, float, float]],
    bands: Iterable[tuple[Band, float]],
    zone: str,
    origin: datetime | None,
    until: float,
) -> Steps:
    """One value over time from what sets it: periods (start, end, value) go before bands, the first matching band
    before later ones, and `base` holds elsewhere. Bands are laid out until `until`; the last value then stays.
    Raises `ValueError` for bands without an origin.
    """
    usual = _banded(base, tuple(bands), zone, origin, until)
    periods = sorted(periods)
    if not periods:
        return usual
    edges = {*usual.times, *(max(edge, 0.0) for start, end, _ in periods for edge in (start, end))}
    starts = [start for start, _, _ in periods]
    times: list[float] = []
    values: list[float] = []
    for moment in sorted(edges):
        place = bisect_right(starts, moment) - 1
        value = periods[place][2] if place >= 0 and moment < periods[place][1] else usual.at(moment)
        if not values or value != values[-1]:
            times.append(moment)
            values.append(value)
    return Steps(times, values)


@lru_cache(maxsize=256)
def _banded(
    base: float, bands: tuple[tuple[Band, float], ...], zone: str, origin: datetime | None, until: float
) -> Steps:
    """The steps of bands. Kept, as pools often share their hours, and a problem is laid out more than once."""
    if not bands:
        return Steps([0.0], [base])
    if origin is None:
        raise ValueError("hours of the clock need an origin")
    clock = _Clock(zone, origin)
    times: list[float] = []
    values: list[float] = []
    for moment in sorted({0.0, *clock.edges([band for band, _ in bands], until)}):
        found = clock.first(bands, moment)
        value = base if found is None else found
        if not values or value != values[-1]:
            times.append(moment)
            values.append(value)
    return Steps(times, values)


def load_zone(name: str) -> tzinfo:
    """The time zone of that IANA name. Raises `ValueError` or `KeyError` where there is none."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # here, as most problems need no zone and loading it takes milliseconds

    return ZoneInfo(name)


class _Clock:
    """What the clock on the wall of a zone reads, by seconds from an aware origin."""

    def __init__(self, zone: str, origin: datetime) -> None:
        self._zone = load_zone(zone)
        self._origin = origin.astimezone(UTC)

    def reading(self, moment: float) -> datetime:
        return (self._origin + timedelta(seconds=moment)).astimezone(self._zone)

    def first(self, bands: Sequence[tuple[Band, float]], moment: float) -> float | None:
        """The value of the first band that holds at a moment."""
        # half a millisecond later, since an edge may lie a rounding before the full minute
        reading = self.reading(moment + 0.0005)
        clock, day = reading.timetz().replace(tzinfo=None), reading.weekday()
        return next((value for band, value in bands if _holds(band, clock, day)), None)

    def edges(self, bands: list[Band], until: float) -> set[float]:
        """Every moment in (0, until) at which a band may begin or end, also because the clock is changed."""
        clocks = {clock for band in bands for clock in (band.begins, band.ends)}
        found: set[float] = set()
        day, last = self.reading(0).date(), self.reading(until).date()
        while day <= last:
            midnight = datetime.combine(day, time(0), self._zone)
            change = self._clock_change(midnight)
            found.update(self._seconds(datetime.combine(day, clock, self._zone)) for clock in clocks)
            if change is not None:  # an hour of that day may be there twice
                found.add(change)
                found.update(
                    self._seconds(datetime.combine(day, clock, self._zone).replace(fold=1)) for clock in clocks
                )
            day += timedelta(days=1)
        return {moment for moment in found if 0 < moment < until}

    def _seconds(self, moment: datetime) -> float:
        return (moment.astimezone(UTC) - self._origin).total_seconds()

    def _clock_change(self, midnight: datetime) -> float | None:
        """The moment of this day at which the zone's offset changes, if there is one, to the second."""
        early, late = midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)
        before = early.astimezone(self._zone).utcoffset()
        if before == late.astimezone(self._zone).utcoffset():
            return None
        while late - early > timedelta(seconds=1):
            middle = early + (late - early) // 2
            middle = middle.replace(microsecond=0)
            if middle <= early:
                break
            if middle.astimezone(self._zone).utcoffset() == before:
                early = middle
            else:
                late = middle
        return (late - self._origin).total_seconds()


def _holds(band: Band, clock: time, day: int) -> bool:
    if band.begins < band.ends:
        return band.begins <= clock < band.ends and day in band.days
    return (clock >= band.begins and day in band.days) or (clock < band.ends and (day - 1) % 7 in band.days)


def capacity_steps(pool: Any, origin: datetime | None, until: float) -> Steps:
    """A pool's capacity over time, reservations not taken off. `pool` is a `planner.problem.Pool`."""
    if not pool.calendar:
        return Steps([0.0], [pool.capacity])
    periods = [(part.start, part.end, part.capacity) for part in pool.calendar if isinstance(part, CapacityPeriod)]
    bands = [(part, part.capacity) for part in pool.calendar if isinstance(part, CapacityBand)]
    return steps(pool.capacity, periods, bands, pool.zone, origin, until)


def without(capacity: Steps, taken: Iterable[tuple[float, float, float]]) -> Steps:
    """What is left of a capacity when (start, end, amount) are taken off; never below 0, also where more is taken."""
    changes: dict[float, float] = dict.fromkeys(capacity.times, 0.0)
    for start, end, amount in taken:
        start = max(start, 0.0)
        if end > start:
            changes[start] = changes.get(start, 0.0) + amount
            changes[end] = changes.get(end, 0.0) - amount
    times: list[float] = []
    values: list[float] = []
    used = 0.0
    for moment in sorted(changes):
        used += changes[moment]
        value = max(capacity.at(moment) - (used if abs(used) > 1e-9 else 0.0), 0.0)
        if not values or value != values[-1]:
            times.append(moment)
            values.append(value)
    return Steps(times, values)


def overlapping(periods: Iterable[tuple[float, float]]) -> bool:
    """True where two (start, end) share a moment."""
    return any(start < end for (_, end), (start, _) in pairwise(sorted(periods)))
