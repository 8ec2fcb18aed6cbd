"""The core's definition as a document of the Orchestration API: of workflows that came in other words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.orchestration.estimating import is_machine
from engine.orchestration.plugin_steps import plugin_of
from engine.orchestration.workflows import SURFACE
from engine.views import StoredDefinition

_BLOCKS = {"branch": ("then", "else"), "loop": ("steps",), "parallel": ("steps",)}
_SAME = ("name", "version", "description", "tags", "input_schema", "context", "error_handlers", "timeout")
_SAME_TOO = ("max_parallel_steps", "fail_fast")
_SAME_IN_STEPS = ("id", "name", "description", "depends_on", "condition", "at_most_once", "tags", "timeout")
_SAME_IN_STEPS_TOO = ("estimated_duration", "workflow", "wait", "approval")


def document_of(stored: StoredDefinition) -> dict[str, Any]:
    """The document of a workflow: as it was given, where that was in these words."""
    if stored.surface == SURFACE and stored.source is not None:
        return stored.source
    return described(stored.document)


def described(core: Mapping[str, Any]) -> dict[str, Any]:
    """A core definition in the words of documents."""
    same = {key: core[key] for key in (*_SAME, *_SAME_TOO) if key in core}
    return {**same, "steps": [_step(step) for step in core["steps"]]}


def _step(core: Mapping[str, Any]) -> dict[str, Any]:
    step = {key: core[key] for key in (*_SAME_IN_STEPS, *_SAME_IN_STEPS_TOO) if core.get(key) is not None}
    found = plugin_of(core.get("handler"))
    if found is not None:
        step["plugin"], step["operation"] = found
    if core.get("input") is not None:
        step["config"] = core["input"]
    if core.get("retry"):
        step["retry_policy"] = core["retry"]
    if core.get("resources"):
        step["resources"] = _resources(core)
    for key, inner in _BLOCKS.items():
        if core.get(key):
            blocks = {name: [_step(each) for each in core[key].get(name, ())] for name in inner}
            step[key] = {**core[key], **blocks}
    return step


def _resources(core: Mapping[str, Any]) -> dict[str, Any]:
    held = core["resources"]
    found = {name: amount for name, amount in held.items() if name in ("cpu_cores", "memory_gb")}
    machine = next((name for name in held if is_machine(name)), None)
    if machine is None:
        return found
    amounts = ((core.get("planning") or {}).get("amounts") or {}).get(machine) or {}
    found |= {"node_type": machine, "min_workers": int(amounts.get("min") or held[machine])}
    return found | ({"max_workers": int(amounts["max"])} if amounts.get("max") else {})
