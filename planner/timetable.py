"""Where work still fits: the profiles of all pools together."""

from __future__ import annotations

from collections.abc import Mapping

from planner.compiled import Compiled, Way
from planner.profile import NEVER, Profile

Spans = tuple[tuple[int, int], ...]


class Timetable:
    """All pools with what is placed so far; movable reservations stay where they are unless told otherwise."""

    __slots__ = ("_compiled", "profiles")

    def __init__(self, compiled: Compiled, moved: Mapping[int, int] | None = None) -> None:
        self._compiled = compiled
        self.profiles = [Profile(pool) for pool in compiled.pools]
        for number, movable in enumerate(compiled.movable):
            start = moved.get(number, movable.start) if moved else movable.start
            self.profiles[movable.pool].change(start, start + movable.ticks, movable.units)

    def first_fit(self, way: Way, start: int) -> int:
        """The earliest start, from `start` on, at which all that the way needs is free; `NEVER` if there is none."""
        if not way.ticks:
            return start
        if len(way.needs) == 1:
            pool, units = way.needs[0]
            return self.profiles[pool].first_fit(start, way.ticks, units)
        return self._together(way.needs, way.ticks, start)

    def _together(self, needs: tuple[tuple[int, int], ...], ticks: int, start: int) -> int:
        agreed = 0
        moment = start
        while agreed < len(needs):
            for pool, units in needs:
                found = self.profiles[pool].first_fit(moment, ticks, units)
                if found == NEVER:
                    return NEVER
                agreed = agreed + 1 if found == moment else 1
                moment = found
                if agreed == len(needs):
                    break
        return moment

    def last_fit(self, way: Way, end: int) -> int:
        """The latest start, so that it ends by `end`, at which all that the way needs is free; -1 if there is none."""
        moment = end - way.ticks
        if not way.ticks:
            return moment
        agreed = 0
        while agreed < len(way.needs):
            for pool, units in way.needs:
                found = self.profiles[pool].last_fit(moment + way.ticks, way.ticks, units)
                if found < 0:
                    return -1
                agreed = agreed + 1 if found == moment else 1
                moment = found
                if agreed == len(way.needs):
                    break
        return moment

    def split_fit(self, task: int, way: Way, start: int) -> Spans | None:
        """Parts that end as early as greedy filling gets them, in at most as many as the task may have; None without
        room.

        Never later than the task in one piece.
        """
        whole = self.first_fit(way, start)
        most = self._compiled.problem.tasks[task].max_parts
        shortest = min(self._compiled.min_part[task], way.ticks)
        found: list[tuple[int, int]] = []
        left, moment = way.ticks, start
        while left:
            if len(found) == most - 1:
                begin = self._together(way.needs, left, moment) if way.needs else moment
                if begin == NEVER:
                    found.clear()
                    break
                found.append((begin, begin + left))
                break
            begin = self._together(way.needs, min(shortest, left), moment) if way.needs else moment
            if begin == NEVER:
                found.clear()
                break
            stays = [self.profiles[pool].free_until(begin, units) for pool, units in way.needs]
            room = min(stays, default=NEVER) - begin
            done = min(room, left)
            if 0 < left - done < shortest:
                done = left - shortest  # the rest must be long enough for a part of its own
                if done < shortest:
                    moment = begin + room
                    continue
            if done > shortest and way.needs and self._together(way.needs, done, begin) != begin:
                done = shortest  # in one go a burst would last too long
                if 0 < left - done < shortest:
                    found.clear()
                    break
            found.append((begin, begin + done))
            left -= done
            moment = begin + done
        if whole != NEVER and (not found or whole + way.ticks <= found[-1][1]):
            return ((whole, whole + way.ticks),)
        return _joined(found) if found else None

    def take(self, way: Way, spans: Spans) -> None:
        """Place work."""
        for pool, units in way.needs:
            for start, end in spans:
                self.profiles[pool].change(start, end, units)

    def give(self, way: Way, spans: Spans) -> None:
        """Take work out again."""
        for pool, units in way.needs:
            for start, end in spans:
                self.profiles[pool].change(start, end, -units)


def _joined(spans: list[tuple[int, int]]) -> Spans:
    """Parts that touch are one."""
    found = spans[:1]
    for start, end in spans[1:]:
        if start == found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)
