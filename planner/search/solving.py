"""Running one CP-SAT model against an incumbent."""

from __future__ import annotations

import threading
from enum import Enum
from math import inf

from ortools.sat.python import cp_model

from planner.evaluation import TOLERANCE
from planner.incumbent import Incumbent
from planner.pace import Pace
from planner.search.model import Model

_LOOK_EVERY = 0.05
"""Seconds between looks at whether the caller wants an end."""


class _Collector(cp_model.CpSolverSolutionCallback):
    """Every solution goes to the incumbent. It never stops the search: OR-Tools 9.15 aborts the process when that is
    asked for about a solution that presolve has found."""

    def __init__(self, model: Model, incumbent: Incumbent) -> None:
        super().__init__()
        self._model = model
        self._incumbent = incumbent

    def on_solution_callback(self) -> None:
        """Called by the solver with each better solution."""
        self._incumbent.propose(self._model.read(self.value), "search")


class Aim(Enum):
    """What a search is for."""

    PROOF = "proof"
    """Raise the bound; plans come from elsewhere, too."""
    PLANS = "plans"
    """Find better plans."""
    PART = "part"
    """Find better plans by moving some of the tasks."""


def run(
    model: Model, incumbent: Incumbent, pace: Pace, *, amount: float, workers: int, seed: int, aim: Aim = Aim.PROOF
) -> bool:
    """Search for at most `amount` seconds (or units of work, where the pace counts those).

    Solutions and, where the model proves something, its bound go to the incumbent. Whether the model was searched to
    the end.
    """
    if pace.deterministic:
        workers = 1  # several, though interleaved, have been seen to give one optimum or another
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.relative_gap_limit = pace.limits.gap
    if aim is Aim.PROOF:
        solver.parameters.subsolvers.extend(_subsolvers(model, workers))
    elif _needs_strong_relaxation(model):
        solver.parameters.linearization_level = 2
    if pace.deterministic:
        solver.parameters.max_deterministic_time = max(amount, 1e-3)
    elif amount < inf:
        solver.parameters.max_time_in_seconds = max(amount, 1e-3)
    if aim is not Aim.PART:
        model.know(incumbent.bound)
    collector = _Collector(model, incumbent)
    bound = _Bound(model, incumbent)
    if model.proves and not pace.deterministic:
        solver.best_bound_callback = bound.seen
    with _Watch(solver, incumbent, pace):
        status = solver.solve(model.cp, collector)
    pace.worked(solver.deterministic_time)
    ended = status in (cp_model.OPTIMAL, cp_model.INFEASIBLE)
    if not model.proves:
        return ended
    if status == cp_model.INFEASIBLE:
        incumbent.refute()
    elif status in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN):
        bound.seen(solver.best_objective_bound)
        if status == cp_model.OPTIMAL and model.exact and solver.best_objective_bound >= solver.objective_value - 0.5:
            value = solver.objective_value * model.factor
            incumbent.settle(value + model.slack + TOLERANCE * max(abs(value), 1e-3))
    return ended


def _subsolvers(model: Model, workers: int) -> list[str]:
    """What raises bounds: for prices that change a strong linear relaxation, without which they hardly move (measured:
    docs/planner.md).

    Not together, and not with bursts: there `objective_lb_search_max_lp` has called plans optimal that were not.
    """
    found = ["objective_lb_search"]
    if _needs_strong_relaxation(model):
        found.insert(0, "max_lp")
    return found[:workers]


def _needs_strong_relaxation(model: Model) -> bool:
    bursting = any(pool.longest for pool in model.compiled.pools)
    return model.compiled.costs.changing and "cost" in model.judged and not bursting


class _Bound:
    """Bounds of a model as values."""

    def __init__(self, model: Model, incumbent: Incumbent) -> None:
        self._model = model
        self._incumbent = incumbent

    def seen(self, bound: float) -> None:
        """Note a bound of the model's objective."""
        self._incumbent.prove(bound * self._model.factor - self._model.slack)


class _Watch:
    """Ends a search when the caller wants it, or when another search has closed the gap."""

    def __init__(self, solver: cp_model.CpSolver, incumbent: Incumbent, pace: Pace) -> None:
        self._solver = solver
        self._incumbent = incumbent
        self._pace = pace
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        # a search that counts work has to end where its count says, unless the caller asks
        if self._pace.limits.cancelled is not None or not self._pace.deterministic:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_EVERY):
            closed = not self._pace.deterministic and self._incumbent.done(self._pace.limits.gap)
            if closed or self._pace.cancelled():
                self._solver.stop_search()
                return
