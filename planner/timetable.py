"""Where work still fits: the profiles of all pools together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from planner.compiled import Compiled, Way
from planner.profile import NEVER, Profile

Spans = tuple[tuple[int, int], ...]


def reserved(compiled: Compiled) -> dict[int, int] | None:
    """Where movable reservations must go before any task is placed: those that don't fit where they are, to the first
    hours that they fit; None where one fits nowhere."""
    table = Timetable(compiled, dict.fromkeys(range(len(compiled.movable)), NEVER))
    moved: dict[int, int] = {}
    for number, movable in enumerate(compiled.movable):
        profile = table.profiles[movable.pool]
        start = profile.first_fit(movable.start, movable.ticks, movable.units)
        if start != movable.start:
            start = min(start, profile.first_fit(0, movable.ticks, movable.units))
            moved[number] = start
        if start == NEVER:
            return None
        profile.change(start, start + movable.ticks, movable.units)
    return moved


class Timetable:
    """All pools with what is placed so far; movable reservations stay where they are unless told otherwise."""

    __slots__ = ("_compiled", "profiles")

    def __init__(self, compiled: Compiled, moved: Mapping[int, int] | None = None) -> None:
        self._compiled = compiled
        self.profiles = [Profile(pool) for pool in compiled.pools]
        for number, movable in enumerate(compiled.movable):
            start = moved.get(number, movable.start) if moved else movable.start
            if start == NEVER:
                continue  # not placed yet
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
        profiles, left = self.profiles, len(needs)
        moment = start
        while left:
            for pool, units in needs:
                found = profiles[pool].first_fit(moment, ticks, units)
                if found == moment:
                    left -= 1
                elif found == NEVER:
                    return NEVER
                else:
                    moment, left = found, len(needs) - 1
                if not left:
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
        """Parts that end as early as greedy filling gets them, at most as many as the task may have; None without room.

        Never later than the task in one piece.
        """
        whole = self.first_fit(way, start)
        found = self._filled(task, way, start)
        if whole != NEVER and (not found or whole + way.ticks <= found[-1][1]):
            return ((whole, whole + way.ticks),)
        return _joined(found) if found else None

    def _filled(self, task: int, way: Way, start: int) -> list[tuple[int, int]]:
        """Parts one after the other, each as long as it can be; empty where that leads nowhere."""
        most = self._compiled.problem.tasks[task].max_parts
        shortest = min(self._compiled.min_part[task], way.ticks)
        bursting = any(self.profiles[pool].longest for pool, _ in way.needs)
        found: list[tuple[int, int]] = []
        left, moment = way.ticks, start
        while left:
            last = len(found) == most - 1
            begin = self._together(way.needs, left if last else min(shortest, left), moment) if way.needs else moment
            if begin == NEVER:
                break
            until = begin + left if last else self._ending(way, begin, left, shortest)
            if until == begin:
                moment = self._free_until(way, begin)
                if moment == NEVER:
                    break
                continue
            done = until - begin
            found.append((begin, begin + done))
            left -= done
            moment = begin + done
            if bursting:
                self.take(way, found[-1:])  # parts next to each other are one burst
        if bursting:
            self.give(way, found)
        return [] if left else found

    def _ending(self, way: Way, begin: int, left: int, shortest: int) -> int:
        """When a part from `begin` on ends, so that enough is left for another part; `begin`: never."""
        done = min(left, self._free_until(way, begin) - begin)
        if done > shortest and way.needs and self._together(way.needs, done, begin) != begin:
            done = shortest  # in one go a burst would last too long
        if done < left and left - done < shortest:
            done = left - shortest
        return begin + done if done >= shortest else begin

    def _free_until(self, way: Way, begin: int) -> int:
        return min((self.profiles[pool].free_until(begin, units) for pool, units in way.needs), default=NEVER)

    def take(self, way: Way, spans: Iterable[tuple[int, int]]) -> None:
        """Place work."""
        for start, end in spans:
            for pool, units in way.needs:
                self.profiles[pool].change(start, end, units)

    def give(self, way: Way, spans: Iterable[tuple[int, int]]) -> None:
        """Take work out again."""
        for start, end in spans:
            for pool, units in way.needs:
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
