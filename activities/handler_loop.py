"""Where handlers run: never on the worker's own event loop.

Async handlers share an event loop in a thread of its own: one that blocks stalls other async handlers at most, never
heartbeats, polling or workflow tasks. Each plain handler has a thread of its own. (Not a `ThreadPoolExecutor`: a
handler that never ends would keep its place in the pool, and Python waits for the pool's threads when the worker
stops.)
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import itertools
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Returned:
    """The handler's result."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """What the handler ended with, of whatever kind."""

    error: BaseException


Ending = Returned | Raised


class Running:
    """A handler under way. `ended` belongs to the event loop that started it and never fails."""

    def __init__(self, ended: asyncio.Future[Ending]) -> None:
        self.ended = ended
        self._loop = ended.get_loop()
        self._lock = threading.Lock()
        self.interrupted = False
        """The task of an async handler was cancelled before it had ended."""
        self.thread: int | None = None
        """The system's id of the thread that it runs in, which it shares with others or not."""
        self.shares = False
        self.seconds = 0.0
        """CPU time of the thread that it had for itself, once that is over."""
        self._cancelling = False
        self._task: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None

    def cancel(self) -> None:
        """Cancels the task of an async handler; a plain one has to look at `step.cancelled` itself."""
        with self._lock:
            self._cancelling = True
            task = self._task
        if task is not None:
            _call_soon(task[0], self._interrupt, task[1])

    def adopt(self, task: asyncio.Task[None]) -> None:
        """The handler is this task."""
        with self._lock:
            self._task = (task.get_loop(), task)
            cancelling = self._cancelling
        if cancelling:
            self._interrupt(task)

    def _interrupt(self, task: asyncio.Task[None]) -> None:
        if task.cancel():
            self.interrupted = True

    def end(self, ending: Ending) -> None:
        """Called in the handler's thread."""
        _call_soon(self._loop, self._settle, ending)

    def ended_unbegun(self, task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step never gets as far as to say so itself; all others do, and to
        wake the worker's event loop once more for each would be for nothing."""
        if task.cancelled():
            self.end(Raised(asyncio.CancelledError()))

    def _settle(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)


class _LoopThread:
    """An event loop in a daemon thread that outlives what its tasks raise."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"longpole-handlers-{next(_numbers)}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._closing:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                # asyncio lets these two out of a task and through the loop.
                log.warning("a task started by a handler tried to end the process", error=repr(error)[:200])
        with suppress(Exception):
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    @property
    def native_id(self) -> int | None:
        """The system's id of the thread."""
        return self._thread.native_id

    def finish(self, *, cancel: bool) -> None:
        """Ends the thread when its tasks have ended."""
        self._closing = True
        _call_soon(self.loop, lambda: self.loop.create_task(self._drain(cancel)))

    async def _drain(self, cancel: bool) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if cancel:
            for task in tasks:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.loop.stop()

    def join(self, seconds: float) -> bool:
        """Whether the thread has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


class HandlerLoop:
    """Runs handlers for one worker. `start` is called on the worker's event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: _LoopThread | None = None

    def start(
        self, function: Callable[[Any], Any], data: Any, context: contextvars.Context, *, is_async: bool
    ) -> Running:
        """Calls `function(data)` in `context`."""
        running = Running(asyncio.get_running_loop().create_future())
        if is_async:
            self._spawn(running, lambda: function(data), context)
        else:
            name = f"longpole-step-{next(_numbers)}"
            args = (self._call, running, function, data)
            threading.Thread(target=context.run, args=args, name=name, daemon=True).start()
        return running

    def replace(self) -> None:
        """Later async handlers get a new event loop: something blocks the present one and may never end."""
        with self._lock:
            blocked, self._current = self._current, None
        if blocked is not None:
            blocked.finish(cancel=False)

    async def responds(self, seconds: float) -> bool:
        """Whether the event loop of async handlers gets round to anything within that time."""
        ping = Running(asyncio.get_running_loop().create_future())
        _call_soon(self._loop().loop, ping.end, Returned(None))
        done, _ = await asyncio.wait({ping.ended}, timeout=seconds)
        return bool(done)

    def close(self, seconds: float = 1.0) -> None:
        """Ends the event loop; blocks up to that long. Handlers that do not end are left behind, but keep no
        process."""
        with self._lock:
            last, self._current = self._current, None
        if last is not None:
            last.finish(cancel=True)
            if not last.join(seconds):
                log.warning("a handler does not end and is left behind")

    def _loop(self) -> _LoopThread:
        with self._lock:
            if self._current is None:
                self._current = _LoopThread()
            return self._current

    def _call(self, running: Running, function: Callable[[Any], Any], data: Any) -> None:
        running.thread = threading.get_native_id()
        try:
            value = function(data)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its step's failure
            running.seconds = time.thread_time()
            running.end(Raised(error))
            return
        running.seconds = time.thread_time()
        if inspect.isawaitable(value):
            # A plain function that gives back a coroutine: an async handler behind a decorator.
            self._spawn(running, lambda: value, contextvars.copy_context())
        else:
            running.end(Returned(value))

    def _spawn(self, running: Running, make: Callable[[], Awaitable[Any]], context: contextvars.Context) -> None:
        thread = self._loop()
        loop = thread.loop
        running.thread, running.shares = thread.native_id, True

        def create() -> None:
            task = loop.create_task(_guarded(running, make), context=context)
            task.add_done_callback(running.ended_unbegun)
            running.adopt(task)

        loop.call_soon_threadsafe(create, context=context)


async def _guarded(running: Running, make: Callable[[], Awaitable[Any]]) -> None:
    try:
        value = await make()
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its step's failure
        running.end(Raised(error))
    else:
        running.end(Returned(value))


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[..., Any], *args: Any) -> None:
    # A closed loop has nobody left who could want to know.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)
