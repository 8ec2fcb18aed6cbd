"""Cheapest schedules under prices by time. Nothing is imported before it is asked for.

from planner.tariff import TariffInstance, solve
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.tariff.instance import TariffInstance, TariffInvalid
    from planner.tariff.result import Result
    from planner.tariff.search import solve

__all__ = ["Result", "TariffInstance", "TariffInvalid", "solve"]

_MODULES = {
    "Result": "result",
    "TariffInstance": "instance",
    "TariffInvalid": "instance",
    "solve": "search",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'planner.tariff' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"planner.tariff.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
