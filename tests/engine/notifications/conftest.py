from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.message import Message as Letter
from typing import Any

import pytest
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP


class Mailbox(Message):
    """What a mail server got, and what it says to it."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[Letter] = []
        self.answers: list[str] = []

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.letters.append(self.prepare_message(session, envelope))
        return self.answers.pop(0) if self.answers else "250 OK"

    def handle_message(self, _letter: Letter) -> None:
        """`handle_DATA` has it already."""


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def mail_port(mailbox: Mailbox) -> AsyncIterator[int]:
    """A mail server on loopback."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, loop=loop), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
