"""Steps whose handler is an operation of a plugin: `plugin:<plugin>.<operation>` in the core's definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.plugins.plugin import Hint
from activities.plugins.registry import HANDLERS as PYTHON
from activities.plugins.registry import PREFIX, handler_name, operation_name
from engine.plugins import Plugins

__all__ = ["PREFIX", "PYTHON", "handler_of", "hint_of", "plugin_of", "with_inputs"]


def handler_of(plugin: str, operation: str) -> str:
    """The core's name of a plugin's operation; the plugin `python` has the core's own handlers."""
    return operation if plugin == PYTHON else handler_name(plugin, operation)


def plugin_of(handler: str | None) -> tuple[str, str] | None:
    """Plugin and operation of a handler; None: the step has none."""
    if handler is None:
        return None
    return operation_name(handler) or (PYTHON, handler)


def hint_of(plugins: Plugins, step: Mapping[str, Any]) -> Hint:
    """What a step of a core definition is expected to take, as far as its plugin knows."""
    found = plugin_of(step.get("handler"))
    return Hint() if found is None or found[0] == PYTHON else plugins.hint(*found, step.get("input"))


def with_inputs(plugins: Plugins, plugin: str, operation: str, config: Mapping[str, Any], before: Any) -> Any:
    """The config, with the results of the steps that its step waits for where the operation takes such and the document
    does not say which."""
    if "inputs" in config or not isinstance(before, list) or not plugins.takes_inputs(plugin, operation):
        return config
    return {**config, "inputs": {each: f"${{{each}.result}}" for each in before if isinstance(each, str)}}
