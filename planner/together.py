"""List scheduling where groups must be done within a time of their own.

A group's tasks are placed one by one like all others. Where one would end too late for those that have started, these
are taken back, with what was placed behind them, and may not start before the moment from which it is in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.profile import NEVER

if TYPE_CHECKING:
    from planner.compiled import Compiled

_ATTEMPTS = 40
"""How often one group is put off before a list schedule gives up."""
_IN_STEP = 8
"""After so many it is put off further than it must be each time, ever more."""


class Together:
    """The groups of one list schedule: where their tasks may be placed, given those that are."""

    def __init__(self, compiled: Compiled, earliest: Sequence[int], *, in_time: bool) -> None:
        """`earliest`: the tasks' own earliest starts. `in_time`: a group that can't be kept together ends the list
        schedule; else it is let go."""
        self._compiled = compiled
        self._earliest = earliest
        self._ends: dict[int, int] = {}
        """Of all tasks that are placed."""
        self._in_time = in_time
        self._of: dict[int, list[int]] = {}
        for number, each in enumerate(compiled.group_spans):
            for task in each.members:
                self._of.setdefault(task, []).append(number)
        self._not_before = [0] * len(compiled.group_spans)
        self._put_off = [0] * len(compiled.group_spans)
        self._let_go = [False] * len(compiled.group_spans)
        self._placed: list[dict[int, tuple[int, int]]] = [{} for _ in compiled.group_spans]
        """By group: start and end of its tasks that are placed."""

    def room(self, task: int, opens: int) -> tuple[int, int]:
        """The earliest start and the latest end that its groups leave a task."""
        closes = NEVER
        for number in self._of.get(task, ()):
            if self._let_go[number]:
                continue
            ticks, placed = self._compiled.group_spans[number].ticks, self._placed[number].values()
            opens = max(opens, self._not_before[number])
            if placed:
                opens = max(opens, max(end for _, end in placed) - ticks)
                closes = min(closes, min(start for start, _ in placed) + ticks)
        return opens, closes

    def settled(self, task: int) -> bool:
        """Whether a task is placed."""
        return task in self._ends

    def place(self, task: int, start: int, end: int) -> None:
        """Note where a task is."""
        self._ends[task] = end
        for number in self._of.get(task, ()):
            self._placed[number][task] = (start, end)

    def put_off(self, task: int, end: int) -> set[int] | None:
        """Take back what is placed too early for a task to end at a moment, and what was placed behind that: these
        tasks; none where the group is let go instead. None where that can't be."""
        back: set[int] = set()
        for number in self._of.get(task, ()):
            each = self._compiled.group_spans[number]
            placed = self._placed[number]
            if self._let_go[number] or all(start >= end - each.ticks for start, _ in placed.values()):
                continue
            self._put_off[number] += 1
            further = max(self._put_off[number] - _IN_STEP, 0) * (each.ticks // _IN_STEP + 1)
            moment = end - each.ticks + further
            early = {other for other, (start, _) in placed.items() if start < moment}
            movable = all(self._compiled.last_start[other] >= moment for other in early)
            if not movable or self._put_off[number] > _ATTEMPTS:
                if self._in_time:
                    return None
                self._let_go[number] = True
                return set()
            self._not_before[number] = moment
            back |= early
        pending = list(back)
        while pending:
            for after, _ in self._compiled.graph.successors[pending.pop()]:
                if after in self._ends and after not in back:
                    back.add(after)
                    pending.append(after)
        for other in back:
            del self._ends[other]
            for number in self._of.get(other, ()):
                del self._placed[number][other]
        return back

    def again(self, tasks: set[int], earliest: list[int], waiting: list[int]) -> list[int]:
        """The tasks among some, and those behind them, that can be placed next. Their earliest starts, and how many
        predecessors they wait for, are written down anew."""
        graph = self._compiled.graph
        behind = {after for task in tasks for after, _ in graph.successors[task]}
        ready = []
        for task in sorted(tasks | behind):
            if task in self._ends:
                continue
            arcs = graph.predecessors[task]
            ends = [self._ends[before] + lag for before, lag in arcs if before in self._ends]
            waiting[task] = len(arcs) - len(ends)
            earliest[task] = max([self._earliest[task], *ends])
            if not waiting[task]:
                ready.append(task)
        return ready
