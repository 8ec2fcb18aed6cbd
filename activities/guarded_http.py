"""HTTP to addresses that users name: checked when they are connected to, and bounded in size and time.

A name is resolved once, every address that it leads to is checked (`activities.addresses`), and the connection is made
to one of exactly these: a name server that answers otherwise the next time changes nothing. TLS still checks the
certificate of the name. Redirects are never followed, no proxy of the environment is used, and no cookie is kept.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from activities.addresses import OutboundPolicy

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
MAX_BODY = 64 * 1024
"""Bytes that are read of an answer, unless the caller says otherwise."""
MAX_CONNECTIONS = 500
_CHUNK = 16 * 1024

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> addresses in numbers, the best first. Raises `OSError`."""


async def resolve(host: str, port: int) -> list[str]:
    """By the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, policy: OutboundPolicy, resolve: Resolve, backend: httpcore.AsyncNetworkBackend) -> None:
        self._policy = policy
        self._resolve = resolve
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(host, port, timeout, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"{host} was not reached within {timeout:g} s") from None

    async def _connect(
        self, host: str, port: int, timeout: float | None, local_address: str | None, socket_options: Any
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} can't be found: {error}") from None
        if not addresses:
            raise httpcore.ConnectError(f"{host} has no address")
        self._policy.require(host, addresses)
        failure: Exception | None = None
        each = None if timeout is None else timeout / len(addresses)  # one that never answers leaves time for the next
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, each, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None  # noqa: S101  # there was an address
        raise failure

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("only TCP is spoken here")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than all else about a client."""
    return httpx.create_ssl_context()


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over guarded connections. `resolve_with` and `backend` take the places of the system's."""

    def __init__(
        self,
        policy: OutboundPolicy,
        *,
        resolve_with: Resolve = resolve,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        # Not httpx's own constructor: it makes a pool whose connections nobody could guard.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_certificates(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(policy, resolve_with, backend or httpcore.AnyIOBackend()),
        )


def guarded_client(
    policy: OutboundPolicy, *, transport: GuardedTransport | None = None, seconds: float = ANSWER_SECONDS
) -> httpx.AsyncClient:
    """A client that calls nothing but what the policy admits. `seconds`: for each read and write; what a whole exchange
    may take is bounded by `exchange`. To be closed by the caller."""
    return httpx.AsyncClient(
        transport=transport or GuardedTransport(policy),
        timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


@dataclass(frozen=True)
class Answer:
    """What came back. `truncated`: there was more of the body than was wanted."""

    status: int
    headers: httpx.Headers
    body: bytes
    truncated: bool


async def exchange(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    seconds: float = ANSWER_SECONDS,
    max_body: int = MAX_BODY,
    **request: Any,
) -> Answer:
    """One request and its answer, whatever its status, within `seconds` in all. `request`: as `AsyncClient.request`.

    Of a larger body the first `max_body` bytes are read and the connection is closed. Raises `httpx.TransportError`
    (`TimeoutException` among them), `httpx.InvalidURL` and `AddressRefused`."""
    try:
        async with asyncio.timeout(seconds), client.stream(method, url, **request) as response:
            # Cookies would go back to whoever shares the client.
            client.cookies.clear()
            body, truncated = await _read(response, max_body)
            return Answer(response.status_code, response.headers, body, truncated)
    except TimeoutError:
        raise httpx.ReadTimeout(f"no whole answer within {seconds:g} s") from None


async def _read(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    # Bytes as they are sent: httpx unpacks whole chunks, and a few of them can become gigabytes.
    unpack = _unpacking(response.headers.get("content-encoding", ""))
    body = bytearray()
    async for chunk in response.aiter_raw(_CHUNK):
        body += unpack(chunk, most + 1 - len(body))
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


def _unpacking(encoding: str) -> Callable[[bytes, int], bytes]:
    """Nobody is asked to compress; those that do so anyway mostly use these."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return lambda chunk, _most: chunk
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(chunk: bytes, most: int) -> bytes:
        try:
            return inflate.decompress(inflate.unconsumed_tail + chunk, most)
        except zlib.error as error:
            raise httpx.ReadError(f"the answer is not compressed as it says: {error}") from None

    return unpack
