"""What is free of one pool over time, in whole ticks and units, while a schedule grows."""

from __future__ import annotations

from bisect import bisect_right

from planner.compiled import GridPool

NEVER = 1 << 60


class Profile:
    """Free units from each moment of `times` on; burst included, where the pool has one."""

    __slots__ = ("extra", "free", "longest", "times")

    def __init__(self, pool: GridPool) -> None:
        self.times = list(pool.times)
        self.longest = pool.longest
        self.extra = list(pool.extra) if pool.longest else None
        """How much of `free` is there only for a burst, at most."""
        self.free = [free + extra for free, extra in zip(pool.free, pool.extra, strict=True)]

    def first_fit(self, start: int, ticks: int, units: int) -> int:
        """The earliest moment from `start` on at which `units` are free for `ticks`; `NEVER` if there is none."""
        times, free = self.times, self.free
        last = len(times) - 1
        place = bisect_right(times, start) - 1
        moment = start
        while True:
            ends = moment + ticks
            scan = place
            while free[scan] >= units and scan < last and times[scan + 1] < ends:
                scan += 1
            if free[scan] < units:
                place = scan + 1
            elif self.extra is None or self._short_burst(moment, ends, units):
                return moment
            else:
                place += 1
            if place > last:
                return NEVER
            moment = times[place]

    def last_fit(self, end: int, ticks: int, units: int) -> int:
        """The latest start, so that it ends by `end`, at which `units` are free for `ticks`; -1 if there is none."""
        times, free = self.times, self.free
        moment = end - ticks
        while moment >= 0:
            scan = bisect_right(times, max(moment + ticks - 1, moment)) - 1
            while free[scan] >= units:
                if times[scan] <= moment:
                    if self.extra is None or self._short_burst(moment, moment + ticks, units):
                        return moment
                    break
                scan -= 1
            moment = min(times[scan] - ticks, moment - 1)
        return -1

    def free_until(self, start: int, units: int) -> int:
        """Until when `units` stay free from `start` on; `start` where they are not free, `NEVER` for ever."""
        times, free = self.times, self.free
        place = bisect_right(times, start) - 1
        if free[place] < units:
            return start
        while place < len(times) and free[place] >= units:
            place += 1
        return times[place] if place < len(times) else NEVER

    def change(self, start: int, end: int, units: int) -> None:
        """Take `units` from `start` to `end`; give them back where negative."""
        if end <= start:
            return
        times, free = self.times, self.free
        first = bisect_right(times, start) - 1
        if times[first] != start:
            first += 1
            self._split(first, start)
        last = bisect_right(times, end, first) - 1
        if times[last] != end:
            last += 1
            self._split(last, end)
        for place in range(first, last):
            free[place] -= units

    def _split(self, place: int, moment: int) -> None:
        self.times.insert(place, moment)
        self.free.insert(place, self.free[place - 1])
        if self.extra is not None:
            self.extra.insert(place, self.extra[place - 1])

    def _short_burst(self, start: int, end: int, units: int) -> bool:
        """Whether, with `units` more from `start` to `end`, no stretch above the usual capacity is too long."""
        times, free, extra = self.times, self.free, self.extra
        if extra is None:
            return True
        place = bisect_right(times, start) - 1
        while place > 0 and free[place - 1] < extra[place - 1]:
            place -= 1  # a stretch may begin before
        began = -1
        while place < len(times):
            opens = times[place]
            closes = times[place + 1] if place + 1 < len(times) else NEVER
            for low, high, more in (
                (opens, min(closes, start), 0),
                (max(opens, start), min(closes, end), units),
                (max(opens, end), closes, 0),
            ):
                if low >= high:
                    continue
                if free[place] - more < extra[place]:
                    began = low if began < 0 else began
                    if high - began > self.longest:
                        return False
                else:
                    began = -1
            if began < 0 and closes >= end:
                return True
            place += 1
        return True
