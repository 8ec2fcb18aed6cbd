"""What authors of plugins import: `from longpole.plugin import Config, Hint, Needs, Plugin`. See docs/plugins.md."""

from __future__ import annotations

from activities.plugins.plugin import Config, Hint, Needs, Operation, Plugin, PluginSettings
from definitions.errors import PluginUnavailable

__all__ = ["Config", "Hint", "Needs", "Operation", "Plugin", "PluginSettings", "PluginUnavailable"]
