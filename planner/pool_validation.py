"""Whether pools make sense: calendars, prices, bursts, time zones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from math import inf
from typing import TYPE_CHECKING, Any

from planner.calendars import CapacityBand, CapacityPeriod, load_zone, overlapping
from planner.mistakes import Mistakes
from planner.prices import PriceBand, PricePeriod, Tariff

if TYPE_CHECKING:
    from planner.problem import Problem


def check_pools(problem: Problem, found: Mistakes) -> dict[str, int]:
    """Positions by id; what is wrong is noted."""
    from planner.problem import Pool

    index: dict[str, int] = {}
    for position, pool in enumerate(problem.pools):
        path = f"pools[{position}]"
        if not found.kind(path, pool, Pool) or not found.text(f"{path}.id", pool.id):
            continue
        if index.setdefault(pool.id, position) != position:
            remedy = f"pools[{index[pool.id]}] has it; give each its own"
            found.add("duplicate_id", f"{path}.id", f"{pool.id!r} is there twice", remedy)
        found.number(f"{path}.capacity", pool.capacity)
        if pool.calendar or pool.price is not None or pool.burst is not None or pool.zone != "UTC":
            _pool(path, pool, problem.origin, found)
    if problem.origin is not None and (not isinstance(problem.origin, datetime) or problem.origin.tzinfo is None):
        message = f"{problem.origin!r} has no time zone"
        found.add("naive_origin", "origin", message, "give an aware datetime, such as datetime(..., tzinfo=UTC)")
    return index


def _pool(path: str, pool: Any, origin: datetime | None, found: Mistakes) -> None:
    try:
        load_zone(pool.zone)
    except (ValueError, KeyError, OSError, TypeError):
        remedy = "give an IANA name such as 'Europe/Berlin'"
        found.add("unknown_zone", f"{path}.zone", f"there is no time zone {pool.zone!r}", remedy)
    banded = False
    periods: list[Any] = []
    for number, part in enumerate(pool.calendar):
        where = f"{path}.calendar[{number}]"
        if not found.kind(where, part, (CapacityPeriod, CapacityBand)):
            continue
        found.number(f"{where}.capacity", part.capacity)
        banded |= isinstance(part, CapacityBand)
        if isinstance(part, CapacityPeriod):
            periods.append(part)
    _periods(f"{path}.calendar", periods, found)
    bands = [(f"{path}.calendar", part) for part in pool.calendar if isinstance(part, CapacityBand)]
    if pool.price is not None and found.kind(f"{path}.price", pool.price, Tariff):
        found.number(f"{path}.price.price", pool.price.price, -inf)
        kinds = (("periods", pool.price.periods, PricePeriod), ("bands", pool.price.bands, PriceBand))
        for name, parts, kind in kinds:
            for number, part in enumerate(parts):
                if found.kind(f"{path}.price.{name}[{number}]", part, kind):
                    found.number(f"{path}.price.{name}[{number}].price", part.price, -inf)
        _periods(f"{path}.price.periods", pool.price.periods, found)
        bands += [(f"{path}.price.bands", part) for part in pool.price.bands]
    for where, band in bands:
        _band(where, band, found)
    if bands and origin is None:
        remedy = "give the aware datetime of moment 0"
        found.add("origin_missing", "origin", f"{path} has hours of a clock, and the problem has no origin", remedy)
    if pool.burst is not None:
        found.number(f"{path}.burst.share", pool.burst.share)
        found.number(f"{path}.burst.longest", pool.burst.longest)
        found.number(f"{path}.burst.price_factor", pool.burst.price_factor, 1)


def _periods(path: str, periods: Iterable[Any], found: Mistakes) -> None:
    spans: list[tuple[float, float]] = []
    for number, part in enumerate(periods):
        if hasattr(part, "start") and hasattr(part, "end") and check_period(f"{path}[{number}]", part, found):
            spans.append((part.start, part.end))
    if overlapping(spans):
        found.add("overlapping_periods", path, "two periods share a moment", "let each end before the next begins")


def check_period(path: str, part: Any, found: Mistakes) -> bool:
    """Whether something with a start and an end ends after it starts; noted if not."""
    if not found.number(f"{path}.start", part.start, -inf) or not found.number(f"{path}.end", part.end, -inf):
        return False
    if part.end <= part.start:
        message = f"it ends at {part.end:g}, not after its start {part.start:g}"
        found.add("empty_period", path, message, "let it end later")
        return False
    return True


def _band(path: str, band: Any, found: Mistakes) -> None:
    for name in ("begins", "ends"):
        value = getattr(band, name, None)
        if not isinstance(value, time) or value.tzinfo is not None:
            remedy = "give a datetime.time without a zone; the pool has the zone"
            found.add("not_a_clock_time", f"{path}.{name}", f"{value!r} is no hour of the clock", remedy)
    days = getattr(band, "days", ())
    if not days or any(day not in range(7) for day in days):
        found.add("not_days", f"{path}.days", f"{days!r} are no days", "give numbers from 0 (Monday) to 6")
