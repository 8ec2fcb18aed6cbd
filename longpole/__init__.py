"""Longpole: durable workflow runs on Temporal. What users' code imports; nothing is loaded before it is asked for.

from longpole import TemporaryFailure, WorkflowEngine, WorkflowService, step
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from activities import step
    from activities.errors import (
        InvalidInput,
        ModelUnavailable,
        PermanentFailure,
        RateLimited,
        StepCancelled,
        StepError,
        TemporaryFailure,
    )
    from longpole.workflow_engine.engine import WorkflowEngine
    from longpole.workflow_engine.service import WorkflowService

__all__ = [
    "InvalidInput",
    "ModelUnavailable",
    "PermanentFailure",
    "RateLimited",
    "StepCancelled",
    "StepError",
    "TemporaryFailure",
    "WorkflowEngine",
    "WorkflowService",
    "step",
]

_MODULES = {"step": "activities.step"}
"""Exported names that are modules."""
_ELSEWHERE = {
    "WorkflowEngine": "longpole.workflow_engine.engine",
    "WorkflowService": "longpole.workflow_engine.service",
}
"""Where other names are; every other one is taken from `activities.errors`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'longpole' has no attribute {name!r}")
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    else:
        value = getattr(importlib.import_module(_ELSEWHERE.get(name, "activities.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
