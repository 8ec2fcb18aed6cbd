"""What would come of changes: the changed problem planned again from the plan in force, and the two plans compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from planner.changes import Change, changed
from planner.infeasibility import explain
from planner.occupancy import NEAR
from planner.plan import Assignment, Plan, Status
from planner.solving import solve

if TYPE_CHECKING:
    from planner.limits import Limits
    from planner.problem import Problem


@dataclass(frozen=True, slots=True)
class Difference:
    """One task in both plans; None where it is not there. Times are seconds from the origin."""

    task: str
    before: Assignment | None
    after: Assignment | None

    @property
    def moved(self) -> float:
        """By how many seconds it starts later; 0 where it is in one plan only."""
        return 0.0 if self.before is None or self.after is None else self.after.start - self.before.start

    @property
    def lengthened(self) -> float:
        """By how many seconds it takes longer from start to end; 0 where it is in one plan only."""
        if self.before is None or self.after is None:
            return 0.0
        return (self.after.end - self.after.start) - (self.before.end - self.before.start)

    @property
    def cost(self) -> float:
        """By how much money it costs more."""
        return (0.0 if self.after is None else self.after.cost) - (0.0 if self.before is None else self.before.cost)

    @property
    def any(self) -> bool:
        """Whether anything about it is different."""
        if self.before is None or self.after is None:
            return True
        apart = max(abs(self.moved), abs(self.lengthened), abs(self.cost))
        return apart > NEAR or self.before.mode != self.after.mode or self.before.amounts != self.after.amounts


@dataclass(frozen=True)
class Comparison:
    """Two plans. Where the changes leave no plan, `after` has no schedule, its reasons say why, and only it is told."""

    before: Plan
    after: Plan

    @property
    def feasible(self) -> bool:
        """Whether there is a plan with the changes."""
        return self.after.schedule is not None

    @property
    def makespan(self) -> float | None:
        """By how many seconds the plan ends later."""
        return self.after.makespan - self.before.makespan if self.feasible else None

    @property
    def cost(self) -> float | None:
        """By how much money the plan costs more."""
        return self.after.cost - self.before.cost if self.feasible else None

    @cached_property
    def critical_path(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The tasks of the critical path before and after."""
        return _path(self.before), _path(self.after)

    @cached_property
    def differences(self) -> Mapping[str, Difference]:
        """Task id -> both its assignments, where anything is different; old tasks first."""
        if not self.feasible:
            return {}
        before, after = self.before.assignments, self.after.assignments
        each = (Difference(name, before.get(name), after.get(name)) for name in {**before, **after})
        return {difference.task: difference for difference in each if difference.any}

    @property
    def moved(self) -> tuple[str, ...]:
        """The tasks in both plans that start at another time."""
        return tuple(name for name, difference in self.differences.items() if abs(difference.moved) > NEAR)

    @property
    def added(self) -> tuple[str, ...]:
        """The tasks that are only in the new plan."""
        return tuple(name for name, difference in self.differences.items() if difference.before is None)

    @property
    def removed(self) -> tuple[str, ...]:
        """The tasks that are only in the old plan."""
        return tuple(name for name, difference in self.differences.items() if difference.after is None)


def what_if(problem: Problem, plan: Plan, changes: Sequence[Change], limits: Limits | None = None) -> Comparison:
    """What the changes (see `planner.changes`) would make of a plan; neither it nor the problem is touched.

    The new plan has the same objective; it is searched from the one in force, so that tasks move where that is of use.
    Raises `ChangeInvalid`, `ProblemInvalid`.
    """
    asked = replace(changed(problem, changes), current=plan if plan.schedule is not None else None)
    after = solve(asked, limits)
    if after.status is Status.INFEASIBLE:
        after = replace(after, reasons=explain(asked, limits) or after.reasons)
    return Comparison(plan, after)


def _path(plan: Plan) -> tuple[str, ...]:
    return () if plan.schedule is None else tuple(name for name, _ in plan.analysis.critical_path)
