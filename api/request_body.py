"""The body of a request: read within a limit and a time, and as JSON of bounded depth."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from api.refusals import BodyMalformed, BodyTooLarge, BodyTooSlow, MediaTypeUnsupported
from definitions.json_values import MAX_DEPTH

_JSON = re.compile(r"application/(?:json|[a-z0-9!#$&^_.+-]+\+json)", re.ASCII)
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DRAINED = 64 * 1024 * 1024
_DRAIN_SECONDS = 10.0
_PARSER_TOO_DEEP = "recursion limit"


async def read_body(scope: Scope, receive: Receive, *, limit: int, seconds: float) -> bytes:
    """The whole body. Raises `BodyTooLarge`, `BodyTooSlow` and `ClientDisconnect`."""
    headers = Headers(scope=scope)
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        if headers.get("expect", "").lower() != "100-continue":
            await _drain(receive)
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in _parts(receive):
                body += part
                if len(body) > limit:
                    await _drain(receive)
                    raise _too_large(limit)
    except TimeoutError:
        raise BodyTooSlow(f"the body did not arrive within {seconds:g} s", remedy="send it faster") from None
    return bytes(body)


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _drain(receive: Receive) -> None:
    """Take in what still comes and forget it: a caller that is cut off while it sends would not read the answer."""
    drained = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for part in _parts(receive):
                drained += len(part)
                if drained > _DRAINED:
                    return
    except TimeoutError:
        return


def again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def parse_json(scope: Scope, body: bytes) -> Any:
    """A body as JSON (RFC 8259: UTF-8, no NaN, no half surrogates), nested at most 64 deep.

    Raises `MediaTypeUnsupported` and `BodyMalformed`.
    """
    said = Headers(scope=scope).get("content-type", "")
    kind, _, parameters = said.partition(";")
    charset = re.search(r'charset="?([^";\s]+)', parameters, re.IGNORECASE)
    if not _JSON.fullmatch(kind.strip().lower()) or (charset and charset[1].lower() not in ("utf-8", "utf8")):
        shown = said[:80] or "nothing"
        raise MediaTypeUnsupported(f"the body says it is {shown}", remedy="send JSON, Content-Type: application/json")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        if _PARSER_TOO_DEEP in str(error):
            raise _too_deep() from None
        raise BodyMalformed(f"the body is no JSON: {error}", remedy="send one JSON value in UTF-8") from None
    if _depth_exceeds(body, MAX_DEPTH):
        raise _too_deep()
    return value


def _depth_exceeds(body: bytes, depth: int) -> bool:
    """Whether valid JSON is nested deeper: its brackets alone, with the innermost pairs taken away level by level."""
    brackets = _STRING.sub(b"", body).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes", remedy="send less, or ask the operator for more")


def _too_deep() -> BodyMalformed:
    return BodyMalformed(
        f"the body is nested deeper than {MAX_DEPTH} levels", code="too_deep", remedy="make it flatter"
    )
