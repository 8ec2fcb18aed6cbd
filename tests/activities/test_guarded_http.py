"""HTTP to addresses that users name. Names are resolved by the tests themselves; only loopback is ever connected to."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import httpcore
import httpx
import pytest

from activities.addresses import AddressRefused, OutboundPolicy, check_url
from activities.guarded_http import GuardedTransport, Resolve, exchange, guarded_client
from definitions.errors import LongpoleError

LOOPBACK = OutboundPolicy.of(["127.0.0.0/8"])
NOBODY = OutboundPolicy()
PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7",
    "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "100::1", "2001::1",
    "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "not an address",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Recording(httpcore.AsyncNetworkBackend):
    """Connects nowhere, and knows where it should have."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        self.asked.append(host)
        raise httpcore.ConnectError("nobody is there")


def answering(*answers: Sequence[str]) -> Resolve:
    """A resolver with an answer for each time that it is asked."""
    waiting = list(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return waiting.pop(0)

    return resolve


@asynccontextmanager
async def receiver(respond: Respond) -> AsyncIterator[int]:
    """The port of a server on loopback that answers each connection once, as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await respond(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(head: str, body: bytes = b"") -> Respond:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()

    return respond


@pytest.mark.parametrize("address", PRIVATE)
async def test_what_is_not_public_is_refused_before_it_is_connected_to(address: str) -> None:
    backend = Recording()
    transport = GuardedTransport(NOBODY, resolve_with=answering([address]), backend=backend)
    async with guarded_client(NOBODY, transport=transport) as client:
        with pytest.raises(AddressRefused, match=r"hooks\.example leads to an address that is not public"):
            await client.get("http://hooks.example/")
    assert backend.asked == []


@pytest.mark.parametrize("address", PUBLIC)
async def test_what_is_public_is_connected_to_at_the_address_that_was_checked(address: str) -> None:
    backend = Recording()
    transport = GuardedTransport(NOBODY, resolve_with=answering([address]), backend=backend)
    async with guarded_client(NOBODY, transport=transport) as client:
        with pytest.raises(httpx.ConnectError, match="nobody is there"):
            await client.get("http://hooks.example/")
    assert backend.asked == [address]


async def test_a_name_that_leads_to_a_public_and_a_private_address_is_refused() -> None:
    backend = Recording()
    transport = GuardedTransport(NOBODY, resolve_with=answering(["8.8.8.8", "10.0.0.1"]), backend=backend)
    async with guarded_client(NOBODY, transport=transport) as client:
        with pytest.raises(AddressRefused):
            await client.get("http://hooks.example/")
    assert backend.asked == []


async def test_a_name_server_that_changes_its_mind_is_asked_once_for_each_connection() -> None:
    backend = Recording()
    resolve = answering(["8.8.8.8", "1.1.1.1"], ["127.0.0.1"])
    async with guarded_client(NOBODY, transport=GuardedTransport(NOBODY, resolve_with=resolve, backend=backend)) as c:
        with pytest.raises(httpx.ConnectError):
            await c.get("http://hooks.example/")
        with pytest.raises(AddressRefused):
            await c.get("http://hooks.example/")
    assert backend.asked == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "localhost"])
async def test_loopback_in_any_spelling_is_refused_by_the_systems_own_resolver(host: str) -> None:
    async with guarded_client(NOBODY) as client:
        with pytest.raises(AddressRefused):
            await client.get(f"http://{host}:9/")


async def test_an_allowed_network_is_called_with_the_name_that_was_asked_for() -> None:
    seen: list[bytes] = []

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nok")

    transport = GuardedTransport(LOOPBACK, resolve_with=answering(["127.0.0.1"], ["127.0.0.1"]))
    async with receiver(respond) as port, guarded_client(LOOPBACK, transport=transport) as client:
        answer = await exchange(client, "GET", f"http://hooks.example:{port}/x")
        assert (answer.status, answer.body, answer.truncated) == (200, b"ok", False)
        assert dict(client.cookies) == {}
    assert f"Host: hooks.example:{port}".encode() in seen[0]


async def test_an_address_that_does_not_answer_is_followed_by_the_next() -> None:
    async with receiver(saying("204 No Content")) as port:
        transport = GuardedTransport(LOOPBACK, resolve_with=answering(["127.0.0.2", "127.0.0.1"]))
        async with guarded_client(LOOPBACK, transport=transport) as client:
            assert (await exchange(client, "GET", f"http://hooks.example:{port}/")).status == 204


async def test_redirects_are_answers_and_not_followed() -> None:
    async with (
        receiver(saying("302 Found\r\nLocation: http://127.0.0.1:9/")) as port,
        guarded_client(LOOPBACK) as client,
    ):
        assert (await exchange(client, "GET", f"http://127.0.0.1:{port}/")).status == 302


async def test_of_a_body_without_end_only_what_is_wanted_is_read() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with receiver(respond) as port, guarded_client(LOOPBACK) as client:
        answer = await exchange(client, "GET", f"http://127.0.0.1:{port}/", max_body=1000)
    assert (answer.body, answer.truncated) == (b"x" * 1000, True)


@pytest.mark.parametrize(("size", "truncated"), [(900, False), (50_000_000, True)])
async def test_packed_bodies_are_unpacked_no_further_than_wanted(size: int, truncated: bool) -> None:
    packed = saying("200 OK\r\nContent-Encoding: gzip", gzip.compress(b"0" * size))
    async with receiver(packed) as port, guarded_client(LOOPBACK) as client:
        answer = await exchange(client, "GET", f"http://127.0.0.1:{port}/", max_body=1000)
    assert (answer.body, answer.truncated) == (b"0" * min(size, 1000), truncated)


async def test_a_body_that_is_not_packed_as_it_says_is_a_transport_error() -> None:
    async with (
        receiver(saying("200 OK\r\nContent-Encoding: gzip", b"plain")) as port,
        guarded_client(LOOPBACK) as client,
    ):
        with pytest.raises(httpx.ReadError, match="not compressed as it says"):
            await exchange(client, "GET", f"http://127.0.0.1:{port}/")


async def test_an_answer_that_trickles_ends_with_the_time_for_all_of_it() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with receiver(respond) as port, guarded_client(LOOPBACK) as client:
        with pytest.raises(httpx.TimeoutException, match=r"within 0\.3 s"):
            await exchange(client, "GET", f"http://127.0.0.1:{port}/", seconds=0.3)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with receiver(saying("200 OK")) as port, guarded_client(LOOPBACK) as client:
        assert (await exchange(client, "GET", f"http://127.0.0.1:{port}/")).status == 200


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://hooks.example/", "no address like"),
        ("hooks.example", "no address like"),
        ("https://", "no address like"),
        ("https://user:secret@hooks.example/", "carries a user or password"),
        ("https://hooks.example:99999/", "can't be read"),
        ("https://hooks.example/a b", "characters that a URL can't have"),
        ("https://hooks.example/\r\nX: 1", "characters that a URL can't have"),
        ("https://hooks.example/" + "a" * 2048, "2048 is the limit"),
        ("http://hooks.example/", "not encrypted .*webhook_plain_http"),
    ],
)
def test_a_url_that_can_not_be_called_is_refused_where_it_is_given(url: str, said: str) -> None:
    with pytest.raises(LongpoleError, match=said) as refused:
        check_url(url, NOBODY, plain_http=False)
    assert refused.value.code == "url_invalid"


def test_a_private_address_in_numbers_is_refused_where_it_is_given() -> None:
    with pytest.raises(AddressRefused):
        check_url("https://127.0.0.1/", NOBODY)
    with pytest.raises(AddressRefused):
        check_url("https://[fd00::1]/", NOBODY)
    assert check_url("https://127.0.0.1/", LOOPBACK) == "https://127.0.0.1/"
    assert check_url("https://hooks.example/", NOBODY) == "https://hooks.example/"
