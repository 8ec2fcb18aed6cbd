"""From a problem to a plan. Pure: no web, SQL or Temporal. Solvers are loaded when a problem needs one.

from planner import Demand, Mode, Pool, Precedence, Problem, Task, solve
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.changes import (
        AddTask,
        ChangeBudget,
        ChangeDeadline,
        ChangeDuration,
        ChangeMaxDuration,
        ChangePool,
        RemoveTask,
    )
    from planner.comparing import Comparison, what_if
    from planner.infeasibility import explain
    from planner.limits import Limits
    from planner.plan import Assignment, Plan, Reason, Status
    from planner.prices import PriceBand, PricePeriod
    from planner.problem import (
        Budget,
        Burst,
        CapacityBand,
        CapacityPeriod,
        Demand,
        MaxDuration,
        Mode,
        Objective,
        Pool,
        Precedence,
        Problem,
        ProblemInvalid,
        Reservation,
        Tariff,
        Task,
    )
    from planner.progress import Progress
    from planner.repairing import repair
    from planner.simulation import Distribution, Simulation, simulate
    from planner.solving import solve

_MODULES = {
    "AddTask": "changes",
    "ChangeBudget": "changes",
    "ChangeDeadline": "changes",
    "ChangeDuration": "changes",
    "ChangeMaxDuration": "changes",
    "ChangePool": "changes",
    "RemoveTask": "changes",
    "Comparison": "comparing",
    "what_if": "comparing",
    "explain": "infeasibility",
    "Limits": "limits",
    "Assignment": "plan",
    "Plan": "plan",
    "Reason": "plan",
    "Status": "plan",
    "PriceBand": "prices",
    "PricePeriod": "prices",
    "Budget": "problem",
    "Burst": "problem",
    "CapacityBand": "problem",
    "CapacityPeriod": "problem",
    "Demand": "problem",
    "MaxDuration": "problem",
    "Mode": "problem",
    "Objective": "problem",
    "Pool": "problem",
    "Precedence": "problem",
    "Problem": "problem",
    "ProblemInvalid": "problem",
    "Reservation": "problem",
    "Tariff": "problem",
    "Task": "problem",
    "Progress": "progress",
    "repair": "repairing",
    "Distribution": "simulation",
    "Simulation": "simulation",
    "simulate": "simulation",
    "solve": "solving",
}

__all__ = [
    "AddTask",
    "Assignment",
    "Budget",
    "Burst",
    "CapacityBand",
    "CapacityPeriod",
    "ChangeBudget",
    "ChangeDeadline",
    "ChangeDuration",
    "ChangeMaxDuration",
    "ChangePool",
    "Comparison",
    "Demand",
    "Distribution",
    "Limits",
    "MaxDuration",
    "Mode",
    "Objective",
    "Plan",
    "Pool",
    "Precedence",
    "PriceBand",
    "PricePeriod",
    "Problem",
    "ProblemInvalid",
    "Progress",
    "Reason",
    "RemoveTask",
    "Reservation",
    "Simulation",
    "Status",
    "Tariff",
    "Task",
    "explain",
    "repair",
    "simulate",
    "solve",
    "what_if",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'planner' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"planner.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
