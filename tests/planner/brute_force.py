"""Whether a tiny problem has a plan, by trying every start: arithmetic of its own, whole seconds, one piece a task."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

from planner import CapacityPeriod, Mode, Problem, Reason, Task


class Limits:
    """Which limits of a problem count: all of them, or those that reasons name."""

    def __init__(self, problem: Problem, reasons: tuple[Reason, ...] | None = None) -> None:
        self.problem = problem
        everything = reasons is None
        named = {(reason.kind, reason.tasks[0]) for reason in reasons or () if reason.tasks}
        pools = {(reason.kind, reason.pool) for reason in reasons or ()}
        kinds = {reason.kind for reason in reasons or ()}
        paths = [reason.tasks for reason in reasons or () if reason.kind == "precedence"]
        steps = {pair for path in paths for pair in pairwise(path)}
        self.own = {
            (kind, task.id): everything or (kind, task.id) in named
            for task in problem.tasks
            for kind in ("deadline", "window", "release")
        }
        self.arcs = [arc for arc in problem.precedence if everything or (arc.before, arc.after) in steps]
        self.pools = {
            (kind, pool.id): everything or (kind, pool.id) in pools
            for pool in problem.pools
            for kind in ("capacity", "calendar", "reservation")
        }
        self.horizon = problem.horizon if everything or "horizon" in kinds else None
        groups = {reason.tasks for reason in reasons or () if reason.kind == "max_duration"}
        self.spans = []
        for limit in problem.max_durations:
            members = [n for n, task in enumerate(problem.tasks) if limit.group in (None, task.group)]
            if everything or tuple(problem.tasks[n].id for n in members) in groups:
                self.spans.append((members, limit.seconds))
        self.budget = problem.budgets[0].amount if problem.budgets and (everything or "budget" in kinds) else None

    def possible(self) -> bool:
        """Whether there is a plan."""
        return any(self._starts(modes) for modes in product(*(task.modes for task in self.problem.tasks)))

    def _starts(self, modes: tuple[Mode, ...]) -> bool:
        if self.budget is not None and sum(mode.cost for mode in modes) > self.budget:
            return False
        return self._extend(modes, [])

    def _extend(self, modes: tuple[Mode, ...], starts: list[int]) -> bool:
        place = len(starts)
        if place == len(modes):
            return True
        task, mode = self.problem.tasks[place], modes[place]
        for start in self._own_starts(task, int(mode.duration), modes):
            starts.append(start)
            kept = self._ordered(modes, starts) and self._together(modes, starts) and self._room(modes, starts)
            if kept and self._extend(modes, starts):
                return True
            starts.pop()
        return False

    def _own_starts(self, task: Task, seconds: int, modes: tuple[Mode, ...]) -> Iterator[int]:
        first, last = 0, self._end(modes) - seconds
        if self.own["release", task.id]:
            first = max(first, int(task.release))
        if task.window is not None and self.own["window", task.id]:
            first, last = max(first, int(task.window[0])), min(last, int(task.window[1]))
        if task.deadline is not None and self.own["deadline", task.id]:
            last = min(last, int(task.deadline) - seconds)
        if self.horizon is not None:
            last = min(last, int(self.horizon) - seconds)
        yield from range(first, last + 1)

    def _end(self, modes: tuple[Mode, ...]) -> int:
        """By then everything fits one after the other."""
        moments = [0.0, *(task.release for task in self.problem.tasks)]
        moments += [task.window[0] for task in self.problem.tasks if task.window is not None]
        moments += [
            part.end for pool in self.problem.pools for part in pool.calendar if isinstance(part, CapacityPeriod)
        ]
        moments += [given.end for given in self.problem.reservations]
        lags = sum(max(arc.lag, 0) for arc in self.problem.precedence)
        return int(max(moments) + sum(mode.duration for mode in modes) + lags)

    def _ordered(self, modes: tuple[Mode, ...], starts: list[int]) -> bool:
        known = self.problem.index
        return all(
            starts[known[arc.after]] >= starts[known[arc.before]] + modes[known[arc.before]].duration + arc.lag
            for arc in self.arcs
            if max(known[arc.before], known[arc.after]) < len(starts)
        )

    def _together(self, modes: tuple[Mode, ...], starts: list[int]) -> bool:
        for members, seconds in self.spans:
            placed = [(starts[n], starts[n] + modes[n].duration) for n in members if n < len(starts)]
            if placed and max(end for _, end in placed) - min(start for start, _ in placed) > seconds:
                return False
        return True

    def _room(self, modes: tuple[Mode, ...], starts: list[int]) -> bool:
        start = starts[-1]
        return all(
            self._fits(moment, modes, starts) for moment in range(start, start + int(modes[len(starts) - 1].duration))
        )

    def _fits(self, moment: int, modes: tuple[Mode, ...], starts: list[int]) -> bool:
        for pool in self.problem.pools:
            held = sum(
                demand.amount
                for mode, start in zip(modes, starts, strict=False)
                if start <= moment < start + mode.duration
                for demand in mode.demands
                if demand.pool == pool.id
            )
            periods = [part for part in pool.calendar if isinstance(part, CapacityPeriod)]
            highest = max([pool.capacity, *(part.capacity for part in periods)])
            level = next((part.capacity for part in periods if part.start <= moment < part.end), pool.capacity)
            limit = "capacity" if level == highest else "calendar"
            if not self.pools[limit, pool.id]:
                if not self.pools["capacity", pool.id]:
                    continue
                level = highest
            if self.pools["reservation", pool.id]:
                taken = (g for g in self.problem.reservations if g.pool == pool.id and g.start <= moment < g.end)
                level = max(level - sum(given.amount for given in taken), 0)
            if held > level:
                return False
        return True
