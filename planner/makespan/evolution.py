"""A genetic algorithm over orders and modes of tasks, in machine code.

Steady state: two parents by tournament, a crossover, some shifted tasks and changed modes, forward-backward
improvement, and the child takes the place of a worse one unless it is there already. Among schedules of one length that
one is better whose tasks start earlier in all: plateaus of the makespan get a slope.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from planner.machine_code import compiled
from planner.makespan.crossing import cross_two_points, cross_window, draw, sample, shift
from planner.makespan.decoding import Array, Direction, justify, serial_in_best_modes
from planner.makespan.packing import Packed

MOST_SHIFTS = 12
MOST_MODE_CHANGES = 3


class Evolution:
    """A population, and the best schedule in it. One thread at a time."""

    def __init__(self, packed: Packed, size: int, seed: int) -> None:
        tasks = packed.tasks
        self._packed = packed
        self._orders = np.zeros((size, tasks), np.int64)
        self._rows = np.zeros((size, tasks), np.int64)
        self._starts = np.zeros((size, tasks), np.int64)
        self._fitness = np.full((size, 2), -1, np.int64)
        self._state = np.array([0x9E3779B97F4A7C15 ^ (seed * 0x2545F4914F6CDD1D % 2**63)], np.uint64)
        self.makespan: int | None = None
        self.starts: list[int] = []
        self.modes: list[int] = []

    def run(self, schedules: int, target: int) -> int:
        """Make about so many schedules, fewer once one is not longer than the target; returns how many were made."""
        packed = self._packed
        made = _evolve(
            self._state,
            packed.forward,
            packed.backward,
            packed.urgency,
            packed.first_row,
            packed.consumption,
            packed.budgets,
            packed.latest_end,
            packed.worst,
            self._orders,
            self._rows,
            self._starts,
            self._fitness,
            schedules,
            target,
        )
        found = np.where(self._fitness[:, 0] < 0, np.iinfo(np.int64).max, self._fitness[:, 0])
        best = int(np.lexsort((self._fitness[:, 1], found))[0])
        length = int(found[best])
        if length < packed.worst and (self.makespan is None or length < self.makespan):
            self.makespan = length
            self.starts = [int(start) for start in self._starts[best]]
            self.modes = [int(mode) for mode in self._rows[best] - packed.first_row[:-1]]
        return int(made)

    def insert(self, starts: list[int], modes: list[int], makespan: int) -> None:
        """Put a schedule found elsewhere in the place of the worst one, if it is better than the best."""
        if self._fitness[-1, 0] < 0 or (self.makespan is not None and makespan >= self.makespan):
            return
        worst = int(np.lexsort((self._fitness[:, 1], self._fitness[:, 0]))[-1])
        self._starts[worst] = starts
        self._orders[worst] = np.argsort(self._starts[worst] * 2 + (self._packed.lengths(modes) > 0), kind="stable")
        self._rows[worst] = self._packed.first_row[:-1] + np.array(modes, np.int64)
        self._fitness[worst] = (makespan, sum(starts))
        self.makespan, self.starts, self.modes = makespan, list(starts), list(modes)


@compiled
def _evolve(
    state: Array,
    forward: Direction,
    backward: Direction,
    urgency: Array,
    first_row: Array,
    consumption: Array,
    budgets: Array,
    latest_end: Array,
    worst: int,
    orders: Array,
    rows: Array,
    starts: Array,
    fitness: Array,
    schedules: int,
    target: int,
) -> int:
    size, tasks = orders.shape
    start = np.zeros(tasks, np.int64)
    moment = np.zeros(2 * tasks + 4, np.int64)
    free = np.zeros((2 * tasks + 4, forward.full.shape[0]), np.int64)
    zone = np.zeros(tasks, np.int64)
    child = np.zeros(tasks, np.int64)
    row = np.zeros(tasks, np.int64)
    several = first_row[tasks] > tasks
    left = np.zeros(budgets.shape[0], np.int64)
    made = 0
    filled = size
    for place in range(size - 1, -1, -1):
        if fitness[place, 0] < 0:
            filled = place
        elif fitness[place, 0] <= target:
            return made
    while made < schedules or filled < size:
        if filled < size:
            sample(state, forward, backward, urgency, 1 + draw(state, 4), child)
            for task in range(tasks):
                row[task] = first_row[task] + draw(state, first_row[task + 1] - first_row[task])
        else:
            one = _tournament(state, fitness, 2, 1)
            other = _tournament(state, fitness, 2, 1)
            if one == other:
                other = (one + 1 + draw(state, size - 1)) % size
            width = tasks // 20 + draw(state, tasks // 2 + 1)
            low = draw(state, tasks - width + 1)
            if draw(state, 2) == 0:
                cross_window(orders[one], orders[other], low, low + width, child, zone)
            else:
                cross_two_points(orders[one], orders[other], low, low + width, child, zone)
            shift(state, forward, backward, child, draw(state, MOST_SHIFTS + 1))
            for task in range(tasks):
                row[task] = rows[one, task] if zone[task] == 1 else rows[other, task]
            if several:
                for _ in range(draw(state, MOST_MODE_CHANGES + 1)):
                    task = draw(state, tasks)
                    row[task] = first_row[task] + draw(state, first_row[task + 1] - first_row[task])
        if several:
            _repair(state, first_row, consumption, budgets, row)
            if draw(state, 2) == 0:
                for budget in range(budgets.shape[0]):
                    left[budget] = budgets[budget]
                    for task in range(tasks):
                        left[budget] -= consumption[row[task], budget]
                serial_in_best_modes(child, row, forward, first_row, consumption, left, start, moment, free)
        length, count = justify(child, row, forward, backward, start, moment, free)
        made += count
        length = _fitness(length, start, row, forward, consumption, budgets, latest_end, worst)
        total = 0
        for task in range(tasks):
            total += start[task]
        place = filled
        if filled == size:
            place = _tournament(state, fitness, 4, -1)
            worse = length > fitness[place, 0] or (length == fitness[place, 0] and total > fitness[place, 1])
            if worse or _known(length, total, start, row, fitness, starts, rows):
                continue
        else:
            filled += 1
        for task in range(tasks):
            orders[place, task] = child[task]
            rows[place, task] = row[task]
            starts[place, task] = start[task]
        fitness[place, 0] = length
        fitness[place, 1] = total
        if length <= target:
            break
    return made


@compiled
def _known(length: int, total: int, start: Array, row: Array, fitness: Array, starts: Array, rows: Array) -> bool:
    """Whether the population has this schedule."""
    for rival in range(fitness.shape[0]):
        if fitness[rival, 0] == length and fitness[rival, 1] == total:
            task = 0
            while task < row.shape[0] and starts[rival, task] == start[task] and rows[rival, task] == row[task]:
                task += 1
            if task == row.shape[0]:
                return True
    return False


@compiled
def _tournament(state: Array, fitness: Array, rivals: int, sign: int) -> Any:
    """The best of a few drawn ones, or with sign -1 the worst."""
    size = fitness.shape[0]
    pick = draw(state, size)
    for _ in range(rivals - 1):
        rival = draw(state, size)
        difference = fitness[rival, 0] - fitness[pick, 0]
        if difference == 0:
            difference = fitness[rival, 1] - fitness[pick, 1]
        if difference * sign < 0:
            pick = rival
    return pick


@compiled
def _fitness(
    length: int,
    start: Array,
    row: Array,
    forward: Direction,
    consumption: Array,
    budgets: Array,
    latest_end: Array,
    worst: int,
) -> int:
    """The makespan; more than `worst` by how much budgets and deadlines are missed by."""
    missed = _excess(consumption, budgets, row)
    if latest_end.shape[0] > 0:
        for task in range(row.shape[0]):
            missed += max(0, start[task] + forward.duration[row[task]] - latest_end[task])
    return worst + missed if missed > 0 else length


@compiled
def _excess(consumption: Array, budgets: Array, row: Array) -> int:
    excess = 0
    for budget in range(budgets.shape[0]):
        used = 0
        for task in range(row.shape[0]):
            used += consumption[row[task], budget]
        excess += max(0, used - budgets[budget])
    return excess


@compiled
def _repair(state: Array, first_row: Array, consumption: Array, budgets: Array, row: Array) -> None:
    """Change modes at random as long as that brings the budgets nearer."""
    excess = _excess(consumption, budgets, row)
    tasks = row.shape[0]
    for _ in range(4 * tasks):
        if excess == 0:
            return
        task = draw(state, tasks)
        before = row[task]
        row[task] = first_row[task] + draw(state, first_row[task + 1] - first_row[task])
        after = _excess(consumption, budgets, row)
        if after < excess:
            excess = after
        else:
            row[task] = before
