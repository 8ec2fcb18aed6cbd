"""The plugins that steps may name."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel

from api.dependencies import Caller, SeenEngine
from api.orchestration.envelope import Answer
from api.routing import surface_router
from engine.plugins import Plugins, PluginView

router = surface_router()


class Operation(BaseModel):
    """One thing that a plugin does; `config_schema` is the JSON Schema of its config."""

    name: str
    summary: str
    available: bool
    missing: list[str]
    config_schema: dict[str, Any]


class Plugin(BaseModel):
    """One plugin; `missing` is what to install or set before it can be used."""

    name: str
    summary: str
    available: bool
    missing: list[str]
    operations: list[Operation]


@router.get("/v1/workflows/plugins")
async def list_plugins(engine: SeenEngine, caller: Caller) -> Answer[list[Plugin]]:
    """All plugins that are installed, whether they can be used or not, by name."""
    # Asking for the first time imports them.
    views = await asyncio.to_thread(Plugins(engine.settings, engine.registry).available)
    return Answer(data=[_plugin(view) for view in views])


def _plugin(view: PluginView) -> Plugin:
    operations = [
        Operation(
            name=each.name,
            summary=each.summary,
            available=not each.missing,
            missing=list(each.missing),
            config_schema=each.config_schema,
        )
        for each in view.operations
    ]
    missing = list(view.missing)
    return Plugin(name=view.name, summary=view.summary, available=not missing, missing=missing, operations=operations)
