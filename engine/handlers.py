"""What steps may run by the operator's settings."""

from __future__ import annotations

from activities.plugins.registry import PluginRegistry
from activities.registry import HandlerRegistry
from engine.settings import Settings


def open_handlers(settings: Settings) -> HandlerRegistry:
    """Handlers and plugins. Raises `LongpoleError` (`handler_allow_list_invalid`)."""
    # What webhooks may call, requests of workflows may call as well, unless the operator says otherwise.
    http = {"allow": settings.outbound_allow, **settings.plugins.get("http", {})}
    plugins = PluginRegistry({**settings.plugins, "http": http})
    return HandlerRegistry(settings.handler_allow, settings.handler_paths, plugins)
