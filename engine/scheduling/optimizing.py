"""A scheduled workflow planned anew for other goals than its own, and what more room would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions.pools import PoolsDocument
from engine.scheduling.proposing import Proposal, Proposing, span_of
from engine.scheduling.wish import Wish
from planner import Limits, Objective, Plan
from planner.bottlenecks import Bottleneck, Opportunity, bottlenecks, opportunities
from store.reservations import Taken

_FOR_EACH = Limits(seconds=0.3)
"""For each plan with more of a pool."""
_BETTER = 1e-6


@dataclass(frozen=True, slots=True)
class Goals:
    """What counts how much; each is measured against the plan in force."""

    duration: float = 0.0
    """From the first start to the last end."""
    cost: float = 0.0
    balance: float = 0.0
    """The highest share of its capacity that is used of a pool, averaged over the pools."""

    def objective(self) -> Objective:
        """The same as the planner has it."""
        return Objective(duration=self.duration, cost=self.cost, balance=self.balance)

    def score(self, plan: Plan, before: Plan) -> float:
        """Less is better; the plan before has the sum of the weights."""
        parts = (
            (self.duration, span_of(plan), span_of(before)),
            (self.cost, plan.cost, before.cost),
            (self.balance, plan.parts["balance"], before.parts["balance"]),
        )
        return sum(weight * (value / base if base > 0 else float(value > 0) + 1.0) for weight, value, base in parts)


@dataclass(frozen=True)
class Optimized:
    """The plan in force, and the best for the goals: it may be the same."""

    before: Plan
    proposal: Proposal

    @property
    def better(self) -> bool:
        """Whether there is something to gain."""
        return self.proposal.plan is not self.before

    def changes(self) -> list[str]:
        """What is different, in sentences."""
        after, before = self.proposal.plan, self.before
        titles = {task: planned.step.title for task, planned in self.proposal.case.steps.items()}
        found = []
        for task, each in after.assignments.items():
            old = before.assignments[task]
            found += [
                f"Step '{titles[task]}' holds {amount:g} {pool} instead of {old.amounts[pool]:g}"
                for pool, amount in each.amounts.items()
                if abs(amount - old.amounts[pool]) > _BETTER
            ]
        moved = sum(abs(each.start - before.assignments[task].start) > 1 for task, each in after.assignments.items())
        if moved:
            found.append(f"{moved} of {len(titles)} steps start at another time")
        return found

    def pools_waited_for(self) -> tuple[Bottleneck, ...]:
        """By planning again with more of each."""
        return bottlenecks(self.proposal.plan, _FOR_EACH)

    def side_by_side(self) -> tuple[Opportunity, ...]:
        """Steps that only a pool keeps apart."""
        return opportunities(self.proposal.plan, _FOR_EACH)


def optimize(
    wish: Wish,
    pools: PoolsDocument,
    held: Sequence[Taken],
    now: datetime,
    record: Mapping[str, Any],
    goals: Goals,
    seconds: float,
) -> Optimized:
    """The best plan for the goals; that in force where none is better. Raises as `propose`."""
    proposing = Proposing(wish, pools, held, now, seconds)
    before = proposing.kept(record)
    first, found = proposing.alternatives(goals.objective())
    best = min(found, key=lambda plan: (round(goals.score(plan, before), 6), plan.makespan), default=before)
    if goals.score(best, before) >= goals.score(before, before) - _BETTER:
        best = before
    return Optimized(before, proposing.checked(best, first, found))
