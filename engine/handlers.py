"""What steps may run by the operator's settings."""

from __future__ import annotations

from activities.plugins.registry import PluginRegistry
from activities.registry import HandlerRegistry
from engine.settings import Settings


def open_handlers(settings: Settings) -> HandlerRegistry:
    """Handlers and plugins. Raises `LongpoleError` (`handler_allow_list_invalid`)."""
    given = settings.plugins
    # What webhooks may call, requests of workflows may call as well, unless the operator says otherwise.
    http = {"allow": settings.outbound_allow, **given.get("http", {})}
    mlflow = {"tracking_uri": f"sqlite:///{settings.data_dir}/mlflow/mlflow.db", **given.get("mlflow", {})}
    plugins = PluginRegistry({**given, "http": http, "mlflow": mlflow})
    return HandlerRegistry(settings.handler_allow, settings.handler_paths, plugins)
