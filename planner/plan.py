"""What planning answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from planner.costs import Costs
from planner.evaluation import TOLERANCE, measure
from planner.objective import PARTS
from planner.schedule import Part, Schedule

if TYPE_CHECKING:
    from planner.critical_path import Analysis
    from planner.problem import Problem


class Status(StrEnum):
    """How far planning got."""

    OPTIMAL = "optimal"
    """No plan is better (but for the rounding of times and weights)."""
    FEASIBLE = "feasible"
    """A plan that keeps every rule; `gap` says how much better one could be at most."""
    INFEASIBLE = "infeasible"
    """Proven: no plan keeps every rule."""
    UNKNOWN = "unknown"
    """Neither a plan nor a proof that there is none was found within the limits."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that, with the other reasons given, leaves no plan. Amounts are in the unit of what they are about."""

    kind: str
    """`capacity`, `calendar`, `reservation`, `window`, `release`, `deadline`, `horizon`, `max_duration`, `budget`,
    `precedence`; or `unknown`: neither a plan nor a proof that there is none was found within the limits."""
    message: str
    tasks: tuple[str, ...] = ()
    """Of `precedence` in their order: the path."""
    pool: str | None = None
    needed: float | None = None
    """What would be enough, the other reasons staying: the least capacity, the earliest end, the latest start, the
    least cost, the shortest duration; of `precedence` how long the path takes. Seconds, units or money."""
    available: float | None = None
    """What is there: the capacity, the deadline, the latest start, the longest duration, the budget."""
    exact: bool = True
    """False: `needed` is enough, but less (though no less than `least`) may be enough, too; the time ran out before
    that was known."""
    essential: bool = True
    """It is proven that the other reasons alone leave a plan. False: the time ran out before that was known."""
    least: float | None = None
    """What is less than that is proven not to be enough; None: nothing is."""


def whose(group: str | None) -> str:
    """Who a limit of a group, or of the whole plan, is about."""
    return "the plan" if group is None else f"group {group!r}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """When and how a task is done. Times are seconds from the problem's origin."""

    task: str
    mode: int
    start: float
    end: float
    amounts: Mapping[str, float]
    """Pool id -> units held while it runs."""
    cost: float
    """Money, without what bursts add (see `Plan.surcharge`)."""
    parts: tuple[Part, ...]
    """One, or several of a task that is split."""


@dataclass(frozen=True)
class Plan:
    """A schedule and what is known about it. What takes time to say is worked out when it is first asked for."""

    problem: Problem
    status: Status
    schedule: Schedule | None
    """None: there is no plan, and `status` says whether there can be one."""
    objective: float | None
    """The value that was made small: see `Objective`. Of a lexicographic one, its first part."""
    bound: float | None
    """No plan has a lower value; None: nothing is known."""
    method: str
    """What found the plan: `critical_path`, `list`, `repair`, `search`, `makespan`, `tariff`."""
    seconds: float
    """How long planning took."""
    reasons: tuple[Reason, ...] = ()
    """Why there is no plan; of a repaired plan, what had to be given up."""

    @cached_property
    def gap(self) -> float | None:
        """(objective - bound) / objective: by what share a plan could be better at most. None: not known."""
        if self.objective is None or self.bound is None:
            return None
        distance = self.objective - self.bound
        if distance <= TOLERANCE * max(abs(self.objective), 1e-3):
            return 0.0
        return distance / abs(self.objective) if self.objective else None

    @cached_property
    def makespan(self) -> float:
        """Seconds from the origin to the end of the last task; 0 without a schedule."""
        return 0.0 if self.schedule is None else max(self.schedule.ends)

    @cached_property
    def costs(self) -> Costs:
        """The problem's prices, as far as the schedule reaches."""
        return Costs(self.problem, self.makespan)

    @cached_property
    def cost(self) -> float:
        """Money for everything; 0 without a schedule."""
        return 0.0 if self.schedule is None else self.costs.total(self.schedule)

    @cached_property
    def surcharge(self) -> float:
        """The share of the cost that is for use of pools above their capacity."""
        return 0.0 if self.schedule is None else self.costs.surcharge(self.schedule)

    @cached_property
    def parts(self) -> Mapping[str, float]:
        """Each part of the objective in its own unit, by name. Empty without a schedule."""
        if self.schedule is None:
            return {}
        return {name: measure(self.problem, self.costs, self.schedule, name) for name in PARTS}

    @cached_property
    def assignments(self) -> Mapping[str, Assignment]:
        """Task id -> when and how, in the problem's order. Empty without a schedule."""
        schedule = self.schedule
        if schedule is None:
            return {}
        found: dict[str, Assignment] = {}
        for i, task in enumerate(self.problem.tasks):
            mode = task.modes[schedule.modes[i]]
            amounts = schedule.amounts.get(i)
            start, end = schedule.starts[i], schedule.ends[i]
            parts = schedule.parts.get(i) or ((start, end),)
            held = {
                demand.pool: demand.amount if amounts is None else amounts[place]
                for place, demand in enumerate(mode.demands)
            }
            cost = self.costs.task(mode, amounts, parts)
            found[task.id] = Assignment(task.id, schedule.modes[i], start, end, held, cost, parts)
        return found

    @cached_property
    def baseline(self) -> Schedule | None:
        """The as-soon-as-possible plan that savings are told against; None where that can't be made."""
        from planner.baseline import as_soon_as_possible

        return as_soon_as_possible(self.problem)

    @cached_property
    def savings(self) -> float:
        """Money saved against starting as soon as possible; negative where another aim was worth more."""
        if self.schedule is None or self.baseline is None:
            return 0.0
        return Costs(self.problem, max(self.baseline.ends)).total(self.baseline) - self.cost

    @cached_property
    def time_saved(self) -> float:
        """Seconds by which it ends sooner than the as-soon-as-possible plan."""
        return 0.0 if self.schedule is None or self.baseline is None else max(self.baseline.ends) - self.makespan

    @cached_property
    def analysis(self) -> Analysis:
        """Critical path, slack, and why each task starts when it does. Raises `ValueError` without a schedule."""
        from planner.critical_path import analyse

        if self.schedule is None:
            raise ValueError(f"there is no plan to analyse: its status is {self.status}")
        return analyse(self.problem, self.schedule)
