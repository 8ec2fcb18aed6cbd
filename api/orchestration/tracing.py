"""What a request is known by in logs: its own id, and the trace that it is part of."""

from __future__ import annotations

import re

from starlette.requests import Request

from api.exchange import exchange_of

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def correlation_of(request: Request) -> str:
    """The request's id, which its answer has as `X-Request-ID`."""
    return exchange_of(request.scope).request_id


def trace_of(request: Request) -> str:
    """The trace that `traceparent` names (W3C Trace Context); empty: none."""
    match = _TRACEPARENT.fullmatch(request.headers.get("traceparent", "").strip())
    return match[1] if match is not None else ""
