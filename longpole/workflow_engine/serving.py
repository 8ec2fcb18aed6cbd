"""The engine behind the calls of one process: opened when it is first wanted, again whenever it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from definitions.errors import LongpoleError
from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from longpole.workflow_engine.temporal_lease import temporal_lease
from store.database import Database

_log = structlog.get_logger()

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Opened:
    """An engine that works until `lost` returns."""

    engine: Engine
    lost: Callable[[], Any]


Opening = Callable[[], AbstractAsyncContextManager[Opened]]


@asynccontextmanager
async def opened(settings: Settings, database: Database, home: Path, address: str | None) -> AsyncIterator[Opened]:
    """An engine on the database's Temporal, with a worker in this process where nobody else runs the steps."""
    async with (
        temporal_lease(settings, home, address) as lease,
        open_engine(settings, temporal_address=lease.address, embedded=lease.embedded, database=database) as engine,
    ):
        if lease.has_worker:
            yield Opened(engine, lease.gone.wait)
            return
        async with working(engine) as failed:

            async def lost() -> None:
                error = await asyncio.shield(failed)
                _log.warning("the worker gave up and is started again", error=str(error))

            yield Opened(engine, lost)


class Serving:
    """Keeps an engine open from when it is first wanted until `close`. Belongs to one event loop."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._engine: asyncio.Future[Engine] = asyncio.get_running_loop().create_future()
        self._wanted = asyncio.Event()
        self._stopping = asyncio.Event()
        self._is_open = False
        self._running = asyncio.create_task(self._run())

    @property
    def current(self) -> Engine | None:
        """The engine, if there is one now."""
        ready = self._engine.done() and not self._engine.cancelled() and self._engine.exception() is None
        return self._engine.result() if ready else None

    def want(self) -> None:
        """Open it in the background."""
        if self._engine.done() and self.current is None:
            self._engine = asyncio.get_running_loop().create_future()
        self._wanted.set()

    async def engine(self) -> Engine:
        """The engine, opened where it is not. Raises what opening it raised."""
        if self._stopping.is_set():
            raise _closing()
        self.want()
        return await asyncio.shield(self._engine)

    async def close(self) -> None:
        """Close what is open: running steps get their grace, then Temporal ends if it was started here."""
        self._stopping.set()
        if not self._engine.done():
            self._fail(_closing())
        if not self._is_open:
            self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        """Open the engine when it is wanted, and again with pauses when that fails or it is lost."""
        pause = _FIRST_PAUSE
        while await self._is_wanted():
            try:
                async with self._opening() as opened:
                    self._is_open = True
                    if not self._engine.done():
                        self._engine.set_result(opened.engine)
                    pause = _FIRST_PAUSE
                    await self._unless_stopping(opened.lost())
                    self._engine = asyncio.get_running_loop().create_future()
            except Exception as error:  # noqa: BLE001 - told to whoever waits for it, and tried again
                self._is_open = False
                if self._stopping.is_set():
                    _log.warning("the engine did not close in order", error=repr(error))
                    return
                _log.warning("the engine can't be opened now", error=str(error), next_try_in_seconds=pause)
                if self._engine.done():
                    self._engine = asyncio.get_running_loop().create_future()
                self._fail(error)
                self._wanted.clear()
                # Whoever asks meanwhile need not wait for the pause to end.
                await self._unless_stopping(asyncio.wait_for(self._wanted.wait(), pause))
                pause = min(pause * 2, _LONGEST_PAUSE)
                self.want()
            else:
                self._is_open = False

    async def _is_wanted(self) -> bool:
        await self._unless_stopping(self._wanted.wait())
        return not self._stopping.is_set()

    def _fail(self, error: BaseException) -> None:
        self._engine.set_exception(error)
        self._engine.exception()  # it is no news that nobody may be waiting for it

    async def _unless_stopping(self, waiting: Any) -> None:
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _closing() -> LongpoleError:
    return LongpoleError("the engine is being closed", code="engine_closed", remedy="make another one")
