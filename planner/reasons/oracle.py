"""Whether a problem has a plan, and the best by one measure: cheap answers first, CP-SAT where none is at hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING

from planner.bounds import lower_bound
from planner.compiled import Compiled, Draft, compile_problem
from planner.evaluation import TOLERANCE
from planner.grid import Grid
from planner.judge import Judge
from planner.listing import Lister
from planner.pace import Pace
from planner.reasons.refutation import earliest_end, refute

if TYPE_CHECKING:
    from planner.limits import Limits
    from planner.problem import Problem
    from planner.schedule import Schedule

_QUESTIONS = 10
"""One question may take its part of what is left if so many are still to come, where nobody says how many."""
_LEAST = 0.02
_SEARCHING = 0.9
_ANSWERING = 0.97
"""Of the time: until then questions may be searched, and until then be answered where that needs no search."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best plan that was found by one part of the objective, if any."""

    schedule: Schedule | None
    proven: bool
    """No plan has less."""
    bound: float
    """No plan has less than that."""


class Oracle:
    """Answers questions about problems within limits that hold for all of them together."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pace = Pace(limits, time.perf_counter())
        self._whole = self._pace.left()
        self._until = _SEARCHING
        self._questions = _QUESTIONS
        self._counted = False

    def stage(self, until: float, questions: int | None = None) -> None:
        """Questions are searched until a share of the limits is used, of which so many are to come."""
        self._until = until * _SEARCHING
        self._questions, self._counted = questions or _QUESTIONS, questions is not None

    def _left(self) -> float:
        """Seconds, or units of work, for searches of this stage."""
        return inf if self._whole == inf else self._pace.left() - (1 - self._until) * self._whole

    @property
    def spent(self) -> bool:
        """Whether the limits are used up, so that not even cheap answers are given any more."""
        late = not self._pace.deterministic and self._pace.left() < (1 - _ANSWERING) * self._whole < inf
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
        if self._left() <= 0:
            return None
        found, proven, _ = self._search(compiled, judge, optimise=False)
        if found is not None:
            return True
        return False if proven else None

    def best(self, problem: Problem, measure: str) -> Best:
        """A plan with as little as possible of a part of the objective; of `lateness`: of one task that can't be in
        time."""
        if self.spent:
            return Best(None, False, -inf)
        compiled = compile_problem(problem, whole=True)
        judge = Judge(compiled, {measure: 1.0})
        bound = lower_bound(compiled, judge.scaled)
        if measure == "lateness":
            bound = max(bound, _least_lateness(compiled))
        listed = min((draft for draft in _listed(compiled) if judge.admits(draft)), key=judge, default=None)
        if (listed is None or judge(listed) > bound + TOLERANCE) and self._left() > 0:
            draft, _, found = self._search(compiled, judge, optimise=True, bound=bound, hint=listed)
            bound = max(bound, found)
            if draft is not None and (listed is None or judge(draft) < judge(listed)):
                listed = draft
        if listed is None:
            return Best(None, False, bound)
        return Best(compiled.schedule(listed), judge(listed) <= bound + TOLERANCE * max(abs(bound), 1.0), bound)

    def _search(
        self,
        compiled: Compiled,
        judge: Judge,
        *,
        optimise: bool,
        bound: float = -inf,
        hint: Draft | None = None,
    ) -> tuple[Draft | None, bool, float]:
        """A draft, or none; whether it is the best one, or there is none; what no plan has less of."""
        from ortools.sat.python import cp_model

        from planner.search.model import build

        model = build(compiled, judge)
        if optimise:
            model.know(bound)
        else:
            model.cp.proto.clear_objective()
        if hint is not None:
            model.hint(hint)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = self._limits.workers
        solver.parameters.random_seed = self._limits.seed
        left = max(self._left() / self._questions, _LEAST)
        if self._counted:
            self._questions = max(self._questions - 1, 1)
        if self._pace.deterministic:
            solver.parameters.max_deterministic_time = left
            solver.parameters.interleave_search = self._limits.workers > 1
        elif left < inf:
            solver.parameters.max_time_in_seconds = left
        status = solver.solve(model.cp)
        self._pace.worked(solver.deterministic_time)
        if status == cp_model.INFEASIBLE:
            return None, model.proves, -inf
        if optimise and model.proves and isfinite(solver.best_objective_bound):
            bound = solver.best_objective_bound * model.factor - model.slack
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, False, bound
        draft = model.read(solver.value)
        if not judge.admits(draft):
            return None, False, bound
        proven = status == cp_model.OPTIMAL and model.proves
        return draft, proven, judge(draft) if proven and optimise else bound


def _listed(compiled: Compiled) -> Iterator[Draft]:
    """List schedules by latest starts; and with those that have only a due time in their turn by it."""
    due = {task: given.due for task, given in enumerate(compiled.problem.tasks) if given.due is not None}
    keys = list(compiled.latest)
    for urgent in ({}, due) if due else ({},):
        for task, moment in urgent.items():
            keys[task] = min(keys[task], int(moment / compiled.tick) - compiled.ways[task][0].ticks)
        draft = Lister(compiled).serial(keys)
        if isinstance(draft, Draft):
            yield draft


def _least_lateness(compiled: Compiled) -> float:
    """How late, in seconds, the one task that has a due time must be at least: by what others must have done, and as it
    can't be in time (nobody would ask)."""
    due = {task: given.due for task, given in enumerate(compiled.problem.tasks) if given.due is not None}
    ((task, moment),) = due.items()
    grid = Grid(compiled.tick)
    return max(earliest_end(compiled, task), grid.down(moment) + 1) * grid.tick - moment
