"""Steps whose handler is an operation of a plugin: `plugin:<plugin>.<operation>` in the core's definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.errors import Problem

PREFIX = "plugin:"
PYTHON = "python"
"""The plugin whose operations are the handlers of the core."""


def handler_of(plugin: str, operation: str) -> str:
    """The core's name of a plugin's operation."""
    return operation if plugin == PYTHON else f"{PREFIX}{plugin}.{operation}"


def plugin_of(handler: str | None) -> tuple[str, str] | None:
    """Plugin and operation of a handler; None: the step has none."""
    if handler is None:
        return None
    if not handler.startswith(PREFIX):
        return PYTHON, handler
    plugin, _, operation = handler.removeprefix(PREFIX).partition(".")
    return plugin, operation


class PluginSteps:
    """What plugins say of steps."""

    def check(self, plugin: str, operation: str, config: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with a step, each with a path from the step on."""
        del operation, config
        message = f"the plugin `{plugin[:80]}` is not installed"
        return [Problem("plugin_unavailable", "plugin", message, f"install it, or use `{PYTHON}` with a handler")]

    def seconds(self, step: Mapping[str, Any]) -> float | None:
        """How long a step takes, as far as its plugin knows."""
        del step
        return None
