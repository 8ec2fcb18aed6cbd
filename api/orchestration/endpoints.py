"""The Orchestration API: `/v1/workflows/...`. Its endpoints are in one file for each thing that they are about."""

from __future__ import annotations

from fastapi import APIRouter

from api.orchestration import (
    event_endpoints,
    execution_endpoints,
    plugin_endpoints,
    schedule_endpoints,
    steering_endpoints,
    template_endpoints,
    webhook_endpoints,
    workflow_endpoints,
)
from api.orchestration.errors import ORCHESTRATION_ERRORS
from api.routing import surface_router
from api.surface import Surface
from engine.settings import Settings

BASE = "/v1/workflows"
_ROUTERS: tuple[APIRouter, ...] = (
    execution_endpoints.router,
    steering_endpoints.router,
    event_endpoints.router,
    plugin_endpoints.router,
    schedule_endpoints.router,
    template_endpoints.router,
    webhook_endpoints.router,
    workflow_endpoints.router,
)
"""Fixed paths come before those with a workflow's id in their place: `workflow_endpoints` is the last one."""


def _hosts(settings: Settings) -> tuple[str, ...]:
    return settings.orchestration_hosts


def _router() -> APIRouter:
    router = surface_router()
    for each in _ROUTERS:
        router.include_router(each)
    return router


ORCHESTRATION = Surface(
    name="orchestration",
    title="Longpole: Orchestration API",
    base="/v1",
    errors=ORCHESTRATION_ERRORS,
    router=_router(),
    hosts=_hosts,
    aliases={f"{BASE}/workflows": BASE},
)
