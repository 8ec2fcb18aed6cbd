"""What a plugin is: a name, operations with their configs, what it needs, and what an operation takes.

Authors import this as `longpole.plugin`; see docs/plugins.md.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Config", "Hint", "Needs", "Operation", "Plugin", "PluginSettings"]

_PLUGIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_OPERATION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
F = TypeVar("F", bound=Callable[..., Any])


class Config(BaseModel):
    """The config of an operation: refuses fields that it does not know, and can't be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PluginSettings(BaseModel):
    """What the operator chooses for a plugin: each field is `LONGPOLE_PLUGIN_<PLUGIN>_<FIELD>` in the environment, or a
    key under `[plugins.<plugin>]` in `longpole.toml`. Passwords are no settings: `longpole.step.secret` gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Hint:
    """What an operation is expected to take, for plans and prices: None and empty where nothing is known."""

    seconds: float | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    """Amounts of pools, e.g. `{"i3.xlarge": 4}`."""
    cost: float | None = None
    """In US dollars, beside what the pools cost."""


@dataclass(frozen=True)
class Needs:
    """What must be there for an operation to run. Nothing is imported to find out."""

    modules: Mapping[str, str] = field(default_factory=dict)
    """Modules by name, each with what to install for it: `{"pyarrow": "longpole[sql]"}`."""
    settings: tuple[str, ...] = ()
    """Fields of the plugin's settings that must be set to something that is true."""
    secrets: tuple[str, ...] = ()
    """Secrets that the operator must provide, by the names that `longpole.step.secret` takes."""

    def __add__(self, other: Needs) -> Needs:
        return Needs(
            {**self.modules, **other.modules},
            tuple(dict.fromkeys((*self.settings, *other.settings))),
            tuple(dict.fromkeys((*self.secrets, *other.secrets))),
        )


@dataclass(frozen=True)
class Operation:
    """One thing that a plugin does."""

    name: str
    config: type[BaseModel]
    fn: Callable[..., Any]
    """A plain or async function of the config and, where the plugin has settings, of these."""
    summary: str
    needs: Needs
    hint: Callable[[Any], Hint] | None

    @property
    def is_async(self) -> bool:
        """Whether `fn` is a coroutine function."""
        return inspect.iscoroutinefunction(self.fn)

    @property
    def takes_inputs(self) -> bool:
        """Whether its config has a field `inputs`, for the results of the steps that its step depends on."""
        return "inputs" in self.config.model_fields


class Plugin:
    """Operations under one name, which is that of its entry point in the group `longpole.plugins`.

        plugin = Plugin("weather", summary="Forecasts.", needs=Needs(secrets=("weather_key",)))

        class Forecast(Config):
            city: str
            days: int = 3

        @plugin.operation(Forecast, hint=lambda config: Hint(seconds=config.days))
        async def forecast(config: Forecast) -> dict:
            \"\"\"The weather of the days to come.\"\"\"

    With `settings`, a `PluginSettings`, operations get the operator's as their second argument. `elsewhere`: the work
    is done on other machines, and what the worker uses meanwhile is not told of their steps. Raises `ValueError` for a
    name that steps could not write."""

    def __init__(
        self,
        name: str,
        *,
        summary: str = "",
        needs: Needs | None = None,
        settings: type[PluginSettings] | None = None,
        elsewhere: bool = False,
    ) -> None:
        if not _PLUGIN_NAME.fullmatch(name):
            raise ValueError(
                f"a plugin can't be named {name!r}: lower-case letters, digits and _, beginning with a letter"
            )
        self.name = name
        self.summary = summary
        self.needs = needs or Needs()
        self.settings = settings
        self.elsewhere = elsewhere
        self.operations: dict[str, Operation] = {}

    def operation(
        self,
        config: type[BaseModel],
        *,
        name: str | None = None,
        needs: Needs | None = None,
        hint: Callable[[Any], Hint] | None = None,
    ) -> Callable[[F], F]:
        """Makes the function an operation, by its own name unless another is given; the first line of its docstring
        says what it does. `needs`: beside those of the plugin. Raises `ValueError` for a name that is taken or can't be
        written."""

        def add(fn: F) -> F:
            chosen = name or fn.__name__
            if not _OPERATION_NAME.fullmatch(chosen):
                raise ValueError(
                    f"an operation can't be named {chosen!r}: letters, digits and _, beginning with a letter"
                )
            if chosen in self.operations:
                raise ValueError(f"plugin {self.name!r} has an operation {chosen!r} already")
            summary = (inspect.getdoc(fn) or "").partition("\n")[0]
            self.operations[chosen] = Operation(chosen, config, fn, summary, self.needs + (needs or Needs()), hint)
            return fn

        return add
