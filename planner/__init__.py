"""From a problem to a plan. Pure: no web, SQL or Temporal. Solvers are loaded when a problem needs one.

from planner import Demand, Mode, Pool, Precedence, Problem, Task, solve
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.limits import Limits
    from planner.plan import Assignment, Plan, Reason, Status
    from planner.prices import PriceBand, PricePeriod
    from planner.problem import (
        Budget,
        Burst,
        CapacityBand,
        CapacityPeriod,
        Demand,
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
    from planner.solving import solve

_MODULES = {
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
    "Mode": "problem",
    "Objective": "problem",
    "Pool": "problem",
    "Precedence": "problem",
    "Problem": "problem",
    "ProblemInvalid": "problem",
    "Reservation": "problem",
    "Tariff": "problem",
    "Task": "problem",
    "solve": "solving",
}

__all__ = [
    "Assignment",
    "Budget",
    "Burst",
    "CapacityBand",
    "CapacityPeriod",
    "Demand",
    "Limits",
    "Mode",
    "Objective",
    "Plan",
    "Pool",
    "Precedence",
    "PriceBand",
    "PricePeriod",
    "Problem",
    "ProblemInvalid",
    "Reason",
    "Reservation",
    "Status",
    "Tariff",
    "Task",
    "solve",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'planner' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"planner.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
