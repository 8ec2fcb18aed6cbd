"""Which plugins there are, what is missing for them, and the operation behind `plugin:<plugin>.<operation>`.

Plugins are entry points in the group `longpole.plugins`. One is imported when it is first asked for; what it needs is
looked up without importing anything, so that a missing extra breaks nothing but the steps that want it.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from activities.failures import message_of
from activities.plugins.config import config_problems, read_config
from activities.plugins.plugin import Needs, Operation, Plugin, PluginSettings
from activities.plugins.settings import plugin_settings, setting_remedy
from activities.step_context import secret_variable
from definitions.errors import HandlerNotFound, PluginUnavailable, Problem
from definitions.nearest import did_you_mean
from definitions.values import Path

ENTRY_POINT_GROUP = "longpole.plugins"
PREFIX = "plugin:"
HANDLERS = "python"
"""The plugin whose operations are handlers; it has no entry point."""
UNKNOWN_PLUGIN = "unknown_plugin"
UNKNOWN_OPERATION = "unknown_operation"


def handler_name(plugin: str, operation: str) -> str:
    """What a step's `handler` says to run the operation."""
    return f"{PREFIX}{plugin}.{operation}"


def operation_name(handler: str) -> tuple[str, str] | None:
    """Plugin and operation that a step's `handler` names; None: it is no plugin's."""
    if not handler.startswith(PREFIX):
        return None
    plugin, _, operation = handler.removeprefix(PREFIX).partition(".")
    return plugin, operation


class PluginRegistry:
    """`settings`: what the operator's `longpole.toml` has under `[plugins]`; the environment (`environ`) goes first."""

    def __init__(
        self,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        environ: Mapping[str, str] | None = None,
        points: Mapping[str, EntryPoint] | None = None,
    ) -> None:
        """`points`: None means those of the packages that are installed."""
        self._settings = settings or {}
        self._environ = os.environ if environ is None else environ
        installed = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)} if points is None else points
        self._points = dict(installed)
        self._plugins: dict[str, Plugin] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """All that are installed, whether they can be used or not, sorted."""
        return tuple(sorted({*self._points, *self._plugins}))

    def register(self, plugin: Plugin) -> None:
        """For programs and tests: a plugin without an entry point. Raises `ValueError` for a name that is taken."""
        with self._lock:
            if plugin.name in self._points or plugin.name in self._plugins or plugin.name == HANDLERS:
                raise ValueError(f"a plugin named {plugin.name!r} is there already")
            self._plugins[plugin.name] = plugin

    def plugin(self, name: str) -> Plugin:
        """The plugin; its module is imported the first time.

        Raises `HandlerNotFound` (`unknown_plugin`) and `PluginUnavailable` when its own module can't be imported."""
        found = self._plugins.get(name)
        if found is None:
            found = self._load(name)
            with self._lock:
                found = self._plugins.setdefault(name, found)
        return found

    def operation(self, name: str, operation: str) -> tuple[Plugin, Operation]:
        """Raises what `plugin` raises, and `HandlerNotFound` (`unknown_operation`)."""
        plugin = self.plugin(name)
        found = plugin.operations.get(operation)
        if found is None:
            raise HandlerNotFound(
                f"plugin `{name}` has no operation `{operation[:80]}`",
                code=UNKNOWN_OPERATION,
                remedy=did_you_mean(operation, plugin.operations) or f"it has {', '.join(plugin.operations)}",
            )
        return plugin, found

    def missing(self, plugin: Plugin, needs: Needs | None = None) -> list[str]:
        """What to install or set before it can be used, in words; empty when it can."""
        needs = plugin.needs if needs is None else needs
        remedies = {f"install {what}": None for module, what in needs.modules.items() if not _is_there(module)}
        try:
            settings = self.settings_of(plugin)
        except PluginUnavailable as error:
            remedies[str(error)] = None
        else:
            unset = [name for name in needs.settings if not getattr(settings, name, None)]
            remedies |= {setting_remedy(plugin.name, name): None for name in unset}
        for name in needs.secrets:
            if not self._environ.get(secret_variable(name)):
                remedies[f"provide the secret `{name}`: {secret_variable(name)}"] = None
        return list(remedies)

    def settings_of(self, plugin: Plugin) -> PluginSettings | None:
        """The operator's settings for it. Raises `PluginUnavailable` for settings that can't be used."""
        if plugin.settings is None:
            return None
        given = self._settings.get(plugin.name, {})
        try:
            return plugin_settings(plugin.name, plugin.settings, given, self._environ)
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            remedy = f"correct LONGPOLE_PLUGIN_{plugin.name.upper()}_..., or [plugins.{plugin.name}] in longpole.toml"
            message = f"the settings of plugin `{plugin.name}` can't be used: {said}"
            raise PluginUnavailable(message, remedy=remedy) from None

    def require(self, plugin: Plugin, operation: Operation) -> None:
        """Raises `PluginUnavailable` with all that is missing for the operation."""
        missing = self.missing(plugin, operation.needs)
        if missing:
            raise PluginUnavailable(
                f"plugin `{plugin.name}` can't be used here for `{operation.name}`", remedy="; ".join(missing)
            )

    def config_problems(self, name: str, operation: str, config: object, at: Path = ()) -> list[Problem]:
        """What is wrong with a config before its references have values. Raises what `operation` raises."""
        return config_problems(self.operation(name, operation)[1].config, config, at)

    def resolve(self, name: str, operation: str) -> Callable[[Any], Any]:
        """A function (async, if that of the operation is) of a step's input that checks it as a config and does the
        operation.

        Raises what `operation` raises, and `PluginUnavailable`."""
        plugin, found = self.operation(name, operation)
        self.require(plugin, found)
        settings = self.settings_of(plugin)
        extra = () if settings is None else (settings,)
        if found.is_async:

            async def run_async(given: Any) -> Any:
                return _plain(await found.fn(read_config(found.config, given), *extra))

            return run_async

        def run(given: Any) -> Any:
            return _plain(found.fn(read_config(found.config, given), *extra))

        return run

    def _load(self, name: str) -> Plugin:
        point = self._points.get(name)
        if point is None:
            known = (*self.names, HANDLERS)
            raise HandlerNotFound(
                f"no plugin named `{name[:80]}` is installed",
                code=UNKNOWN_PLUGIN,
                remedy=did_you_mean(name, known) or f"installed: {', '.join(known)}",
            )
        try:
            loaded = point.load()
        except Exception as error:
            said = message_of(error)[:1000]
            remedy = f"see that `{point.value.partition(':')[0]}` and what it imports are installed"
            raise PluginUnavailable(f"plugin `{name}` can't be imported: {said}", remedy=remedy) from error
        if not isinstance(loaded, Plugin) or loaded.name != name:
            message = f"the entry point `{name}`, {point.value}, is no plugin of that name"
            raise PluginUnavailable(message, remedy="let it name a `longpole.plugin.Plugin`")
        return loaded


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _plain(result: Any) -> Any:
    dump = getattr(result, "model_dump", None)
    return dump(mode="json") if dump is not None else result
