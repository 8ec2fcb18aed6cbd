"""What people are told about a plan: the same for a table, a drawing, JSON and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.planning.case import Case, Note
from engine.planning.pool_use import PoolUse, pool_uses
from engine.planning.scenarios import Comparison
from planner import Limits, Plan, Reason
from planner.bottlenecks import Bottleneck, Opportunity, bottlenecks, opportunities
from planner.critical_path import HeldBy, Hold


@dataclass(frozen=True, slots=True)
class StepAccount:
    """One step of a plan. Seconds count from the plan's start."""

    id: str
    workflow: str
    step: str
    title: str
    start_seconds: float
    end_seconds: float
    parts: tuple[tuple[float, float], ...]
    amounts: Mapping[str, float]
    cost: float
    slack_seconds: float
    free_slack_seconds: float
    critical: bool
    """On the critical path: one of the long poles."""
    held_by: str
    """A value of `planner.critical_path.HeldBy`."""
    why: str
    """Why it doesn't start earlier."""
    waits_for: tuple[str, ...]
    pool: str | None
    assumed: bool
    """Its duration is the default one."""

    @property
    def work_seconds(self) -> float:
        """How long it runs, without interruptions."""
        return sum(end - start for start, end in self.parts)


@dataclass(frozen=True, slots=True)
class Account:
    """A plan as it is told."""

    case: Case
    plan: Plan
    steps: tuple[StepAccount, ...]
    """By start, and where that is the same, in the definition's order."""
    critical_path: tuple[str, ...]
    pools: tuple[PoolUse, ...]
    """Those of the pools file; and, behind them, what `max_parallel_steps` leaves."""
    bottlenecks: tuple[Bottleneck, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()
    scenarios: tuple[Comparison, ...] = ()
    reasons: tuple[Reason, ...] = ()
    interrupted: bool = False
    """The search was stopped by hand."""

    @property
    def start(self) -> datetime:
        """Moment 0, in the zone of the pools file."""
        return self.case.request.start

    @property
    def end(self) -> datetime:
        """When the last step ends."""
        return self.at(self.plan.makespan)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was assumed."""
        return self.case.notes

    @property
    def baseline_makespan(self) -> float | None:
        """The duration when everything starts as soon as possible."""
        return max(self.plan.baseline.ends) if self.plan.baseline is not None else None

    @property
    def baseline_cost(self) -> float | None:
        """The cost when everything starts as soon as possible."""
        return self.plan.cost + self.plan.savings if self.plan.baseline is not None else None

    def at(self, seconds: float) -> datetime:
        """The moment that many seconds after the start, by the clock of the plan's zone."""
        # through UTC: adding to a local time would ignore that clocks are put forward and back
        return (self.start.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(self.start.tzinfo)


def tell(
    case: Case,
    plan: Plan,
    *,
    marginals: Limits | None = None,
    scenarios: tuple[Comparison, ...] = (),
    reasons: tuple[Reason, ...] = (),
    interrupted: bool = False,
) -> Account:
    """The account of a plan; `marginals` are the limits of each plan made to value a bottleneck, None: none is."""
    if plan.schedule is None:
        return Account(case, plan, (), (), (), scenarios=scenarios, reasons=reasons or plan.reasons)
    path = tuple(task for task, _ in plan.analysis.critical_path)
    long_poles = frozenset(path)
    steps = sorted(
        (_step(case, plan, task, task in long_poles) for task in plan.assignments),
        key=lambda step: (step.start_seconds, plan.problem.index[step.id]),
    )
    return Account(
        case,
        plan,
        tuple(steps),
        path,
        pool_uses(plan),
        bottlenecks(plan, marginals) if marginals else (),
        opportunities(plan, marginals) if marginals else (),
        scenarios,
        interrupted=interrupted,
    )


def _step(case: Case, plan: Plan, task: str, critical: bool) -> StepAccount:
    planned, assignment = case.steps[task], plan.assignments[task]
    hold, slack = plan.analysis.holds[task], plan.analysis.slack[task]
    return StepAccount(
        id=task,
        workflow=planned.workflow,
        step=planned.step.id,
        title=planned.step.title,
        start_seconds=assignment.start,
        end_seconds=assignment.end,
        parts=assignment.parts,
        amounts={name: amount for name, amount in assignment.amounts.items() if amount},
        cost=assignment.cost,
        slack_seconds=slack.total,
        free_slack_seconds=slack.free,
        critical=critical,
        held_by=hold.by.value,
        why=_why(plan, hold, assignment.amounts),
        waits_for=hold.tasks,
        pool=hold.pool,
        assumed=planned.assumed,
    )


def _why(plan: Plan, hold: Hold, amounts: Mapping[str, float]) -> str:
    """Why a step doesn't start earlier, in a few words."""
    others = ", ".join(hold.tasks[:3]) + (f" and {len(hold.tasks) - 3} more" if len(hold.tasks) > 3 else "")
    match hold.by:
        case HeldBy.PREDECESSOR:
            return f"after {others}"
        case HeldBy.POOL:
            return f"{hold.pool}: held by {others}"
        case HeldBy.RESERVATION:
            return f"{hold.pool}: reserved until then"
        case HeldBy.CALENDAR:
            return f"{hold.pool}: no room before (calendar)"
        case HeldBy.WINDOW:
            return "may not start earlier"
        case HeldBy.CHOICE:
            spends = [plan.costs.by_pool_id[name] for name in amounts if name in plan.costs.by_pool_id]
            priced = any(not spend.steps.constant for spend in spends)
            return "cheaper then" if priced and _weighs_cost(plan) else "nothing is gained earlier"
        case HeldBy.ORIGIN:
            return "at once"


def _weighs_cost(plan: Plan) -> bool:
    objective = plan.problem.objective
    return "cost" in (*objective.lexicographic, *objective.weights)
