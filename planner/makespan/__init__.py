"""Shortest schedules of tasks that share resources, in one or several modes. Everything is imported when asked for.

from planner.makespan import Instance, solve
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.makespan.instance import Instance, InstanceInvalid
    from planner.makespan.result import Result
    from planner.makespan.solving import solve

__all__ = ["Instance", "InstanceInvalid", "Result", "solve"]

_MODULES = {"Instance": "instance", "InstanceInvalid": "instance", "Result": "result", "solve": "solving"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'planner.makespan' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"planner.makespan.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
