"""List scheduling: tasks one after the other, each where it fits first. A plan at once, however large the problem.

Serial and parallel schedule generation as in Kolisch, "Serial and parallel resource-constrained project scheduling
methods revisited", 1996; forward-backward improvement as in Tormos and Lova, "A competitive heuristic solution
technique for resource-constrained project scheduling", 2001. Both are done on the whole problem: ways, calendars,
bursts, reservations, windows, lags, splitting and prices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from planner.compiled import Compiled, Draft
from planner.profile import NEVER
from planner.timetable import Spans, Timetable, reserved
from planner.together import Together

Choose = Callable[[int, int, int], float]
"""(task, way, end in ticks) -> how bad it is to do the task so; the least is taken."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """No list schedule this way: the task that could not be placed in time (the first, where a reservation can't)."""

    task: int


class Lister:
    """List schedules of one problem."""

    def __init__(
        self, compiled: Compiled, choose: Choose | None = None, *, in_time: bool = True, together: bool = True
    ) -> None:
        """`choose`: how to choose among ways; None: what ends first. `in_time`: windows and deadlines are kept.
        `together`: so are the longest durations of groups, where not `in_time` as far as that is easy."""
        self.compiled = compiled
        self._choose = choose
        self._in_time = in_time
        self._together = together and bool(compiled.group_spans)
        self._moved = reserved(compiled) if compiled.movable else {}

    def serial(
        self,
        keys: Sequence[float],
        ways: Sequence[int | None] | None = None,
        *,
        moved: Mapping[int, int] | None = None,
        not_before: Mapping[int, int] | None = None,
    ) -> Draft | Stuck:
        """Task by task, the least key among those whose predecessors are placed.

        `ways` fixes them, `moved` is where movable reservations are, and some tasks may be kept from starting earlier.
        """
        compiled = self.compiled
        moved = self._moved if moved is None else moved
        if moved is None:
            return Stuck(0)
        table = Timetable(compiled, moved)
        draft = _blank(len(keys))
        draft.moved.update(moved)
        earliest = list(compiled.earliest)
        for task, start in (not_before or {}).items():
            earliest[task] = max(earliest[task], start)
        waiting = [len(arcs) for arcs in compiled.graph.predecessors]
        ready = [(keys[task], task) for task, count in enumerate(waiting) if not count]
        heapify(ready)
        groups = Together(compiled, list(earliest), in_time=self._in_time) if self._together else None
        while ready:
            _, task = heappop(ready)
            opens, closes = earliest[task], NEVER
            if groups is not None:
                if groups.settled(task) or waiting[task]:  # taken back and placed again, or not to be placed yet
                    continue
                opens, closes = groups.room(task, opens)
            fixed = None if ways is None else ways[task]
            found = self._place(table, task, opens, fixed, closes)
            if found is None:
                late = None if groups is None else self._place(table, task, opens, fixed)
                back = None if groups is None or late is None else groups.put_off(task, late[1][-1][1])
                if groups is None or back is None:
                    return Stuck(task)
                for other in back:
                    table.give(compiled.ways[other][draft.ways[other]], compiled.spans(draft, other))
                    draft.parts.pop(other, None)
                for other in groups.again({task, *back}, earliest, waiting):
                    heappush(ready, (keys[other], other))
                continue
            number, spans = found
            table.take(compiled.ways[task][number], spans)
            _note(draft, task, number, spans)
            if groups is not None:
                groups.place(task, spans[0][0], spans[-1][1])
            self._follow(task, spans[-1][1], earliest, waiting, ready, keys)
        return draft

    def parallel(self, keys: Sequence[float]) -> Draft | Stuck:
        """Moment by moment, starting what fits then, the least key first."""
        compiled = self.compiled
        if self._moved is None:
            return Stuck(0)
        table = Timetable(compiled, self._moved)
        draft = _blank(len(keys))
        draft.moved.update(self._moved)
        earliest = list(compiled.earliest)
        waiting = [len(arcs) for arcs in compiled.graph.predecessors]
        ready = [(keys[task], task) for task, count in enumerate(waiting) if not count]
        groups = Together(compiled, earliest, in_time=self._in_time) if self._together else None
        moment, left = 0, len(keys)
        while left:
            ready.sort()
            following = NEVER
            placed: list[tuple[int, int]] = []
            for _, task in ready:
                opens, closes = (earliest[task], NEVER) if groups is None else groups.room(task, earliest[task])
                if opens > moment:
                    following = min(following, opens)
                    continue
                found = self._place(table, task, moment, None, closes)
                if found is None:
                    return Stuck(task)
                number, spans = found
                if spans[0][0] > moment:
                    following = min(following, spans[0][0])
                    continue
                table.take(compiled.ways[task][number], spans)
                _note(draft, task, number, spans)
                placed.append((task, spans[-1][1]))
                if groups is not None:
                    groups.place(task, spans[0][0], spans[-1][1])
            if placed:
                left -= len(placed)
                gone = {task for task, _ in placed}
                ready = [entry for entry in ready if entry[1] not in gone]
                for task, end in placed:
                    self._follow(task, end, earliest, waiting, ready, keys)
                continue  # what became ready may start at this moment, too
            moment = following
        return draft

    def backward(self, draft: Draft) -> list[int] | None:
        """Starts when every task is moved as late as it can be, the last first, without the plan's end moving."""
        compiled = self.compiled
        graph = compiled.graph
        ends = compiled.ends(draft)
        finish = max(ends)
        table = Timetable(compiled, draft.moved)
        limits = [min(finish, last) for last in compiled.last_end]
        waiting = [len(arcs) for arcs in graph.successors]
        ready = [(-ends[task], task) for task, count in enumerate(waiting) if not count]
        heapify(ready)
        starts = [0] * len(ends)
        while ready:
            _, task = heappop(ready)
            way = compiled.ways[task][draft.ways[task]]
            start = table.last_fit(way, min(limits[task], compiled.last_start[task] + way.ticks))
            if start < compiled.earliest[task]:
                return None
            starts[task] = start
            table.take(way, ((start, start + way.ticks),))
            for before, lag in graph.predecessors[task]:
                limits[before] = min(limits[before], start - lag)
                waiting[before] -= 1
                if not waiting[before]:
                    heappush(ready, (-ends[before], before))
        return starts

    def _place(
        self, table: Timetable, task: int, start: int, fixed: int | None, closes: int = NEVER
    ) -> tuple[int, Spans] | None:
        """The best way and the spans of a task from `start` to `closes`; None where nothing fits in time."""
        compiled = self.compiled
        ways = compiled.ways[task]
        splittable = compiled.problem.tasks[task].splittable
        if len(ways) == 1 and not splittable:  # most tasks: nothing to choose
            begin = table.first_fit(ways[0], start)
            end = begin + ways[0].ticks
            late = self._in_time and (end > compiled.last_end[task] or begin > compiled.last_start[task])
            return None if begin == NEVER or late or end > closes else (0, ((begin, end),))
        best: tuple[float, int, Spans] | None = None
        for number in range(len(ways)) if fixed is None else (fixed,):
            way = ways[number]
            if splittable:
                spans = table.split_fit(task, way, start)
                if spans is None:
                    continue
            else:
                begin = table.first_fit(way, start)
                if begin == NEVER:
                    continue
                spans = ((begin, begin + way.ticks),)
            if self._in_time and (spans[-1][1] > compiled.last_end[task] or spans[0][0] > compiled.last_start[task]):
                continue
            if spans[-1][1] > closes:
                continue
            bad = spans[-1][1] if self._choose is None else self._choose(task, number, spans[-1][1])
            if best is None or bad < best[0]:
                best = (bad, number, spans)
        return None if best is None else (best[1], best[2])

    def _follow(
        self,
        task: int,
        end: int,
        earliest: list[int],
        waiting: list[int],
        ready: list[tuple[float, int]],
        keys: Sequence[float],
    ) -> None:
        for after, lag in self.compiled.graph.successors[task]:
            if end + lag > earliest[after]:
                earliest[after] = end + lag
            waiting[after] -= 1
            if not waiting[after]:
                heappush(ready, (keys[after], after))


def _blank(tasks: int) -> Draft:
    return Draft([0] * tasks, [0] * tasks)


def _note(draft: Draft, task: int, number: int, spans: Spans) -> None:
    draft.starts[task] = spans[0][0]
    draft.ways[task] = number
    if len(spans) > 1:
        draft.parts[task] = spans
