"""Why each task starts when it does, what decides the end of a plan, and how far everything else could slip.

A task is *held* at its start by whatever ends exactly then and without which it could have begun earlier: a predecessor
(and its lag), units of a pool that others hold until then, a reservation, a calendar, its own window; or it waits for a
better price or another wish of the objective, or for nothing.

*Slack* keeps the order of work on pools: each unit that a task holds was handed over by whoever held it before
(`planner.flow`), and these hand-overs count like precedences, fixed reservations and times of low capacity like work
that can't move. Where a pool can't be overloaded even if every task slips by all that precedence allows, nothing is
handed over: slack is then that of the critical-path method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from planner.cpm import opening
from planner.group_spans import members
from planner.occupancy import NEAR, Occupancy, chosen_amount

if TYPE_CHECKING:
    from planner.flow import Handover
    from planner.problem import Problem
    from planner.schedule import Schedule


class HeldBy(StrEnum):
    """What a task waits for at its start."""

    PREDECESSOR = "predecessor"
    POOL = "pool"
    RESERVATION = "reservation"
    CALENDAR = "calendar"
    WINDOW = "window"
    """Its release or the opening of its window."""
    CHOICE = "choice"
    """It could start earlier; another time is worth more (a price, a preference), or no reason is left."""
    ORIGIN = "origin"
    """It starts at moment 0."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a task can't start earlier."""

    by: HeldBy
    tasks: tuple[str, ...] = ()
    """The predecessors that end last, or the tasks that release the pool's units."""
    pool: str | None = None
    lag: float = 0.0


@dataclass(frozen=True, slots=True)
class Slack:
    """How far a task may slip, in seconds."""

    total: float
    """Without the plan ending later or a deadline being missed."""
    free: float
    """Without any other task moving."""
    latest_start: float


class Analysis:
    """What is to be known about a schedule that keeps every rule; each part is worked out when first asked for."""

    def __init__(self, problem: Problem, schedule: Schedule) -> None:
        self._problem = problem
        self._schedule = schedule
        self._ids = [task.id for task in problem.tasks]
        self._occupancies: dict[int, Occupancy] = {}
        self.makespan = max(schedule.ends)

    @cached_property
    def handovers(self) -> list[Handover]:
        """Who gave units of a pool to whom; only of pools that could be overloaded if tasks slipped."""
        if not any(mode.demands for task in self._problem.tasks for mode in task.modes):
            return []
        from planner.flow import handovers

        return handovers(self._problem, self._schedule, self._by_precedence)

    @cached_property
    def _limits(self) -> list[float]:
        """How far each task may slip by its own limits and the plan's end."""
        schedule = self._schedule
        limits = [self.makespan - end for end in schedule.ends]
        for task, given in enumerate(self._problem.tasks):
            if given.deadline is not None:
                limits[task] = min(limits[task], given.deadline - schedule.ends[task])
            if given.window is not None:
                limits[task] = min(limits[task], given.window[1] - schedule.starts[task])
        for limit in self._problem.max_durations:
            tasks = members(self._problem, limit)
            closes = min(schedule.starts[task] for task in tasks) + limit.seconds
            for task in tasks:
                limits[task] = min(limits[task], closes - schedule.ends[task])
        return limits

    @cached_property
    def _by_precedence(self) -> list[float]:
        """Total slack if pools didn't matter: the critical-path method."""
        starts, ends, slack = self._schedule.starts, self._schedule.ends, list(self._limits)
        successors = self._problem.graph.successors
        for task in reversed(self._problem.graph.order):
            end = ends[task]
            for after, lag in successors[task]:
                if (slip := slack[after] + starts[after] - lag - end) < slack[task]:
                    slack[task] = slip
        return slack

    @cached_property
    def _total(self) -> list[float]:
        """Total slack. Each hand-over and precedence lets the earlier task slip by what lies between the two and what
        the later may slip: shortest distances, as a split task may both give to another and take from it."""
        if not self.handovers:
            return self._by_precedence
        starts, ends, slack = self._schedule.starts, self._schedule.ends, list(self._limits)
        before: list[list[tuple[int, float]]] = [
            [(other, max(starts[task] - lag - ends[other], 0.0)) for other, lag in arcs]
            for task, arcs in enumerate(self._problem.graph.predecessors)
        ]
        for handover in self.handovers:
            between = max(handover.taken - handover.given, 0.0)
            if handover.taker is None:
                slack[handover.giver] = min(slack[handover.giver], between)
            else:
                before[handover.taker].append((handover.giver, between))
        pending = [(slip, task) for task, slip in enumerate(slack)]
        heapify(pending)
        while pending:
            slip, task = heappop(pending)
            if slip > slack[task]:
                continue
            for other, between in before[task]:
                if slip + between < slack[other]:
                    slack[other] = slip + between
                    heappush(pending, (slack[other], other))
        return slack

    @cached_property
    def slack(self) -> Mapping[str, Slack]:
        """Task id -> how far it may slip."""
        starts, ends, free = self._schedule.starts, self._schedule.ends, list(self._limits)
        for task, arcs in enumerate(self._problem.graph.successors):
            for after, lag in arcs:
                free[task] = min(free[task], starts[after] - lag - ends[task])
        for handover in self.handovers:
            free[handover.giver] = min(free[handover.giver], handover.taken - handover.given)
        return {
            name: Slack(_clean(total), _clean(min(loose, total)), start + _clean(total))
            for name, total, start, loose in zip(self._ids, self._total, starts, free, strict=True)
        }

    @cached_property
    def critical(self) -> tuple[str, ...]:
        """Tasks without slack, by start: a delay of any of them delays the plan, or makes it break a rule."""
        found = [task for task, slip in enumerate(self._total) if slip <= NEAR]
        return tuple(self._ids[task] for task in sorted(found, key=lambda task: (self._schedule.starts[task], task)))

    @cached_property
    def holds(self) -> Mapping[str, Hold]:
        """Task id -> why it can't start earlier."""
        return {name: self.hold(task) for task, name in enumerate(self._ids)}

    @cached_property
    def critical_path(self) -> tuple[tuple[str, Hold], ...]:
        """From the plan's beginning to its end, the tasks that hold each other, and why none of them started earlier.

        It begins with a task that no other holds. Where several hold one, the first named goes on.
        """
        ends = self._schedule.ends
        task: int | None = max(range(len(ends)), key=lambda task: (ends[task], -task))
        path: dict[int, Hold] = {}
        while task is not None and task not in path:
            path[task] = hold = self.hold(task)
            task = self._problem.index[hold.tasks[0]] if hold.tasks else None
        return tuple((self._ids[task], hold) for task, hold in reversed(path.items()))

    def hold(self, task: int) -> Hold:
        """Why the task at a position can't start earlier."""
        problem, ends = self._problem, self._schedule.ends
        start = self._schedule.starts[task]
        if start <= NEAR:
            return Hold(HeldBy.ORIGIN)
        arcs = problem.graph.predecessors[task]
        holding = [(before, lag) for before, lag in arcs if abs(ends[before] + lag - start) <= NEAR]
        if holding:
            return Hold(HeldBy.PREDECESSOR, tuple(self._ids[before] for before, _ in holding), lag=holding[0][1])
        if abs(start - opening(problem.tasks[task])) <= NEAR:
            return Hold(HeldBy.WINDOW)
        return self._pool_hold(task) or Hold(HeldBy.CHOICE)

    def _pool_hold(self, task: int) -> Hold | None:
        """The pool without room just before the task starts, and who makes room."""
        problem, schedule = self._problem, self._schedule
        start = schedule.starts[task]
        for place, demand in enumerate(problem.tasks[task].modes[schedule.modes[task]].demands):
            occupancy = self._occupancy(problem.pool_index[demand.pool])
            held, free = occupancy.before(start)
            if held + chosen_amount(demand, schedule.amounts.get(task), place) <= free + NEAR:
                continue
            ending = [each.task for each in occupancy.ending(start) if each.task not in (None, task)]
            names = tuple(self._ids[other] for other in dict.fromkeys(ending) if other is not None)
            if names:
                return Hold(HeldBy.POOL, names, demand.pool)
            reserved = occupancy.reservation_ends(start) or bool(occupancy.ending(start))
            if reserved or occupancy.free.at(start) > free:
                return Hold(HeldBy.RESERVATION if reserved else HeldBy.CALENDAR, (), demand.pool)
        return None

    def _occupancy(self, number: int) -> Occupancy:
        if number not in self._occupancies:
            self._occupancies[number] = Occupancy(self._problem, self._schedule, number)
        return self._occupancies[number]


def _clean(seconds: float) -> float:
    return 0.0 if abs(seconds) <= NEAR else seconds


def analyse(problem: Problem, schedule: Schedule) -> Analysis:
    """Critical path and slack of a schedule that keeps every rule."""
    return Analysis(problem, schedule)
