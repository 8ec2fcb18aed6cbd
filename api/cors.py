"""Which pages may call the API from a browser."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

from api.conventions import IDEMPOTENCY_HEADER
from api.idempotent import REPLAYED_HEADER
from api.request_log import HEADER as REQUEST_ID_HEADER

_SENT = ["Authorization", "Content-Type", "Last-Event-ID", IDEMPOTENCY_HEADER, REQUEST_ID_HEADER]
_SHOWN = ["Location", "Retry-After", REPLAYED_HEADER, REQUEST_ID_HEADER]


def allow_origins(app: Starlette, origins: tuple[str, ...]) -> None:
    """Let pages of these origins call it: with tokens, never with cookies. None: nothing is added."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_SENT,
            expose_headers=_SHOWN,
        )
