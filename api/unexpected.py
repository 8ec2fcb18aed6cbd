"""Errors that nobody caught: an id for the caller, everything for the log."""

from __future__ import annotations

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.faults import ErrorManner, new_error_id, unexpected_fault

_log = structlog.get_logger()


class UnexpectedErrors:
    """Turns an exception that nobody caught into a 500 with an id; the log has the traceback under that id."""

    def __init__(self, app: ASGIApp, manner: ErrorManner) -> None:
        self._app = app
        self._manner = manner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            _log.debug("the caller left before the whole request was there", path=scope["path"])
        except Exception:
            error_id = new_error_id()
            _log.exception("request failed", error_id=error_id, method=scope["method"], path=scope["path"])
            if begun:
                raise
            response = self._manner.response(Request(scope), unexpected_fault(error_id))
            await response(scope, receive, send)
