"""CP-SAT on the whole instance: bounds, proofs, and shorter schedules on the way."""

from __future__ import annotations

import math
import threading

from ortools.sat.python import cp_model

from planner.makespan.bounds import Bounds
from planner.makespan.incumbent import Incumbent
from planner.makespan.instance import Instance
from planner.makespan.model import Model, build_model

PROVERS = {
    False: ("objective_lb_search_no_lp", "no_lp"),
    True: ("objective_lb_search", "no_lp"),
}
"""Destructive bounds from below, with the linear relaxation or without, beside plain conflict-driven search."""
FEW_TASKS = 40
"""With modes to choose, up to so many tasks are closed soonest without the linear relaxation, more only with it."""


class Proof:
    """Solves models that ask for something shorter than the incumbent, until it is stopped or there is nothing."""

    def __init__(self, instance: Instance, bounds: Bounds, incumbent: Incumbent, seed: int) -> None:
        self._instance = instance
        self._bounds = bounds
        self._incumbent = incumbent
        self._seed = seed
        self._several = any(len(modes) > 1 for modes in instance.durations)
        self.usable = True
        self._lock = threading.Lock()
        self._solver: cp_model.CpSolver | None = None

    def run(
        self, workers: int, *, alone: bool = False, seconds: float | None = None, work: float | None = None
    ) -> float:
        """One search, ended by the limit or by `interrupt`; returns the deterministic time that it took.

        `alone`: nothing else looks for shorter schedules, so this does too.
        """
        incumbent = self._incumbent
        makespan, _, _ = incumbent.snapshot()
        upper = self._instance.horizon() if makespan is None else makespan - 1
        model = build_model(self._instance, self._bounds, incumbent.lower_bound, upper)
        if model is None:
            incumbent.refute()
            return 0.0
        solver = cp_model.CpSolver()
        parameters = solver.parameters
        parameters.random_seed = self._seed % 2**31
        parameters.num_workers = workers
        self._choose_strategies(solver, workers, alone)
        if seconds is not None:
            parameters.max_time_in_seconds = seconds
        if work is not None:
            parameters.max_deterministic_time = work
        with self._lock:
            if incumbent.over:
                return 0.0
            self._solver = solver
        if work is None:
            solver.best_bound_callback = lambda bound: incumbent.raise_bound(math.ceil(bound - 1e-6))
        finder = _Finder(model, incumbent) if work is None else None
        status = solver.solve(model.cp, finder)
        with self._lock:
            self._solver = None
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            incumbent.offer(*model.solution(solver))
        if status == cp_model.MODEL_INVALID:
            # Numbers so large that their products leave 64 bits: the other searches go on without it.
            self.usable = False
        elif status == cp_model.INFEASIBLE:
            incumbent.raise_bound(upper + 1)
            if makespan is None:
                incumbent.refute()
        else:
            incumbent.raise_bound(math.ceil(solver.best_objective_bound - 1e-6))
        return float(solver.response_proto.deterministic_time)

    def _choose_strategies(self, solver: cp_model.CpSolver, workers: int, alone: bool) -> None:
        parameters = solver.parameters
        relaxed = self._several and len(self._instance) > FEW_TASKS
        if workers == 1:
            parameters.linearization_level = 1 if relaxed else 0
            parameters.use_objective_lb_search = not self._several
        else:
            parameters.subsolvers.extend(PROVERS[relaxed])
            if not alone:
                parameters.use_lns = False
                parameters.use_feasibility_jump = False

    def interrupt(self) -> None:
        """End the search that goes on, from any thread."""
        with self._lock:
            if self._solver is not None:
                self._solver.stop_search()


class _Finder(cp_model.CpSolverSolutionCallback):
    def __init__(self, model: Model, incumbent: Incumbent) -> None:
        super().__init__()
        self._model = model
        self._incumbent = incumbent

    def on_solution_callback(self) -> None:
        starts, modes = self._model.solution(self)
        self._incumbent.offer(starts, modes)
