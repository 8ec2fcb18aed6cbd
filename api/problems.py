"""Error bodies as RFC 9457 has them; what went wrong inside is told to the log, and to the caller only as an id."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()


def problem_response(status: int, detail: str, *, headers: dict[str, str] | None = None, **extra: Any) -> JSONResponse:
    """A problem document with this status; `extra` are further members."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **extra}
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


async def http_problem(request: Request, error: Exception) -> JSONResponse:
    """The handler of `HTTPException`: unknown paths, methods that a path does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for nothing else)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {request.url.path}"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible at {request.url.path}"
    else:
        detail = str(error.detail)
    return problem_response(error.status_code, detail, headers=dict(error.headers or {}))


class UnexpectedErrors:
    """Turns an exception that nobody caught into a 500 with an id; the log has the traceback under that id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
        except Exception:
            error_id = uuid.uuid4().hex[:12]
            _log.exception("request failed", error_id=error_id, method=scope["method"], path=scope["path"])
            if begun:
                raise
            response = problem_response(500, f"unexpected error {error_id}; the log has the details", error_id=error_id)
            await response(scope, receive, send)
