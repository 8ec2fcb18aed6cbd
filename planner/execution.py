"""A plan laid out to be run with other durations than planned (`planner.dispatching`), and what such runs cost."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.calendars import CapacityBand, without
from planner.costs import Costs
from planner.cpm import opening
from planner.horizon import DAY
from planner.occupancy import Holding, chosen_amount, free_steps, holdings
from planner.price_arrays import Numbers, spent, values_at
from planner.schedule import Schedule

if TYPE_CHECKING:
    from planner.calendars import Steps
    from planner.dispatching import Room, Work
    from planner.prices import Spend
    from planner.problem import Problem

_BEYOND = 14 * DAY
"""How far hours of the clock are laid out after the time that all work could take, so that late work finds room."""
_NEAR = 1e-9


class Execution:
    """The activities of a plan: its tasks, or each part of a task that is split, by planned start."""

    def __init__(self, problem: Problem, schedule: Schedule, durations: Numbers) -> None:
        """`durations` are those of all runs in seconds, (runs, tasks)."""
        self._problem = problem
        self._schedule = schedule
        spans = [
            (start, end, task, part)
            for task in range(len(schedule.starts))
            for part, (start, end) in enumerate(
                schedule.parts.get(task) or ((schedule.starts[task], schedule.ends[task]),)
            )
        ]
        place = {task: number for number, task in enumerate(problem.graph.order)}
        self._spans = sorted(spans, key=lambda span: (span[0], place[span[2]]))
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        for rank, (_, _, task, _) in enumerate(self._spans):
            self._first.setdefault(task, rank)
            self._last[task] = rank
        planned = np.array([sum(end - start for start, end in self._parts(task)) for task in range(len(place))])
        shares = [(end - start) / planned[task] if planned[task] else 1.0 for start, end, task, _ in self._spans]
        chosen = durations[:, [task for _, _, task, _ in self._spans]]
        self._durations = np.ascontiguousarray(chosen * np.array(shares))
        overrun = np.maximum(durations - planned, 0.0).sum(axis=1).max(initial=0.0)
        self._until = max(schedule.ends) + float(overrun)
        if any(isinstance(part, CapacityBand) for pool in problem.pools for part in pool.calendar):
            self._until += _BEYOND
        self._costs = Costs(problem, self._until)

    def run(self) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
        """(runs, tasks) each: starts, ends, and whether the task decided when the run ended."""
        from planner.dispatching import run_all

        starts = np.empty_like(self._durations)
        ends = np.empty_like(self._durations)
        critical = np.zeros(self._durations.shape, dtype=np.bool_)
        run_all(self._work(), self._room(), self._durations, starts, ends, critical)
        self._starts, self._ends = starts, ends
        tasks = range(len(self._problem.tasks))
        of_task = np.zeros((len(starts), len(tasks)), dtype=np.bool_)
        for rank, (_, _, task, _) in enumerate(self._spans):
            of_task[:, task] |= critical[:, rank]
        return starts[:, [self._first[task] for task in tasks]], ends[:, [self._last[task] for task in tasks]], of_task

    def costs(self) -> Numbers:
        """(runs,): money for the whole plan, once it has been run; infinite where it never ended."""
        problem, schedule = self._problem, self._schedule
        fixed = sum(task.modes[mode].cost for task, mode in zip(problem.tasks, schedule.modes, strict=True))
        fixed += sum(problem.reservations[number].penalty for number in schedule.moved)
        total = np.full(len(self._starts), fixed)
        finite = np.isfinite(self._ends).all(axis=1)
        starts, ends = self._starts[finite], self._ends[finite]
        charged = np.zeros(len(starts))
        for number, spend in enumerate(self._costs.spends):
            if spend is not None:
                ranks, amounts = self._holders[number]
                charged += (spent(spend, ends[:, ranks]) - spent(spend, starts[:, ranks])) @ amounts
        for number, factor, spend in self._costs.surcharged:
            charged += (factor - 1) * self._above(number, spend, starts, ends)
        total[finite] += charged
        total[~finite] = np.inf
        return total

    def _above(self, number: int, spend: Spend, starts: Numbers, ends: Numbers) -> Numbers:
        """(runs,): what all that is held of a pool above its capacity costs at its usual price. As `Costs.surcharge`
        has it of one schedule, for all runs at once."""
        ranks, amounts = self._holders[number]
        free = free_steps(self._problem, number, self._until)
        moved = self._moved(number)
        others = np.array([held.amount for held in moved])
        if amounts.sum() + others.sum() <= min(free.values):
            return np.zeros(len(starts))
        same = np.array([*(held.start for held in moved), *(held.end for held in moved), *free.times])
        moments = np.hstack([starts[:, ranks], ends[:, ranks], np.broadcast_to(same, (len(starts), len(same)))])
        changes = np.concatenate([amounts, -amounts, others, -others, np.zeros(len(free.times))])
        order = np.argsort(moments, axis=1)
        moments = np.take_along_axis(moments, order, axis=1)
        above = np.maximum(np.cumsum(changes[order], axis=1) - values_at(free, moments), 0.0)
        return np.asarray((above[:, :-1] * np.diff(spent(spend, moments), axis=1)).sum(axis=1))

    @cached_property
    def _holders(self) -> list[tuple[NDArray[np.int64], Numbers]]:
        """Of each pool, the activities that hold some of it, and how much."""
        found: list[list[tuple[int, float]]] = [[] for _ in self._problem.pools]
        for rank, (_, _, task, _) in enumerate(self._spans):
            for pool, amount in self._needs(task):
                found[pool].append((rank, amount))
        return [
            (np.array([rank for rank, _ in each], dtype=np.int64), np.array([amount for _, amount in each]))
            for each in found
        ]

    def _moved(self, number: int) -> list[Holding]:
        """Movable reservations of a pool, where the plan puts them."""
        return [held for held in holdings(self._problem, self._schedule, number) if held.task is None]

    def _parts(self, task: int) -> tuple[tuple[float, float], ...]:
        return self._schedule.parts.get(task) or ((self._schedule.starts[task], self._schedule.ends[task]),)

    def _needs(self, task: int) -> list[tuple[int, float]]:
        """The pools, by position, that a task holds, and how much."""
        demands = self._problem.tasks[task].modes[self._schedule.modes[task]].demands
        amounts = self._schedule.amounts.get(task)
        held = [(self._problem.pool_index[d.pool], chosen_amount(d, amounts, i)) for i, d in enumerate(demands)]
        return [(pool, amount) for pool, amount in held if amount]

    def _work(self) -> Work:
        from planner.dispatching import Work

        objective = self._problem.objective
        thrifty = bool(self._problem.budgets) or "cost" in (objective.lexicographic or objective.weights)
        floors: list[float] = []
        befores: list[list[tuple[int, float]]] = []
        for rank, (start, end, task, part) in enumerate(self._spans):
            floor = opening(self._problem.tasks[task]) if part == 0 else 0.0
            arcs: list[tuple[int, float]] = []
            if part:
                arcs.append((max(r for r in range(rank) if self._spans[r][2] == task), 0.0))
            for before, lag in self._problem.graph.predecessors[task] if part == 0 else ():
                if self._last[before] < rank:
                    arcs.append((self._last[before], lag))
                else:  # it is to start before its predecessor does: nothing to wait for but the plan
                    floor = max(floor, start)
            if thrifty:
                floor = max(floor, self._no_dearer(task, start, end, floor))
            floors.append(floor)
            befores.append(arcs)
        needs = [self._needs(task) for _, _, task, _ in self._spans]
        return Work(
            np.array(floors),
            np.array([start for start, _, _, _ in self._spans]),
            np.array([end - start for start, end, _, _ in self._spans]),
            _firsts(befores),
            np.array([before for arcs in befores for before, _ in arcs], dtype=np.int64),
            np.array([lag for arcs in befores for _, lag in arcs], dtype=np.float64),
            _firsts(needs),
            np.array([pool for each in needs for pool, _ in each], dtype=np.int64),
            np.array([amount for each in needs for _, amount in each], dtype=np.float64),
        )

    def _room(self) -> Room:
        from planner.dispatching import Room

        steps = [self._free(number) for number in range(len(self._problem.pools))]
        return Room(
            _firsts([each.times for each in steps]),
            np.array([moment for each in steps for moment in each.times], dtype=np.float64),
            np.array([free for each in steps for free in each.values], dtype=np.float64),
        )

    def _free(self, number: int) -> Steps:
        """What tasks may hold of a pool: bursts counted in, movable reservations where the plan puts them."""
        burst = self._problem.pools[number].burst
        free = free_steps(self._problem, number, self._until, burst.share if burst is not None else 0.0)
        moved = self._moved(number)
        return without(free, [(held.start, held.end, held.amount) for held in moved]) if moved else free

    def _no_dearer(self, task: int, start: float, end: float, opens: float) -> float:
        """The earliest moment from which on, until the planned start, starting costs no more than as planned."""
        spends = [
            (amount, spend)
            for pool, amount in self._needs(task)
            if (spend := self._costs.spends[pool]) is not None and not spend.steps.constant
        ]
        if not spends or start <= opens:
            return opens
        length = end - start

        def cost(moment: float) -> float:
            return sum(amount * spend.between(moment, moment + length) for amount, spend in spends)

        edges = {edge for _, spend in spends for time in spend.steps.times for edge in (time, time - length)}
        most = cost(start)
        later, at_later = start, most
        for moment in sorted((edge for edge in (*edges, opens) if opens <= edge < start), reverse=True):
            found = cost(moment)
            if found > most + _NEAR:  # the cost is linear between edges
                return moment + (later - moment) * (found - most) / (found - at_later)
            later, at_later = moment, found
        return opens


def _firsts(lists: list[list[tuple[int, float]]] | list[list[float]]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum([len(each) for each in lists], dtype=np.int64)))
