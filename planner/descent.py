"""Local improvement of a draft: one task after the other to the place and way where it serves the objective best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf

from planner.compiled import Compiled, Draft
from planner.judge import Judge, Shares
from planner.pace import Pace
from planner.profile import NEVER
from planner.timetable import Timetable

_ROUNDS = 4
_MOST_STARTS = 48
"""Starts tried for a task and way, the most promising first."""
_BETTER = 1e-9
_LOOK_EVERY = 32
"""Tasks between looks at the time."""


def descend(compiled: Compiled, judge: Judge, shares: Shares, draft: Draft, pace: Pace) -> Iterator[Draft]:
    """Better and better drafts, each keeping every rule; ends where no task alone can improve one. Split tasks stay."""
    value = judge(draft)
    for round_number in range(_ROUNDS):
        descent = _Descent(compiled, shares, draft)
        order = sorted(range(len(draft.starts)), key=lambda task: draft.starts[task], reverse=round_number % 2 == 0)
        if not descent.sweep(order, pace):
            return
        found = judge(descent.draft)
        if found >= value - _BETTER * abs(value) or not judge.admits(descent.draft):
            return
        draft, value = descent.draft, found
        yield draft


def tidy(compiled: Compiled, shares: Shares, draft: Draft, pace: Pace) -> Draft:
    """The draft with each task as early as it can be, without its share of the value growing."""
    descent = _Descent(compiled, shares, draft)
    descent.sweep(sorted(range(len(draft.starts)), key=lambda task: draft.starts[task]), pace)
    return descent.draft


class _Scope:
    """The last end among some tasks. Looked for again only when the last task is concerned."""

    def __init__(self, members: Sequence[int], ends: list[int]) -> None:
        self._members = members
        self._last = max(ends[task] for task in members)

    def last_but(self, task: int, ends: list[int]) -> int:
        """The last end of all but one of the members."""
        if ends[task] < self._last:
            return self._last
        return max((ends[other] for other in self._members if other != task), default=0)

    def moved(self, before: int, after: int, ends: list[int]) -> None:
        """One of the members, which ended at `before`, ends at `after` now."""
        if after >= self._last:
            self._last = after
        elif before == self._last:
            self._last = max(ends[task] for task in self._members)


class _Descent:
    """One draft being changed, with what is free beside it."""

    def __init__(self, compiled: Compiled, shares: Shares, draft: Draft) -> None:
        self.draft = Draft(list(draft.starts), list(draft.ways), dict(draft.parts), dict(draft.moved))
        self._compiled = compiled
        self._shares = shares
        self._ends = compiled.ends(draft)
        groups: dict[str | None, list[int]] = {}
        for task, given in enumerate(compiled.problem.tasks):
            groups.setdefault(given.group, []).append(task)
        self._scopes = [_Scope(range(len(self._ends)), self._ends)]
        self._scope_of = [0] * len(self._ends)
        for members in groups.values():
            for task in members:
                self._scope_of[task] = len(self._scopes)
            self._scopes.append(_Scope(members, self._ends))
        self._fellows: dict[int, list[tuple[tuple[int, ...], int]]] = {}
        for each in compiled.group_spans:
            for task in each.members:
                self._fellows.setdefault(task, []).append((each.members, each.ticks))
        self._table = Timetable(compiled, draft.moved)
        for task, number in enumerate(draft.ways):
            self._table.take(compiled.ways[task][number], compiled.spans(draft, task))

    def sweep(self, order: Iterable[int], pace: Pace) -> bool:
        """Move tasks one after the other, as long as there is time; whether any was moved."""
        moved = False
        for number, task in enumerate(order):
            if number % _LOOK_EVERY == 0 and pace.over():
                break
            moved = self.move(task) or moved
        return moved

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
        before, self._ends[task] = self._ends[task], chosen[1] + way.ticks
        for scope in (self._scopes[0], self._scopes[self._scope_of[task]]):
            scope.moved(before, self._ends[task], self._ends)
        self._table.take(way, ((chosen[1], self._ends[task]),))
        return chosen != (number, start)

    def _room(self, task: int) -> tuple[int, int]:
        """The earliest start and the latest end that the task's neighbours and its group leave."""
        compiled = self._compiled
        opens, closes = compiled.earliest[task], compiled.last_end[task]
        for before, lag in compiled.graph.predecessors[task]:
            opens = max(opens, self._ends[before] + lag)
        for after, lag in compiled.graph.successors[task]:
            closes = min(closes, self.draft.starts[after] - lag)
        for fellows, ticks in self._fellows.get(task, ()):
            others = [other for other in fellows if other != task]
            if others:
                opens = max(opens, max(self._ends[other] for other in others) - ticks)
                closes = min(closes, min(self.draft.starts[other] for other in others) + ticks)
        return opens, closes

    def _others(self, task: int) -> tuple[float, float]:
        """The last end of all other tasks, and of those of the same group, in seconds."""
        everyone, fellows = self._scopes[0], self._scopes[self._scope_of[task]]
        tick = self._compiled.tick
        return everyone.last_but(task, self._ends) * tick, fellows.last_but(task, self._ends) * tick

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
