"""Some tasks placed at least cost while all others stay, as a CP-SAT model; the others may be none.

Order encoding: literal (i, t) says that task i begins at t or before. A task runs in slot u if it has begun by u but
not by u - duration, so that each capacity row has two terms a task, precedence is an implication, and the linear
relaxation is the strong one of the minimum cut. Rows beyond the capacities (`capacity_rows`) make it stronger.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from planner.tariff.capacity_rows import Rows
from planner.tariff.instance import Ints, TariffInstance
from planner.tariff.pacing import Pace
from planner.tariff.windows import Windows, allowed_starts


@dataclass(frozen=True, slots=True)
class Answer:
    """What CP-SAT found."""

    settled: bool
    """Proven: `starts` is the cheapest, or where it is None there is nothing (cheaper)."""
    starts: Ints | None
    units: float
    """Deterministic time used."""


class PartModel:
    """A model of the tasks in `part`; the others run as `starts` says. `useful` (N, H + 1): starts to consider."""

    def __init__(
        self,
        instance: TariffInstance,
        windows: Windows,
        rows: Rows,
        starts: Ints | None,
        part: list[int],
        useful: NDArray[np.bool_] | None = None,
    ) -> None:
        self._instance = instance
        self._starts = starts
        self._part = part
        self._model = cp_model.CpModel()
        free = np.zeros(instance.tasks, np.bool_)
        free[part] = True
        self._low, self._high = _reach(instance, windows, starts, free)
        self._begun: dict[int, list[cp_model.IntVar | int]] = {}
        allowed = allowed_starts(instance) if useful is None else useful
        costs = instance.start_costs
        terms: list[cp_model.IntVar] = []
        factors: list[int] = []
        constant = 0
        for task in part:
            low, high = int(self._low[task]), int(self._high[task])
            begun: list[cp_model.IntVar | int] = []
            earlier: cp_model.IntVar | int = 0
            for slot in range(low, high):
                literal = self._model.new_bool_var("") if allowed[task, slot] else earlier
                if (
                    isinstance(literal, cp_model.IntVar)
                    and isinstance(earlier, cp_model.IntVar)
                    and literal is not earlier
                ):
                    self._model.add_implication(earlier, literal)
                begun.append(literal)
                earlier = literal
            begun.append(1)
            self._begun[task] = begun
            steps = costs[task, low : high + 1]
            constant += int(steps[-1])
            for literal, saving in zip(begun[:-1], (steps[:-1] - steps[1:]).tolist(), strict=True):
                if isinstance(literal, cp_model.IntVar) and saving:
                    terms.append(literal)
                    factors.append(saving)
        self._objective = cp_model.LinearExpr.weighted_sum(terms, factors) + constant
        self._model.minimize(self._objective)
        self._precede(free)
        self._limit(rows, free)

    def _at(self, task: int, slot: int) -> cp_model.IntVar | int:
        """Whether the task has begun at `slot` or before."""
        if slot < self._low[task]:
            return 0
        return 1 if slot >= self._high[task] else self._begun[task][slot - int(self._low[task])]

    def _precede(self, free: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        for (first, second), gap in zip(self._instance.edges.tolist(), self._instance.gaps.tolist(), strict=True):
            if not (free[first] and free[second]):
                continue
            for slot in range(int(self._low[second]), int(self._high[second]) + 1):
                later, sooner = self._at(second, slot), self._at(first, slot - gap)
                if (isinstance(later, int) and not later) or (isinstance(sooner, int) and sooner):
                    continue
                if isinstance(later, int):
                    self._model.add(sooner == 1)
                elif isinstance(sooner, int):
                    self._model.add(later == 0)
                else:
                    self._model.add_implication(later, sooner)

    def _limit(self, rows: Rows, free: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        instance = self._instance
        left = rows.limits.copy()
        if self._starts is not None:
            for task in np.flatnonzero(~free).tolist():
                at = int(self._starts[task])
                left[:, at : at + int(instance.durations[task])] -= rows.weights[task, :, None]
        for row in range(len(left)):
            users = [task for task in self._part if rows.weights[task, row]]
            if not users:
                continue
            weights = rows.weights[:, row].tolist()
            begin = min(int(self._low[task]) for task in users)
            end = max(int(self._high[task] + instance.durations[task]) for task in users)
            for slot in range(begin, end):
                terms: list[cp_model.IntVar] = []
                factors: list[int] = []
                used = most = 0
                for task in users:
                    on = self._at(task, slot)
                    off = self._at(task, slot - int(instance.durations[task]))
                    if on is off or (isinstance(on, int) and isinstance(off, int) and on == off):
                        continue
                    most += weights[task]
                    for literal, factor in ((on, weights[task]), (off, -weights[task])):
                        if isinstance(literal, int):
                            used += literal * factor
                        else:
                            terms.append(literal)
                            factors.append(factor)
                if most > left[row, slot]:
                    self._model.add(cp_model.LinearExpr.weighted_sum(terms, factors) <= int(left[row, slot]) - used)

    def solve(self, pace: Pace, seed: int, on_bound: Callable[[int], None] | None = None) -> Answer:
        """Search for something cheaper than `starts`, or for anything where there are none.

        `on_bound` is told bounds below all schedules with these others (whole, rounded up as costs are whole).
        """
        seconds, units = pace.rest()
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = seed % (1 << 31)
        solver.parameters.linearization_level = 2
        # The order encoding leaves little for presolve to find: probing and more rounds of it only take time.
        solver.parameters.max_presolve_iterations = 1
        solver.parameters.cp_model_probing_level = 0
        if seconds is None:
            solver.parameters.max_deterministic_time = units
        else:
            solver.parameters.max_time_in_seconds = max(seconds, 0.01)
        known: int | None = None
        if self._starts is not None:
            part = np.array(self._part)
            known = int(self._instance.start_costs[part, self._starts[part]].sum())
            self._model.add(self._objective <= known - 1)
        if on_bound is not None:
            solver.best_bound_callback = lambda bound: on_bound(self._whole(bound, known))
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(solver, pace, over), daemon=True)
        watch.start()
        try:
            status = solver.solve(self._model)
        finally:
            over.set()
            watch.join()
        used = solver.response_proto.deterministic_time
        if status == cp_model.INFEASIBLE:
            return Answer(True, None, used)
        if on_bound is not None and solver.best_objective_bound > -(1 << 60):
            on_bound(self._whole(solver.best_objective_bound, known))
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer(False, None, used)
        found = np.zeros(self._instance.tasks, np.int64) if self._starts is None else self._starts.copy()
        for task in self._part:
            found[task] = int(self._low[task]) + next(
                slot
                for slot, literal in enumerate(self._begun[task])
                if (literal if isinstance(literal, int) else solver.boolean_value(literal))
            )
        return Answer(status == cp_model.OPTIMAL, found, used)

    @staticmethod
    def _whole(bound: float, known: int | None) -> int:
        """A bound on what is cheaper than `known` is one on everything only up to `known`."""
        whole = math.ceil(bound - 1e-6)
        return whole if known is None else min(whole, known)

    @staticmethod
    def _watch(solver: cp_model.CpSolver, pace: Pace, over: threading.Event) -> None:
        """Stop the solver when the whole search is over."""
        while not over.wait(0.02):
            if pace.ending.reached():
                solver.stop_search()


def _reach(
    instance: TariffInstance,
    windows: Windows,
    starts: Ints | None,
    free: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> tuple[Ints, Ints]:
    """First and last start of each free task; the others have only their own."""
    low, high = windows.earliest.copy(), windows.latest.copy()
    if starts is not None:
        low[~free] = high[~free] = starts[~free]
        before, after = instance.neighbours
        for task in instance.order:
            low[task] = max([int(low[task]), *(int(low[first]) + gap for first, gap in before[task])])
        for task in reversed(instance.order):
            high[task] = min([int(high[task]), *(int(high[second]) - gap for second, gap in after[task])])
    return low, high
