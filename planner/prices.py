"""What a pool's units cost, by time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, time

from planner.calendars import EVERY_DAY, Steps, steps

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class PricePeriod:
    """From `start` to `end` (seconds from the origin) a unit costs `price` an hour, whatever the bands say."""

    start: float
    end: float
    price: float


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Whenever the clock of the pool's zone reads `begins` or later and before `ends`, a unit costs `price` an hour.

    Days, nights over midnight and changes of the clock are as in `calendars.CapacityBand`.
    """

    price: float
    begins: time
    ends: time
    days: tuple[int, ...] = EVERY_DAY


@dataclass(frozen=True, slots=True)
class Tariff:
    """Money per unit and hour: `price`, unless a period or else the first matching band says otherwise."""

    price: float = 0.0
    periods: tuple[PricePeriod, ...] = ()
    bands: tuple[PriceBand, ...] = ()

    def steps(self, zone: str, origin: datetime | None, until: float) -> Steps:
        """The price over time; bands are laid out until `until` (seconds from the origin)."""
        if not self.periods and not self.bands:
            return Steps([0.0], [self.price])
        return steps(
            self.price,
            ((part.start, part.end, part.price) for part in self.periods),
            [(band, band.price) for band in self.bands],
            zone,
            origin,
            until,
        )


class Spend:
    """What one unit costs from the origin until a moment: the integral of a price, so that any span is a difference."""

    __slots__ = ("_before", "steps")

    def __init__(self, price: Steps) -> None:
        self.steps = price
        self._before = [0.0]
        for index in range(1, len(price.times)):
            span = price.times[index] - price.times[index - 1]
            self._before.append(self._before[-1] + span * price.values[index - 1] / HOUR)

    def until(self, moment: float) -> float:
        """Money for one unit held from the origin until `moment` (seconds)."""
        times = self.steps.times
        if len(times) == 1:
            return moment * self.steps.values[0] / HOUR
        index = max(bisect_right(times, moment) - 1, 0)
        return self._before[index] + (moment - times[index]) * self.steps.values[index] / HOUR

    def between(self, start: float, end: float) -> float:
        """Money for one unit held from `start` to `end`."""
        if len(self.steps.times) == 1:
            return (end - start) * self.steps.values[0] / HOUR
        return self.until(end) - self.until(start)
