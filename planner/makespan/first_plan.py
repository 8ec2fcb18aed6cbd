"""The first schedule, in plain Python: there within milliseconds, before anything large is imported."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from planner.makespan.bounds import Bounds
from planner.makespan.instance import Instance

Before = list[list[tuple[int, int]]]


def first_plan(instance: Instance, bounds: Bounds) -> tuple[list[int], list[int]] | None:
    """Starts and modes; None where budgets or deadlines need more thought."""
    modes = _affordable_modes(instance)
    if modes is None:
        return None
    starts = _Listing(instance, bounds, modes).improve(bounds.lower_bound, rounds=3)
    for task, start in enumerate(starts):
        deadline = instance.deadline(task)
        if deadline is not None and start + instance.durations[task][modes[task]] > deadline:
            return None
    return starts, modes


def _affordable_modes(instance: Instance) -> list[int] | None:
    """The shortest modes; where they overdraw budgets, those changed that save most for a unit of time."""
    modes = [min(range(len(durations)), key=lambda mode: durations[mode]) for durations in instance.durations]
    over = [
        sum(row[mode][budget] for row, mode in zip(instance.consumptions, modes, strict=True)) - most
        for budget, most in enumerate(instance.budgets)
    ]
    while any(excess > 0 for excess in over):
        best: tuple[float, int, int] | None = None
        for task, mode in enumerate(modes):
            for other, duration in enumerate(instance.durations[task]):
                saved = _saved(over, instance.consumptions[task][mode], instance.consumptions[task][other])
                ratio = saved / (1 + max(0, duration - instance.durations[task][mode]))
                if saved > 0 and (best is None or ratio > best[0]):
                    best = ratio, task, other
        if best is None:
            return None
        _, task, other = best
        for budget in range(len(over)):
            rows = instance.consumptions[task]
            over[budget] += rows[other][budget] - rows[modes[task]][budget]
        modes[task] = other
    return modes


def _saved(over: list[int], now: Sequence[int], then: Sequence[int]) -> int:
    return sum(
        max(0, excess) - max(0, excess + after - before) for excess, before, after in zip(over, now, then, strict=True)
    )


class _Listing:
    """Serial schedule generation by longest tail, then forward-backward improvement (see `decoding.py`)."""

    def __init__(self, instance: Instance, bounds: Bounds, modes: Sequence[int]) -> None:
        self._tails = bounds.tails
        self._order = list(bounds.order)
        self._rank = {task: rank for rank, task in enumerate(bounds.order)}
        self._length = [durations[mode] for durations, mode in zip(instance.durations, modes, strict=True)]
        self._release = [instance.release(task) for task in range(len(instance))]
        self._before: Before = [[] for _ in range(len(instance))]
        self._after: Before = [[] for _ in range(len(instance))]
        for task, following in enumerate(instance.successors):
            for place, later in enumerate(following):
                lag = instance.lag(task, place)
                self._before[later].append((task, lag))
                self._after[task].append((later, lag))
        # Every resource has its lane in one whole number, under a guard bit: a borrow clears the guard.
        self._full = self._guard = 0
        self._demand = [0] * len(instance)
        place = 0
        for resource, capacity in enumerate(instance.capacities):
            guard = 1 << (place + capacity.bit_length())
            self._full |= capacity << place | guard
            self._guard |= guard
            for task, mode in enumerate(modes):
                self._demand[task] |= instance.demands[task][mode][resource] << place
            place += capacity.bit_length() + 1

    def improve(self, target: int, rounds: int) -> list[int]:
        """Starts by task: stops at a makespan that is not above the target."""
        best, makespan = self._early(sorted(self._order, key=lambda task: (-self._tails[task], self._rank[task])))
        for _ in range(rounds):
            if makespan <= target:
                break
            late, _ = self._pass(self._by_end(best, -1), self._after, [0] * len(best))
            starts, shorter = self._early(self._by_end(late, 1))
            if shorter >= makespan:
                break
            best, makespan = starts, shorter
        return best

    def _early(self, order: list[int]) -> tuple[list[int], int]:
        return self._pass(order, self._before, self._release)

    def _by_end(self, starts: list[int], sign: int) -> list[int]:
        """By falling end; tasks of no length that are there together by the rank of precedence times the sign."""
        return sorted(
            self._order, key=lambda task: (-starts[task] - self._length[task], -starts[task], sign * self._rank[task])
        )

    def _pass(self, order: list[int], before: Before, release: list[int]) -> tuple[list[int], int]:
        starts = [0] * len(order)
        moments, free = [0], [self._full]
        guard = self._guard
        makespan = 0
        for task in order:
            length, demand = self._length[task], self._demand[task]
            begin = release[task]
            for earlier, lag in before[task]:
                begin = max(begin, starts[earlier] + self._length[earlier] + lag)
            if length and demand:
                low = at = bisect_right(moments, begin) - 1
                while at < len(moments) and moments[at] < begin + length:
                    at += 1
                    if (free[at - 1] - demand) & guard != guard:
                        low, begin = at, moments[at]
                if at == len(moments) or moments[at] != begin + length:
                    moments.insert(at, begin + length)
                    free.insert(at, free[at - 1])
                if moments[low] != begin:
                    low += 1
                    at += 1
                    moments.insert(low, begin)
                    free.insert(low, free[low - 1])
                for held in range(low, at):
                    free[held] -= demand
            starts[task] = begin
            makespan = max(makespan, begin + length)
        return starts, makespan
