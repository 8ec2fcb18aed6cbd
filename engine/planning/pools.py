"""A pools file as the planner's pools."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from definitions.pools import BurstRule, PoolsDocument, Price, Rule
from planner import Burst, CapacityBand, CapacityPeriod, Pool, PriceBand, PricePeriod, Tariff
from planner.calendars import EVERY_DAY

_WHOLE_DAY = (time(0), time(0))


def planner_pools(document: PoolsDocument, origin: datetime) -> tuple[Pool, ...]:
    """The pools, with periods in seconds from `origin`; periods that are over by then are left out."""
    return tuple(
        Pool(
            name,
            spec.capacity,
            calendar=_calendar(document, name, origin),
            burst=_burst(spec.burst),
            price=_tariff(spec.price, document.zone(name), origin),
            zone=document.zone(name).key,
        )
        for name, spec in document.pools.items()
    )


def _calendar(document: PoolsDocument, name: str, origin: datetime) -> tuple[CapacityPeriod | CapacityBand, ...]:
    found: list[CapacityPeriod | CapacityBand] = []
    for rule in document.pools[name].calendar:
        if (span := _span(rule, document.zone(name), origin)) is None:
            found.append(CapacityBand(rule.capacity, *(rule.hours or _WHOLE_DAY), days=rule.days or EVERY_DAY))
        elif span[1] > 0:
            found.append(CapacityPeriod(*span, rule.capacity))
    return tuple(found)


def _tariff(price: Price, zone: ZoneInfo, origin: datetime) -> Tariff | None:
    if not price.per_hour and not price.rules:
        return None
    periods: list[PricePeriod] = []
    bands: list[PriceBand] = []
    for rule in price.rules:
        if (span := _span(rule, zone, origin)) is None:
            bands.append(PriceBand(rule.per_hour, *(rule.hours or _WHOLE_DAY), days=rule.days or EVERY_DAY))
        elif span[1] > 0:
            periods.append(PricePeriod(*span, rule.per_hour))
    return Tariff(price.per_hour, tuple(periods), tuple(bands))


def _span(rule: Rule, zone: ZoneInfo, origin: datetime) -> tuple[float, float] | None:
    """Seconds from the origin of a period; None for hours of the week."""
    period = rule.period(zone)
    return None if period is None else ((period[0] - origin).total_seconds(), (period[1] - origin).total_seconds())


def _burst(rule: BurstRule | None) -> Burst | None:
    return None if rule is None else Burst(rule.share, rule.longest, rule.price_factor)
