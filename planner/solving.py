"""From a problem to a plan: what is cheap first, what is dear only where it can still help."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from math import inf

from planner.baseline import as_soon_as_possible
from planner.bounds import lower_bound
from planner.compiled import Draft, compile_problem
from planner.construction import first_drafts
from planner.costs import Costs
from planner.descent import tidy
from planner.direct import direct
from planner.evaluation import measure, scales, value
from planner.horizon import horizon
from planner.impossible import impossible
from planner.incumbent import Incumbent
from planner.judge import Judge, Shares
from planner.limits import Limits
from planner.listing import Lister
from planner.pace import Pace
from planner.plan import Plan, Reason, Status
from planner.problem import Problem
from planner.rolling.solving import roll, rolls
from planner.schedule import Schedule
from planner.warm_start import current_places, warm_drafts

OnPlan = Callable[[Plan], None]


def solve(problem: Problem, limits: Limits | None = None, on_plan: OnPlan | None = None) -> Plan:
    """The best plan within the limits.

    `on_plan` is called with the first plan and with each better one, from whichever thread found it. With `limits.work`
    the same problem and seed give the same plan each time.
    """
    began = time.perf_counter()
    schedule = direct(problem)
    if schedule is not None:
        plan = _direct_plan(problem, schedule, began)
        if on_plan is not None:
            on_plan(plan)
        return plan
    return _Solving(problem, limits or Limits(), on_plan, began).plan()


def _direct_plan(problem: Problem, schedule: Schedule, began: float) -> Plan:
    weights = problem.objective.weights
    if len(weights) == 1 and "duration" in weights:
        found = max(schedule.ends)
    else:
        costs = Costs(problem, max(schedule.ends))
        found = value(problem, costs, schedule, scales(problem, costs, schedule, weights))
    return Plan(problem, Status.OPTIMAL, schedule, found, found, "critical_path", time.perf_counter() - began)


class _Solving:
    """One problem on its way to a plan."""

    def __init__(self, problem: Problem, limits: Limits, on_plan: OnPlan | None, began: float) -> None:
        self._problem = problem
        self._limits = limits
        self._on_plan = on_plan
        self._began = began
        self._compiled = compile_problem(problem)
        self._warm = current_places(self._compiled)

    def plan(self) -> Plan:
        """The plan; where none is possible as far as hours of the clock are laid out, the same with all of them."""
        plan = self._within()
        laid_out = self._compiled.horizon * self._compiled.tick
        if plan.status is Status.INFEASIBLE and laid_out < horizon(self._problem) - self._compiled.tick:
            self._compiled = compile_problem(self._problem, whole=True)
            plan = self._within()
        return plan

    def _within(self) -> Plan:
        """Level by level of a lexicographic objective; there is one level otherwise."""
        reasons = impossible(self._compiled)
        if reasons:
            return self._plan(Status.INFEASIBLE, None, reasons=reasons)
        pace = Pace(self._limits, self._began)
        levels = self._problem.objective.levels
        held: dict[str, float] = {}
        reached: list[Incumbent] = []
        for number, weights in enumerate(levels):
            incumbent = self._level(weights, held, reached, pace.part(1 / (len(levels) - number)))
            if incumbent.draft is None:
                return self._plan(Status.INFEASIBLE if incumbent.infeasible else Status.UNKNOWN, None, incumbent)
            reached.append(incumbent)
            if len(levels) > 1:
                schedule = self._compiled.schedule(incumbent.draft)
                held.update({name: measure(self._problem, self._compiled.costs, schedule, name) for name in weights})
        proven = all(incumbent.done(0.0) for incumbent in reached)
        return self._plan(Status.OPTIMAL if proven else Status.FEASIBLE, tidied(reached[-1], pace), *reached)

    def _level(
        self, weights: Mapping[str, float], held: Mapping[str, float], reached: Sequence[Incumbent], pace: Pace
    ) -> Incumbent:
        """The best plan by these weights that is no worse in what is held."""
        compiled = self._compiled
        baseline = as_soon_as_possible(self._problem, compiled) if len(weights) > 1 else None
        scaled = scales(self._problem, compiled.costs, baseline, weights)
        judge = Judge(compiled, scaled, held)
        incumbent = Incumbent(judge)
        if reached and reached[-1].draft is not None:
            incumbent.propose(reached[-1].draft, reached[-1].method)
        incumbent.tell = lambda better: self._tell(better, reached)
        for draft in warm_drafts(compiled, self._warm) if self._warm is not None else ():
            incumbent.propose(draft, "list")
        if rolls(judge):
            roll(incumbent, baseline, pace)
            if incumbent.draft is not None:
                return incumbent
        known = False
        for draft in first_drafts(compiled, judge, pace):
            incumbent.propose(draft, "list")
            if not known:  # after the first plan, which nobody should wait for
                known = True
                incumbent.prove(lower_bound(compiled, scaled))
            if incumbent.done(self._limits.gap) or pace.over():
                break
        if not known:
            incumbent.prove(lower_bound(compiled, scaled))
        if not incumbent.done(self._limits.gap) and not pace.over():
            from planner.search.strategy import search  # brings OR-Tools

            search(incumbent, pace, warm=self._warm is not None)
        return incumbent

    def _tell(self, incumbent: Incumbent, reached: Sequence[Incumbent]) -> None:
        if self._on_plan is not None and incumbent.draft is not None:
            self._on_plan(self._plan(Status.FEASIBLE, incumbent.draft, *reached, incumbent))

    def _plan(self, status: Status, draft: Draft | None, *levels: Incumbent, reasons: tuple[Reason, ...] = ()) -> Plan:
        """A plan with the value and the bound of the first level, found by the last."""
        objective = bound = schedule = None
        if draft is not None:
            schedule = self._compiled.schedule(draft)
            objective = levels[0].judge.of(schedule)
            bound = min(levels[0].bound, objective) if levels[0].bound > -inf else None
        method = levels[-1].method if levels and draft is not None else "bounds" if reasons else "search"
        return Plan(
            self._problem, status, schedule, objective, bound, method, time.perf_counter() - self._began, reasons
        )


def tidied(incumbent: Incumbent, pace: Pace) -> Draft | None:
    """The incumbent's draft with everything as early as it can be without loss."""
    draft, judge = incumbent.draft, incumbent.judge
    if draft is None or rolls(judge):  # in large plans that would take longer than the search
        return draft
    lister = Lister(judge.compiled)
    shifted = lister.serial(draft.starts, draft.ways, moved=draft.moved)
    shares = Shares(judge)
    for candidate in (shifted, *(() if shares.timeless else (tidy(judge.compiled, shares, draft, pace),))):
        if isinstance(candidate, Draft) and judge(candidate) <= incumbent.value and judge.admits(candidate):
            draft = candidate
    return draft
