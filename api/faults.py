"""Whatever goes wrong, as one `Fault`, and how a surface tells it: each has its own error body, for every error."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.refusals import BodyTooSlow, RequestRefused
from definitions.errors import (
    CheckpointInvalid,
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    LongpoleError,
    Misconfigured,
    NotFound,
    Problem,
    ProblemsError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from definitions.json_values import field_path

RETRY_AFTER_SECONDS = 2
_STATUSES: tuple[tuple[type[LongpoleError], HTTPStatus], ...] = (
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (CheckpointInvalid, HTTPStatus.CONFLICT),
    (IdempotencyKeyReused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
)
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
_log = structlog.get_logger()
_REALM = 'Bearer realm="longpole"'


@dataclass(frozen=True)
class Fault:
    """What went wrong, in no surface's words. `error_id`: under which the log has what only the log may have."""

    status: int
    code: str
    message: str
    remedy: str = ""
    problems: tuple[Problem, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    error_id: str | None = None

    @property
    def title(self) -> str:
        """The status in HTTP's words."""
        return HTTPStatus(self.status).phrase

    @property
    def text(self) -> str:
        """Message and remedy."""
        return f"{self.message} ({self.remedy})" if self.remedy else self.message

    @property
    def whole_text(self) -> str:
        """The same, and every problem."""
        problems = "; ".join(map(str, self.problems))
        return f"{self.text}: {problems}" if problems else self.text


@dataclass(frozen=True)
class ErrorManner:
    """How a surface tells of errors. `invalid`: the status of a request that can be read and is wrong; `foreign`: that
    of an object that is another's."""

    model: type[BaseModel]
    body: Callable[[Request, Fault], BaseModel]
    media_type: str = "application/json"
    invalid: int = HTTPStatus.UNPROCESSABLE_ENTITY
    foreign: int = HTTPStatus.NOT_FOUND

    def fault(self, request: Request, error: Exception) -> Fault:
        """The error as a fault. Only for errors that a caller may see; others are `unexpected_fault`."""
        if isinstance(error, RequestValidationError):
            return self._validation_fault(error)
        if isinstance(error, LongpoleError):
            return self._core_fault(error)
        assert isinstance(error, HTTPException)  # noqa: S101 (registered for nothing else)
        return _http_fault(request, error)

    def response(self, request: Request, fault: Fault) -> Response:
        """The fault in the surface's words."""
        content = self.body(request, fault).model_dump_json(exclude_none=True)
        return Response(content, int(fault.status), headers=dict(fault.headers), media_type=self.media_type)

    async def handle(self, request: Request, error: Exception) -> Response:
        """The exception handler of a surface's application."""
        return self.response(request, self.fault(request, error))

    def _core_fault(self, error: LongpoleError) -> Fault:
        if isinstance(error, ServiceUnavailable):
            # It may name files, addresses and what a driver said: that is for the log.
            _log.warning("a request could not be served", code=error.code, error=str(error))
            return Fault(
                _UNAVAILABLE, error.code, "the service can't do this now", "try again", headers=_headers(error)
            )
        if isinstance(error, Misconfigured):
            error_id = new_error_id()
            _log.error("a request could not be served", error_id=error_id, code=error.code, error=str(error))
            return unexpected_fault(error_id)
        if isinstance(error, NotFound) and error.foreign and self.foreign != HTTPStatus.NOT_FOUND:
            return Fault(self.foreign, "access_denied", "access denied: it belongs to another user")
        problems = error.problems if isinstance(error, ProblemsError) else ()
        message = error.message.splitlines()[0].removesuffix(":") if problems else error.message
        return Fault(self._status(error), error.code, message, error.remedy, problems, headers=_headers(error))

    def _status(self, error: LongpoleError) -> int:
        if isinstance(error, RequestRefused):
            return error.status
        return next((status for kind, status in _STATUSES if isinstance(error, kind)), self.invalid)

    def _validation_fault(self, error: RequestValidationError) -> Fault:
        problems = tuple(_problem(details) for details in error.errors())
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        return Fault(self.invalid, "invalid_request", f"the request has {count}", problems=problems)


def new_error_id() -> str:
    """Under which the log has what a caller is not told."""
    return uuid.uuid4().hex[:12]


def unexpected_fault(error_id: str) -> Fault:
    """What a caller is told of an error that nobody expected."""
    message = f"unexpected error {error_id}; the log has the details"
    return Fault(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", message, error_id=error_id)


def _http_fault(request: Request, error: HTTPException) -> Fault:
    status, code, message = error.status_code, "bad_request", str(error.detail)
    if status == HTTPStatus.NOT_FOUND:
        code, message = "not_found", f"there is nothing at {request.url.path}"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        code, message = "method_not_allowed", f"{request.method} is not possible at {request.url.path}"
    return Fault(status, code, message, headers=dict(error.headers or {}))


def _problem(details: dict[str, Any]) -> Problem:
    """One of Pydantic's errors; the part of the request is only named where it is not the body."""
    place, *path = details["loc"]
    shown = field_path(tuple(path)) if place == "body" else f"{place}.{field_path(tuple(path))}"
    cause = (details.get("ctx") or {}).get("error")
    if isinstance(cause, LongpoleError):
        return Problem(cause.code, shown, cause.message, cause.remedy)
    code = {"missing": "missing_field", "extra_forbidden": "unknown_key"}.get(details["type"], "invalid_value")
    return Problem(code, shown, f"{details['msg'][:1].lower()}{details['msg'][1:]}")


def _headers(error: LongpoleError) -> dict[str, str]:
    if isinstance(error, BodyTooSlow):
        return {"Connection": "close"}  # RFC 9110, 15.5.9: what may still come is not waited for
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, ServiceUnavailable):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, Unauthenticated):
        # RFC 6750, 3.1: without credentials no error code
        sent = error.code != "no_credentials"
        return {"WWW-Authenticate": f'{_REALM}, error="invalid_token"' if sent else _REALM}
    if isinstance(error, Forbidden) and error.code == "insufficient_scope":
        return {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"'}
    return {}
