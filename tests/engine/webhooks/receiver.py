"""A receiver of webhooks on loopback, which answers as it is told and keeps what it got."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook as Verifier

from tests.polling import eventually

Behave = Callable[["Received", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request."""

    headers: dict[str, str]
    body: str

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    def verify(self, secret: str) -> dict[str, Any]:
        """By the reference library. Raises `WebhookVerificationError`."""
        payload: dict[str, Any] = Verifier(secret).verify(self.body, self.headers)
        return payload


@dataclass
class Receiver:
    """`behave`: what it does with a request; by default it accepts all. `accepted`: those that it said 2xx to."""

    url: str = ""
    behave: Behave | None = None
    requests: list[Received] = field(default_factory=list)
    accepted: list[Received] = field(default_factory=list)

    async def accept(self, request: Received, writer: asyncio.StreamWriter) -> None:
        """Say 204."""
        self.accepted.append(request)
        await say(writer, "204 No Content")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                assert line.startswith(b"POST ")
                headers = {}
                while (line := await reader.readline()).strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers["content-length"]))
                request = Received(headers, body.decode())
                self.requests.append(request)
                await (self.behave or self.accept)(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender has gone, or the test is over
        finally:
            writer.close()


async def say(writer: asyncio.StreamWriter, status: str, *headers: str, body: bytes = b"") -> None:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    writer.write("\r\n".join(lines).encode() + body)
    await writer.drain()


@asynccontextmanager
async def receiving(behave: Behave | None = None) -> AsyncIterator[Receiver]:
    """A receiver as long as the block lasts."""
    receiver = Receiver(behave=behave)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await receiver.serve(reader, writer)
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def got(receiver: Receiver, count: int) -> list[Received]:
    """What it has accepted, once that is so much."""

    async def enough() -> bool:
        return len(receiver.accepted) >= count

    await eventually(enough)
    return receiver.accepted


def told(requests: Sequence[Received]) -> list[str]:
    """The events, without what all begin with."""
    return [request.payload["event"].removeprefix("workflow.") for request in requests]
