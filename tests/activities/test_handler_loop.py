from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from activities.handler_loop import Ending, HandlerLoop, Raised, Returned

mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark")


@pytest.fixture
def loop() -> Iterator[HandlerLoop]:
    loop = HandlerLoop()
    yield loop
    loop.close()


async def run(loop: HandlerLoop, function: Callable[[Any], Any], data: Any = None, *, is_async: bool) -> Ending:
    return await asyncio.wait_for(loop.start(function, data, contextvars.copy_context(), is_async=is_async).ended, 90)


async def test_handlers_run_in_other_threads_with_the_callers_context(loop: HandlerLoop) -> None:
    mark.set("here")

    def plain(data: Any) -> Any:
        return mark.get(), threading.get_ident()

    async def async_(data: Any) -> Any:
        await asyncio.sleep(0)
        return await asyncio.create_task(asyncio.to_thread(mark.get)), threading.get_ident()

    for function, is_async in ((plain, False), (async_, True)):
        ending = await run(loop, function, is_async=is_async)
        assert isinstance(ending, Returned)
        assert ending.value[0] == "here"
        assert ending.value[1] != threading.get_ident()


async def test_whatever_is_raised_is_caught(loop: HandlerLoop) -> None:
    for error in (ValueError("x"), SystemExit(2), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()):

        def plain(data: Any, error: BaseException = error) -> Any:
            raise error

        async def async_(data: Any, error: BaseException = error) -> Any:
            raise error

        for function, is_async in ((plain, False), (async_, True)):
            ending = await run(loop, function, is_async=is_async)
            assert isinstance(ending, Raised)
            assert ending.error is error


async def test_a_blocked_loop_is_noticed_and_replaced_and_what_it_had_still_ends(loop: HandlerLoop) -> None:
    started, release = threading.Event(), threading.Event()

    async def blocks(data: Any) -> Any:
        started.set()
        release.wait(90)
        return "late"

    async def echo(data: Any) -> Any:
        return data

    late = loop.start(blocks, None, contextvars.copy_context(), is_async=True)
    stuck = loop.start(echo, "stuck", contextvars.copy_context(), is_async=True)
    assert await asyncio.to_thread(started.wait, 90)
    assert not await loop.responds(0.2)
    loop.replace()
    assert await run(loop, echo, "next", is_async=True) == Returned("next")
    assert await loop.responds(10)
    assert not stuck.ended.done()
    release.set()
    assert await asyncio.wait_for(late.ended, 90) == Returned("late")
    assert await asyncio.wait_for(stuck.ended, 90) == Returned("stuck")


async def test_cancelling_before_the_first_step(loop: HandlerLoop) -> None:
    async def never(data: Any) -> Any:
        await asyncio.sleep(60)

    running = loop.start(never, None, contextvars.copy_context(), is_async=True)
    running.cancel()
    ending = await asyncio.wait_for(running.ended, 90)
    assert isinstance(ending, Raised)
    assert running.interrupted
