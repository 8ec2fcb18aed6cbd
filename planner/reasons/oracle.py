"""Whether a problem has a plan, and the best by one measure: cheap answers first, CP-SAT where none is at hand."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from planner.bounds import lower_bound
from planner.compiled import Compiled, Draft, compile_problem
from planner.evaluation import TOLERANCE
from planner.judge import Judge
from planner.listing import Lister
from planner.pace import Pace
from planner.reasons.refutation import refute

if TYPE_CHECKING:
    from planner.limits import Limits
    from planner.problem import Problem
    from planner.schedule import Schedule

_FEWEST = 2
"""One question may take its part of what is left if at least so many are still to come."""
_LEAST = 0.02
_SEARCHING = 0.9
_ANSWERING = 0.97
"""Of the time: until then questions may be searched, and until then be answered where that needs no search."""


class Oracle:
    """Answers questions about problems within limits that hold for all of them together."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        searching = limits if limits.seconds is None else replace(limits, seconds=limits.seconds * _SEARCHING)
        self._pace = Pace(searching, time.perf_counter())
        self._expected = _FEWEST

    def expect(self, questions: int) -> None:
        """So many questions are to come, which share what is left."""
        self._expected = max(questions, _FEWEST)

    @property
    def spent(self) -> bool:
        """Whether the limits are used up, so that not even cheap answers are given any more."""
        seconds = None if self._pace.deterministic else self._limits.seconds
        late = seconds is not None and time.perf_counter() - self._pace.began > seconds * _ANSWERING
        return late or self._pace.cancelled()

    def feasible(self, problem: Problem) -> bool | None:
        """Whether there is a plan; None: not known within the limits."""
        if self.spent:
            return None
        compiled = compile_problem(problem, whole=True)
        judge = Judge(compiled, {"duration": 1.0})
        draft = Lister(compiled).serial(compiled.latest)
        if isinstance(draft, Draft) and judge.admits(draft):
            return True
        if refute(compiled) is not None:
            return False
        if self._pace.over():
            return None
        found, proven = self._search(compiled, judge, optimise=False)
        if found is not None:
            return True
        return False if proven else None

    def best(self, problem: Problem, measure: str) -> tuple[Schedule | None, bool]:
        """A plan with as little as possible of a part of the objective, and whether none has less. None: not found."""
        if self.spent:
            return None, False
        compiled = compile_problem(problem, whole=True)
        judge = Judge(compiled, {measure: 1.0})
        first = Lister(compiled).serial(compiled.latest)
        listed = first if isinstance(first, Draft) and judge.admits(first) else None
        if listed is not None and judge(listed) <= lower_bound(compiled, judge.scaled) + TOLERANCE:
            return compiled.schedule(listed), True
        draft, proven = (None, False) if self._pace.over() else self._search(compiled, judge, optimise=True)
        if draft is None:
            draft, proven = listed, False
        return (None if draft is None else compiled.schedule(draft)), proven

    def _search(self, compiled: Compiled, judge: Judge, *, optimise: bool) -> tuple[Draft | None, bool]:
        """A draft, and whether it is the best one; or none, and whether there is none."""
        from ortools.sat.python import cp_model

        from planner.search.model import build

        model = build(compiled, judge)
        if not optimise:
            model.cp.proto.clear_objective()
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = self._limits.workers
        solver.parameters.random_seed = self._limits.seed
        left = max(self._pace.left() / self._expected, _LEAST)
        self._expected = max(self._expected - 1, _FEWEST)
        if self._pace.deterministic:
            solver.parameters.max_deterministic_time = left
            solver.parameters.interleave_search = self._limits.workers > 1
        elif left < float("inf"):
            solver.parameters.max_time_in_seconds = left
        status = solver.solve(model.cp)
        self._pace.worked(solver.deterministic_time)
        if status == cp_model.INFEASIBLE:
            return None, model.proves
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, False
        draft = model.read(solver.value)
        return (draft, status == cp_model.OPTIMAL and model.proves) if judge.admits(draft) else (None, False)
