"""The operator's settings of one plugin, from the environment and from `longpole.toml`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from activities.plugins.plugin import PluginSettings

S = TypeVar("S", bound=PluginSettings)


def plugin_settings(plugin: str, model: type[S], given: Mapping[str, Any], environ: Mapping[str, str]) -> S:
    """`given`: what the file has under `[plugins.<plugin>]`; variables that are set and not empty go first, lists and
    mappings in them as JSON. Raises Pydantic's `ValidationError`."""
    from_environment = {
        field: _value(environ[name])
        for field in model.model_fields
        if environ.get(name := setting_variable(plugin, field))
    }
    return model.model_validate({**given, **from_environment})


def setting_variable(plugin: str, field: str) -> str:
    """The environment variable of a field: `LONGPOLE_PLUGIN_SHELL_ALLOW`."""
    return f"LONGPOLE_PLUGIN_{plugin.upper()}_{field.upper()}"


def setting_remedy(plugin: str, field: str) -> str:
    """Where to set a field, in words."""
    return f"set {setting_variable(plugin, field)}, or `{field}` under [plugins.{plugin}] in longpole.toml"


def _value(text: str) -> Any:
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
