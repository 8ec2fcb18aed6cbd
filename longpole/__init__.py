"""Longpole: durable workflow runs on Temporal. What users' code imports; nothing is loaded before it is asked for.

from longpole import TemporaryFailure, WorkflowEngine, step
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
    from definitions.errors import (
        Conflict,
        DefinitionInvalid,
        InputInvalid,
        LongpoleError,
        NotFound,
        ServiceUnavailable,
    )
    from longpole.workflow_engine.engine import WorkflowEngine
    from longpole.workflow_engine.service import WorkflowService

__all__ = [
    "Conflict",
    "DefinitionInvalid",
    "InputInvalid",
    "InvalidInput",
    "LongpoleError",
    "ModelUnavailable",
    "NotFound",
    "PermanentFailure",
    "RateLimited",
    "ServiceUnavailable",
    "StepCancelled",
    "StepError",
    "TemporaryFailure",
    "WorkflowEngine",
    "WorkflowService",
    "step",
]

_MODULES = {"step": "activities.step"}
"""Exported names that are modules."""
_HANDLER_ERRORS = "activities.errors"
_CALLER_ERRORS = "definitions.errors"
_ORIGINS = {
    "WorkflowEngine": "longpole.workflow_engine.engine",
    "WorkflowService": "longpole.workflow_engine.service",
    "Conflict": _CALLER_ERRORS,
    "DefinitionInvalid": _CALLER_ERRORS,
    "InputInvalid": _CALLER_ERRORS,
    "LongpoleError": _CALLER_ERRORS,
    "NotFound": _CALLER_ERRORS,
    "ServiceUnavailable": _CALLER_ERRORS,
}
"""Where the other names are from; those that are not listed are what handlers raise."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'longpole' has no attribute {name!r}")
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    else:
        value = getattr(importlib.import_module(_ORIGINS.get(name, _HANDLER_ERRORS)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
