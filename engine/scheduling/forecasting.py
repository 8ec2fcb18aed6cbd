"""When a plan will have ended and what it will have cost, and how sure that is: the plan run many times, each step as
long as its estimate says that it may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from engine.scheduling.estimates import LEARNED, Estimate
from planner import Distribution, Plan, simulate

MOST_SAMPLES, LEAST_SAMPLES = 200, 50
_STEPS_DRAWN = 10_000
"""Over all samples: large plans get fewer."""
_SEED = 1


@dataclass(frozen=True, slots=True)
class Forecast:
    """Percentiles over simulated runs. Money is in the pools' currency."""

    end_p50: datetime
    end_p90: datetime
    cost_p50: float
    cost_p90: float
    within_budget: float | None
    """The share of the runs that cost no more than the budget; None: there is none."""
    learned: int
    """Steps whose estimate comes from past runs."""
    steps: int
    """Steps that take time."""

    def as_json(self) -> dict[str, Any]:
        """For a plan that is kept."""
        return {
            "end_p50": self.end_p50.isoformat(),
            "end_p90": self.end_p90.isoformat(),
            "cost_p50": self.cost_p50,
            "cost_p90": self.cost_p90,
            "within_budget": self.within_budget,
            "learned": self.learned,
            "steps": self.steps,
        }

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> Self:
        """As `as_json` gave it."""
        moments = {name: datetime.fromisoformat(given[name]) for name in ("end_p50", "end_p90")}
        return cls(**{**given, **moments})


def forecast(plan: Plan, estimates: Mapping[str, Estimate], origin: datetime, budget: float | None) -> Forecast:
    """Of a plan whose moment 0 is `origin`. A step's spread is that of its estimate around the time that is planned."""
    known = {task: each for task, each in estimates.items() if task in plan.assignments}
    drawn = {}
    for task, each in known.items():
        usual = sum(end - start for start, end in plan.assignments[task].parts)
        drawn[task] = Distribution(usual, usual * each.p90 / each.p50 if each.p50 > 0 else usual)
    samples = max(LEAST_SAMPLES, min(MOST_SAMPLES, _STEPS_DRAWN // max(1, len(plan.assignments))))
    runs = simulate(plan.problem, plan, drawn, samples, _SEED)
    return Forecast(
        origin + timedelta(seconds=runs.end(0.5)),
        origin + timedelta(seconds=runs.end(0.9)),
        runs.cost(0.5),
        runs.cost(0.9),
        None if budget is None else float((runs.costs <= budget + 0.005).mean()),
        learned=sum(each.source in LEARNED for each in known.values()),
        steps=len(known),
    )
