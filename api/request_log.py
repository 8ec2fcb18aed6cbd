"""Request ids (`X-Request-ID`), and a line in the log for each request."""

from __future__ import annotations

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.exchange import Exchange, exchange_of

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)
_QUIET = frozenset({"GET", "HEAD", "OPTIONS"})
_log = structlog.get_logger()


class RequestLog:
    """The caller's request id, or a new one, goes into every log line and into the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = exchange_of(scope)
        sent = Headers(scope=scope).get(HEADER, "")
        if _ACCEPTED.fullmatch(sent):
            exchange.request_id = sent
        status = 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = exchange.request_id
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
            try:
                await self._app(scope, receive, named)
            finally:
                _tell(scope, exchange, status, time.perf_counter() - began)


def _tell(scope: Scope, exchange: Exchange, status: int, seconds: float) -> None:
    """Reading that went well is told only to those who want to know everything."""
    method = scope["method"]
    tell = _log.debug if method in _QUIET and 0 < status < 400 else _log.info
    subject = exchange.identity.subject if exchange.identity is not None else None
    # The path without its query, which may hold what does not belong into a log.
    tell("request", method=method, path=scope["path"], status=status, ms=round(seconds * 1000, 1), subject=subject)
