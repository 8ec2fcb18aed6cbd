"""Which surface answers a request: by host name, by prefix, or by the documented path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.conventions import Conventions
from api.surface import Surface

OPERATION_PATHS = ("/healthz", "/readyz")
"""Answered at every host."""


class Switchboard:
    """Surfaces before the application that answers the rest."""

    def __init__(self, app: ASGIApp, surfaces: Sequence[Surface], conventions: Conventions) -> None:
        self._app = app
        built = [(surface, surface.application(conventions)) for surface in surfaces]
        settings = conventions.settings
        self._by_prefix = {f"/{surface.name}": each for surface, each in built}
        self._aliases: dict[ASGIApp, Mapping[str, str]] = {each: surface.aliases for surface, each in built}
        self._by_host = {host.lower(): each for surface, each in built for host in surface.hosts(settings)}
        bases: dict[str, ASGIApp] = {}
        for surface, each in built:
            if surface.name == settings.v1_surface or surface.base not in bases:
                bases[surface.base] = each
        self._by_base = sorted(bases.items(), key=lambda item: -len(item[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            app, prefix = self._find(scope["path"], _host(scope))
            # The outer application has left its mark in the scope; the inner one gets a copy to put its own into.
            path = prefix + self._plain(app, scope["path"].removeprefix(prefix))
            await app({**scope, "path": path, "root_path": scope.get("root_path", "") + prefix}, receive, send)
        else:
            await self._app(scope, receive, send)

    def _find(self, path: str, host: str) -> tuple[ASGIApp, str]:
        """The application, and the part of the path that only says which."""
        if path in OPERATION_PATHS:
            return self._app, ""
        for prefix, app in self._by_prefix.items():
            if _is_under(path, prefix):
                return app, prefix
        if host in self._by_host:
            return self._by_host[host], ""
        return next(((app, "") for base, app in self._by_base if _is_under(path, base)), (self._app, ""))

    def _plain(self, app: ASGIApp, path: str) -> str:
        """The path as the surface's routes have it; a slash at its end changes nothing."""
        path = path.removesuffix("/") or "/"
        for alias, meant in self._aliases.get(app, {}).items():
            if _is_under(path, alias):
                return meant + path.removeprefix(alias)
        return path


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _host(scope: Scope) -> str:
    """The host name without its port."""
    host = Headers(scope=scope).get("host", "").lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
