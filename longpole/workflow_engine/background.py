"""An event loop in a thread of its own, for calls from scripts, notebooks and other event loops."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CLOSE_SECONDS = 60.0
"""How long the thread gets to end once it was told; it ends with the process at the latest."""


class BackgroundLoop:
    """Runs coroutines beside whatever the process does. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon: Python itself would wait for any other before it tells us that it ends (`at_exit`).
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; blocks the calling thread, whether or not it has an event loop that runs."""
        future = self._submit(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def awaited(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, for whatever event loop awaits it; a cancellation is passed on."""
        return await asyncio.wrap_future(self._submit(work))

    def _submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            work.close()
            raise RuntimeError("the engine's own thread can't wait for itself, nor be asked once it has ended")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """End the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSE_SECONDS)


def at_exit(close: Callable[[], None]) -> None:
    """Call it when the interpreter ends, while threads can still be started and waited for.

    `atexit` is too late for that: executors refuse work by then. These callbacks, which the standard library's
    executors are ended by as well, run last in, first out: ours comes before theirs, which are imported above."""
    threading._register_atexit(close)  # type: ignore[attr-defined]
