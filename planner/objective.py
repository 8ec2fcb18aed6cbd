"""What a plan is judged by."""

from __future__ import annotations

from dataclasses import dataclass

PARTS = ("duration", "cost", "completion", "lateness", "balance", "quality", "preference", "churn")
"""What can be weighed, by name; `planner.evaluation` says how each is measured. Less is always better."""


@dataclass(frozen=True, slots=True)
class Objective:
    """Weights of the parts, or an order of them. The default is the shortest plan.

    With weights, parts are made comparable first: each is divided by what it is in the as-soon-as-possible plan (or by
    its natural range), so `Objective(duration=0.5, cost=0.5)` gives one percent of either the same worth. A part that
    is weighed alone stays in its own unit. With `lexicographic`, the first named part is made as small as possible,
    then held while the second is improved, and so on; weights play no role then.
    """

    duration: float = 0.0
    """Seconds from the origin to the end of the last task."""
    cost: float = 0.0
    """Money: modes, pools' prices, surcharges for bursts, penalties for moved reservations."""
    completion: float = 0.0
    """Seconds from the origin to the end of each group, averaged by the groups' weights."""
    lateness: float = 0.0
    """Seconds by which tasks end after they are due, averaged by the tasks' weights."""
    balance: float = 0.0
    """The highest share of its capacity that tasks use of a pool, averaged over the pools."""
    quality: float = 0.0
    """Quality given away against each task's best mode, averaged over the tasks."""
    preference: float = 0.0
    """Seconds between start and preferred start, averaged over the tasks that have one."""
    churn: float = 0.0
    """Seconds by which starts differ from the current plan's, averaged over the tasks in it."""
    lexicographic: tuple[str, ...] = ()
    """Names of parts, the most important first."""

    @property
    def weights(self) -> dict[str, float]:
        """The parts that count, by name; for a lexicographic objective the first one alone."""
        if self.lexicographic:
            return {self.lexicographic[0]: 1.0}
        found = {name: weight for name in PARTS if (weight := getattr(self, name))}
        return found or {"duration": 1.0}

    @property
    def levels(self) -> tuple[dict[str, float], ...]:
        """The weights of each step of a lexicographic search; one step otherwise."""
        return tuple({name: 1.0} for name in self.lexicographic) or (self.weights,)


SHORTEST = Objective()
"""The shortest plan."""
