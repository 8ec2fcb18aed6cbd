"""What surfaces ask of plugins: which there are, whether a config may be stored, and what an operation takes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from activities.plugins.plugin import Hint, Needs, Plugin
from activities.plugins.registry import HANDLERS, handler_name
from activities.registry import HandlerRegistry
from definitions.errors import HandlerError, Problem
from definitions.references import located_strings
from engine.handlers import open_handlers
from engine.settings import Settings


@dataclass(frozen=True)
class OperationView:
    """One operation. `config_schema`: the JSON Schema of its config; `missing`: what to install or set for it."""

    name: str
    summary: str
    config_schema: dict[str, Any]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class PluginView:
    """One plugin. `missing`: what to install or set before any of its operations can be used, in words."""

    name: str
    summary: str = ""
    operations: tuple[OperationView, ...] = ()
    missing: tuple[str, ...] = ()


class Plugins:
    """The plugins of this service."""

    def __init__(self, settings: Settings, handlers: HandlerRegistry | None = None) -> None:
        """`handlers`: those of an engine that is open; None: by the settings."""
        self._handlers = handlers or open_handlers(settings)
        self._registry = self._handlers.plugins

    def check(self, plugin: str, operation: str, config: Mapping[str, Any] | None) -> list[Problem]:
        """What is wrong with a step of this plugin: `unknown_plugin`, `unknown_operation`, `plugin_unavailable` (its
        remedy is what to install or set), `bad_config` with the path of the field in the config.

        A plugin that is not there is told beside what is wrong with the config, as far as that is known."""
        name = handler_name(plugin, operation)
        problem = self._handlers.check(name)
        found = [problem] if problem is not None else []
        with suppress(HandlerError):  # said above
            found += self._handlers.check_config(name, config or {})
        return found

    def hint(self, plugin: str, operation: str, config: Mapping[str, Any] | None) -> Hint:
        """What the operation is expected to take; an empty hint where that is not known, e.g. because the config has
        references that matter for it."""
        try:
            found = self._registry.operation(plugin, operation)[1]
            model = found.config.model_validate(config or {})
        except ValidationError:
            model = found.config.model_construct(**_known(config or {}))
        except HandlerError:
            return Hint()
        try:
            return found.hint(model) if found.hint is not None else Hint()
        except (AttributeError, TypeError, ValueError):
            return Hint()

    def takes_inputs(self, plugin: str, operation: str) -> bool:
        """Whether its config has a field `inputs`, for the results of the steps that the step depends on:
        `{step: "${step.result}"}`. False for one that is not there."""
        try:
            return self._registry.operation(plugin, operation)[1].takes_inputs
        except HandlerError:
            return False

    def available(self) -> list[PluginView]:
        """All that are installed, by name, with what is missing for them."""
        handlers = tuple(OperationView(name, "", {"type": "object"}) for name in self._handlers.names)
        views = [PluginView(HANDLERS, "Handlers, by name or by dotted path.", handlers)]
        for name in self._registry.names:
            try:
                views.append(self._view(self._registry.plugin(name)))
            except HandlerError as error:
                views.append(PluginView(name, missing=(str(error),)))
        return sorted(views, key=lambda view: view.name)

    def _view(self, plugin: Plugin) -> PluginView:
        operations = tuple(
            OperationView(each.name, each.summary, each.config.model_json_schema(), self._missing(plugin, each.needs))
            for each in plugin.operations.values()
        )
        return PluginView(plugin.name, plugin.summary, operations, self._missing(plugin, plugin.needs))

    def _missing(self, plugin: Plugin, needs: Needs) -> tuple[str, ...]:
        return tuple(self._registry.missing(plugin, needs))


def _known(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without references."""
    return {name: value for name, value in config.items() if not any(True for _ in located_strings(value))}
