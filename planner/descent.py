"""Local improvement of a draft: one task after the other to the place and way where it serves the objective best."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from planner.compiled import Compiled, Draft
from planner.judge import Judge, Shares
from planner.profile import NEVER
from planner.timetable import Timetable

_ROUNDS = 4
_MOST_STARTS = 48
"""Starts tried for a task and way, the most promising first."""
_BETTER = 1e-9


def descend(compiled: Compiled, judge: Judge, shares: Shares, draft: Draft) -> Iterator[Draft]:
    """Better and better drafts, each keeping every rule; ends where no task alone can improve one. Split tasks stay."""
    value = judge(draft)
    for round_number in range(_ROUNDS):
        descent = _Descent(compiled, shares, draft)
        order = sorted(range(len(draft.starts)), key=lambda task: draft.starts[task], reverse=round_number % 2 == 0)
        moves = [descent.move(task) for task in order]
        if True not in moves:
            return
        found = judge(descent.draft)
        if found >= value - _BETTER * abs(value) or not judge.admits(descent.draft):
            return
        draft, value = descent.draft, found
        yield draft


def tidy(compiled: Compiled, shares: Shares, draft: Draft) -> Draft:
    """The draft with each task as early as it can be, without its share of the value growing."""
    descent = _Descent(compiled, shares, draft)
    for task in sorted(range(len(draft.starts)), key=lambda task: draft.starts[task]):
        descent.move(task)
    return descent.draft


class _Descent:
    """One draft being changed, with what is free beside it."""

    def __init__(self, compiled: Compiled, shares: Shares, draft: Draft) -> None:
        self.draft = Draft(list(draft.starts), list(draft.ways), dict(draft.parts), dict(draft.moved))
        self._compiled = compiled
        self._shares = shares
        self._ends = compiled.ends(draft)
        self._table = Timetable(compiled, draft.moved)
        for task, number in enumerate(draft.ways):
            self._table.take(compiled.ways[task][number], compiled.spans(draft, task))

    def move(self, task: int) -> bool:
        """Put a task where it is best, the others staying; whether that was somewhere else."""
        compiled, draft = self._compiled, self.draft
        if task in draft.parts:
            return False
        number, start = draft.ways[task], draft.starts[task]
        own = compiled.ways[task][number]
        self._table.give(own, ((start, start + own.ticks),))
        opens, closes = self._room(task)
        rest = self._others(task)
        best = (self._shares.of(task, number, start, *rest), start + own.ticks)
        chosen = (number, start)
        for other, way in enumerate(compiled.ways[task]):
            last = min(closes - way.ticks, compiled.last_start[task])
            if last < opens:
                continue
            for begin in self._starts(task, other, opens, last):
                found = (self._shares.of(task, other, begin, *rest), begin + way.ticks)
                if found[0] < best[0] - _BETTER * abs(best[0]) or (found[0] <= best[0] and found[1] < best[1]):
                    best, chosen = found, (other, begin)
        draft.ways[task], draft.starts[task] = chosen
        way = compiled.ways[task][chosen[0]]
        self._ends[task] = chosen[1] + way.ticks
        self._table.take(way, ((chosen[1], self._ends[task]),))
        return chosen != (number, start)

    def _room(self, task: int) -> tuple[int, int]:
        """The earliest start and the latest end that the task's neighbours leave."""
        compiled = self._compiled
        opens, closes = compiled.earliest[task], compiled.last_end[task]
        for before, lag in compiled.graph.predecessors[task]:
            opens = max(opens, self._ends[before] + lag)
        for after, lag in compiled.graph.successors[task]:
            closes = min(closes, self.draft.starts[after] - lag)
        return opens, closes

    def _others(self, task: int) -> tuple[float, float]:
        """The last end of all other tasks, and of those of the same group, in seconds."""
        tasks, tick = self._compiled.problem.tasks, self._compiled.tick
        group = tasks[task].group
        last = of_group = 0
        for other, end in enumerate(self._ends):
            if other != task:
                last = max(last, end)
                if tasks[other].group == group:
                    of_group = max(of_group, end)
        return last * tick, of_group * tick

    def _starts(self, task: int, number: int, opens: int, last: int) -> list[int]:
        """Feasible starts worth trying, each once."""
        compiled = self._compiled
        way = compiled.ways[task][number]
        wished = {opens, last}
        for wish in self._shares.wishes(task):
            wished.add(min(max(round(wish / compiled.tick), opens), last))
        for pool, _ in way.needs:
            spend = compiled.costs.spends[pool]
            if spend is not None and not spend.steps.constant:
                for moment in spend.steps.times:
                    edge = round(moment / compiled.tick)
                    wished.update(start for start in (edge, edge - way.ticks) if opens <= start <= last)
        promising = sorted(wished, key=lambda start: (self._shares.of(task, number, start, inf, inf), start))
        found: dict[int, None] = {}
        for start in promising[:_MOST_STARTS]:
            begin = self._table.first_fit(way, start)
            if begin != NEVER and begin <= last:
                found[begin] = None
            begin = self._table.last_fit(way, start + way.ticks)
            if begin >= opens:
                found[begin] = None
        return list(found)
