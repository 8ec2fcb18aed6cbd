"""One search of CP-SAT for a step that is under way: tells how far it is, and ends when the step is to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

from ortools.sat.python import cp_model

from longpole import step

INTERVAL = 0.2
"""Seconds between looks at the step."""
LOG_INTERVAL = 2.0
FIRST_SHARE = 0.8
"""Of the time, how much may go into finding a roster at all."""
LEAST_SECONDS = 0.5

UNSOLVED = {cp_model.INFEASIBLE: "infeasible", cp_model.UNKNOWN: "unknown"}
SOLVED = (cp_model.OPTIMAL, cp_model.FEASIBLE)


@dataclass(frozen=True)
class Effort:
    """How long a search may go on, and with what."""

    seconds: float
    workers: int
    seed: int
    gap: float = 0.0
    """End when (objective - bound) / objective is not above this share."""


@dataclass(frozen=True)
class Found:
    """What a search ended with. `gap`: (objective - bound) / objective, 0 where it is proven that nothing is better."""

    status: str
    seconds: float
    objective: int | None = None
    bound: int | None = None

    @property
    def gap(self) -> float | None:
        """A share from 0 to 1; None without a solution."""
        if self.objective is None or self.bound is None:
            return None
        return (self.objective - self.bound) / self.objective if self.objective else 0.0

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        gap = None if self.gap is None else round(self.gap, 4)
        return {
            "status": self.status,
            "objective": self.objective,
            "bound": self.bound,
            "gap": gap,
            "seconds": round(self.seconds, 2),
        }


def search(
    model: cp_model.CpModel, effort: Effort, *, label: str, share: tuple[float, float] = (0.0, 1.0)
) -> tuple[cp_model.CpSolver, Found]:
    """Solve the model, whose objective is at least 0. Progress goes from one end of `share` to the other with the time.

    First one thread follows the linear relaxation to a roster: a good one, in a fraction of the time that it takes to
    make a poor one as good. Then all threads improve it. Raises `StepCancelled` when the step is cancelled."""
    begun = time.monotonic()
    found: cp_model.CpSolver | None = None
    bound = 0
    for phase in ("find", "improve"):
        left = effort.seconds - (time.monotonic() - begun)
        solver = _solver(effort, max(left, LEAST_SECONDS), follow_relaxation=phase == "find")
        if found is not None:
            _start_from(model, found)
        with _watched(solver, label, begun, effort, share) as news:
            status = solver.solve(model, news)
        step.raise_if_cancelled()
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"CP-SAT refuses the model: {model.validate()}")
        if status in SOLVED:
            found = solver
            # Costs are whole numbers, so a bound between two of them is as good as the upper one.
            bound = max(bound, ceil(solver.best_objective_bound - 1e-6))
            if round(found.objective_value) - bound <= effort.gap * found.objective_value:
                break
        if status == cp_model.INFEASIBLE:
            break
    seconds = time.monotonic() - begun
    step.usage(solver_seconds=seconds)
    if found is None:
        return solver, Found(UNSOLVED[status], seconds)
    objective = round(found.objective_value)
    proven = objective <= bound
    return found, Found("optimal" if proven else "feasible", seconds, objective, min(bound, objective))


def _solver(effort: Effort, seconds: float, *, follow_relaxation: bool) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.random_seed = effort.seed
    if follow_relaxation:
        solver.parameters.max_time_in_seconds = seconds * FIRST_SHARE
        solver.parameters.num_workers = 1
        solver.parameters.cut_level = 0
        solver.parameters.stop_after_first_solution = True
    else:
        solver.parameters.max_time_in_seconds = seconds
        solver.parameters.num_workers = effort.workers
        solver.parameters.relative_gap_limit = effort.gap
    return solver


def _start_from(model: cp_model.CpModel, solved: cp_model.CpSolver) -> None:
    model.clear_hints()  # type: ignore[no-untyped-call]
    for index in range(len(model.proto.variables)):
        variable = model.get_int_var_from_proto_index(index)
        model.add_hint(variable, solved.value(variable))


@contextmanager
def _watched(
    solver: cp_model.CpSolver, label: str, begun: float, effort: Effort, share: tuple[float, float]
) -> Iterator[_News]:
    """While the solver runs, a thread tells the step about it, and it about the step."""
    news = _News(label)
    solver.best_bound_callback = news.bounded
    over = threading.Event()

    def watch() -> None:
        told = 0.0
        while not over.wait(INTERVAL):
            if step.cancelled:
                # Asked again and again: a search that has not begun yet can't hear it.
                solver.stop_search()
            passed = time.monotonic() - begun
            step.progress(share[0] + (share[1] - share[0]) * min(passed / effort.seconds, 1.0), news.text())
            if passed - told >= LOG_INTERVAL and news.fresh():
                told = passed
                step.log.info(news.text())

    watcher = threading.Thread(target=step.bound(watch), name="residency-search", daemon=True)
    watcher.start()
    try:
        yield news
    finally:
        over.set()
        watcher.join()


class _News(cp_model.CpSolverSolutionCallback):
    """What is known so far. Called from the solver's threads."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label
        self._best: float | None = None
        self._bound = 0.0
        self._told: float | None = None

    def on_solution_callback(self) -> None:
        """A better roster."""
        self._best = self.objective_value
        self._bound = self.best_objective_bound

    def bounded(self, bound: float) -> None:
        """A better bound."""
        self._bound = bound

    def text(self) -> str:
        """For people."""
        if self._best is None:
            return f"{self._label}: no roster yet"
        return f"{self._label}: cost {self._best:g}, at least {max(self._bound, 0):g}"

    def fresh(self) -> bool:
        """Whether there is a better roster than when this was last asked."""
        news, self._told = self._best != self._told, self._best
        return news
