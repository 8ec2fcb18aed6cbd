"""The engine of a running API: opened in the background, again and again until it can be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog

from definitions.errors import LongpoleError, ServiceUnavailable
from engine.core import Engine
from engine.readiness import PartState, not_opened, readiness

EngineFactory = Callable[[], AbstractAsyncContextManager[Engine]]
"""Opens an engine for as long as its block lasts; raises `LongpoleError` when it can't."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_log = structlog.get_logger()


class EngineSource:
    """Has an engine once there is one: the API starts, and says why it is not ready, without Temporal or database."""

    def __init__(self, factory: EngineFactory) -> None:
        self._factory = factory
        self._engine: Engine | None = None
        self._error: LongpoleError | None = None

    @property
    def engine(self) -> Engine:
        """The engine. Raises `ServiceUnavailable` while there is none."""
        if self._engine is None:
            why = self._error.message if self._error is not None else "it is starting"
            raise ServiceUnavailable(f"the service is not ready: {why}", remedy="try again in a few seconds")
        return self._engine

    async def state(self) -> list[PartState]:
        """The state of every part of the service, within two seconds."""
        return not_opened(self._error) if self._engine is None else await readiness(self._engine)

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """Try to open it, and keep it open, for as long as the block lasts."""
        leaving = asyncio.Event()
        task = asyncio.create_task(self._keep_open(leaving))
        try:
            yield
        finally:
            leaving.set()
            if self._engine is None:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_open(self, leaving: asyncio.Event) -> None:
        pause = _FIRST_PAUSE
        while not leaving.is_set():
            try:
                async with self._factory() as self._engine:
                    _log.info("engine open")
                    await leaving.wait()
            except LongpoleError as error:
                self._error = error
                _log.warning("the engine can't be opened yet", error=str(error), next_try_in_seconds=pause)
            except Exception:  # noqa: BLE001 - whatever it is, the API must go on saying that it is not ready
                self._error = LongpoleError("an unexpected error; the API's log has it")
                _log.exception("the engine failed", next_try_in_seconds=pause)
            finally:
                self._engine = None
            await asyncio.sleep(0 if leaving.is_set() else pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
