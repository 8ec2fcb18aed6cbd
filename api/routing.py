"""The routes of surfaces: none runs without the conventions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.conventions import Conventions
from api.exchange import exchange_of
from api.rules import rules_of


class _ReadRequest(Request):
    """A request whose body has been parsed."""

    async def json(self) -> Any:
        return exchange_of(self.scope).body


class SurfaceRoute(APIRoute):
    """A route that authenticates, counts, limits and remembers before its endpoint runs."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request whose path is this route's."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        conventions: Conventions = scope["app"].state.conventions
        await conventions.serve(super().handle, rules_of(self.endpoint), scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's, on a request that is parsed already."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_ReadRequest(request.scope, request.receive))

        return handle


def surface_router() -> APIRouter:
    """A router for the endpoints of a surface."""
    return APIRouter(route_class=SurfaceRoute, redirect_slashes=False)
