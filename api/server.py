"""The HTTP server around the application."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from api.app import create_app
from api.listener import listen, url_of
from engine.garbage import spare_what_stays
from engine.settings import Settings

_GRACE_SECONDS = 4
"""What open requests get when the server is told to stop."""
_log = structlog.get_logger()


class _Server(uvicorn.Server):
    """Tells when it answers, and on which port."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's own, but the process does not die of the signal once it has stopped: it was asked to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell_started()


async def serve(settings: Settings, *, ready: Callable[[str, int], None]) -> None:
    """Answer on `settings.host` and `settings.port` until SIGINT or SIGTERM. `ready(url, port)` is called once it does.

    Raises as `listen`.
    """
    listener = listen(settings.host, settings.port)
    port = int(listener.getsockname()[1])
    url = url_of(settings.host, port)
    config = uvicorn.Config(
        create_app(settings), log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS, lifespan="on"
    )

    def started() -> None:
        spare_what_stays()
        _log.info("API ready", url=url)
        ready(url, port)

    with listener:
        await _Server(config, started).serve(sockets=[listener])
    _log.info("API stopped")
