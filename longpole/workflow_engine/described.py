"""The core's definition in the document's words: of templates that were stored in other words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.model import RetryPolicy
from engine.views import StoredDefinition
from longpole.workflow_engine.input_mapping import documented_mapping

SURFACE = "python"
_BESIDE = frozenset({"name", "description", "tags", "version"})
"""What a template has as fields of its own."""


def definition_of(stored: StoredDefinition) -> dict[str, Any]:
    """The document: as it was given, where that was in these words, and else `described`."""
    if stored.surface == SURFACE and stored.source is not None:
        return stored.source
    return described(stored.document)


def described(core: Mapping[str, Any]) -> dict[str, Any]:
    """A core definition as a document. What the document has no words for (blocks, texts with references in them, ...)
    stays in the core's."""
    document = {key: value for key, value in core.items() if key not in _BESIDE}
    document["steps"] = [_step(step) for step in core["steps"]]
    if "timeout" in document:
        document["default_timeout_seconds"] = document.pop("timeout")
    return document


def _step(core: Mapping[str, Any]) -> dict[str, Any]:
    step = dict(core)
    if "retry" in step:
        step["retry_policy"] = _retry(RetryPolicy.model_validate(step.pop("retry")))
    if "timeout" in step:
        step["timeout_seconds"] = step.pop("timeout")
    if "input" in step:
        step["input_mapping"] = documented_mapping(step.pop("input"))
    return step


def _retry(core: RetryPolicy) -> dict[str, Any]:
    """The document's first wait is its multiplier: where the core's is another, it is told beside."""
    policy: dict[str, Any] = {
        "max_attempts": core.max_attempts,
        "backoff_multiplier": core.backoff_coefficient,
        "max_backoff_seconds": core.max_interval,
        "retry_on_timeout": core.retry_on_timeout,
    }
    if core.initial_interval != core.backoff_coefficient:
        policy["initial_interval"] = core.initial_interval
    if core.retry_on_errors is not None:
        policy["retry_on_errors"] = [*core.retry_on_errors]
    return policy
