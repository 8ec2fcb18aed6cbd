"""What attempts use, as their worker sees it: real threads, processes and memory."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from activities.handler_loop import HandlerLoop
from activities.metering import Meter, Use
from tests.polling import eventually

BURNT = 0.3
"""Seconds of CPU time."""
HELD = 64 * 1024 * 1024
BURN = f"import time\nwhile time.process_time() < {BURNT}: pass\nprint('done', flush=True)\ninput()"


@dataclass
class Attempts:
    """Handlers on a loop of their own, with a meter. Looks are asked for without waiting for heartbeats."""

    handlers: HandlerLoop = field(default_factory=HandlerLoop)
    meter: Meter = field(default_factory=Meter)
    over: threading.Event = field(default_factory=threading.Event)

    def begin(
        self, function: Callable[[Any], Any], *, is_async: bool = False, processes: set[int] | None = None
    ) -> Use:
        use = Use(self.meter, set() if processes is None else processes)
        use.begin(self.handlers.start(function, None, contextvars.copy_context(), is_async=is_async))
        return use

    async def seen(self, condition: Callable[[], bool]) -> None:
        async def holds() -> bool:
            self.meter.look(after=0.0)
            return condition()

        await eventually(holds)


@pytest.fixture
def attempts() -> Iterator[Attempts]:
    made = Attempts()
    yield made
    made.over.set()
    made.handlers.close()


def burn(_data: Any) -> None:
    while time.thread_time() < BURNT:
        pass


async def test_the_thread_of_a_plain_handler_is_its_own(attempts: Attempts) -> None:
    idle = attempts.begin(lambda _: attempts.over.wait())

    def works(data: Any) -> None:
        burn(data)
        attempts.over.wait()

    busy = attempts.begin(works)
    await attempts.seen(lambda: busy.cpu > 0.9 * BURNT)
    assert idle.cpu < 0.2 * BURNT
    told = busy.end()
    assert told is not None
    assert 0 < told["cpu_cores"] <= told["peak_cpu_cores"] <= 1.5
    assert told["machine_cores"] > 0
    assert busy.end() == told


async def test_a_thread_that_has_ended_counts_in_full(attempts: Attempts) -> None:
    use = attempts.begin(burn)
    assert use.running is not None
    attempts.meter.look(after=0.0)
    await use.running.ended
    attempts.meter.look(after=0.0)
    assert use.cpu == pytest.approx(use.running.seconds)
    assert use.cpu >= BURNT


async def test_what_runs_on_the_loop_is_shared_by_async_handlers_alone(attempts: Attempts) -> None:
    go = threading.Event()

    async def works(_data: Any) -> None:
        await asyncio.to_thread(go.wait)
        until = time.thread_time() + BURNT
        while time.thread_time() < until:
            pass
        await asyncio.to_thread(attempts.over.wait)

    async def waits(_data: Any) -> None:
        await asyncio.to_thread(attempts.over.wait)

    async_ones = [attempts.begin(works, is_async=True), attempts.begin(waits, is_async=True)]
    plain = attempts.begin(lambda _: attempts.over.wait())
    attempts.meter.look(after=0.0)
    go.set()
    await attempts.seen(lambda: all(use.cpu > 0.4 * BURNT for use in async_ones))
    assert plain.cpu < 0.2 * BURNT


async def test_memory_that_is_taken_and_given_back(attempts: Attempts) -> None:
    release, released = threading.Event(), threading.Event()

    def holds(_data: Any) -> None:
        held = bytearray(b"x") * HELD
        release.wait()
        del held
        released.set()
        attempts.over.wait()

    use = attempts.begin(holds)
    await attempts.seen(lambda: (use.now() or {}).get("memory_gb", 0) > 0.9 * HELD / 1e9)
    release.set()
    await asyncio.to_thread(released.wait)
    await attempts.seen(lambda: (use.now() or {})["memory_gb"] < 0.5 * HELD / 1e9)
    told = use.end()
    assert told is not None
    assert told["peak_memory_gb"] > 0.9 * HELD / 1e9
    assert told["memory_gb"] < told["peak_memory_gb"]


@pytest.mark.parametrize("is_named", [True, False])
async def test_processes_count_as_those_of_who_has_named_them_or_of_all(attempts: Attempts, is_named: bool) -> None:
    named: set[int] = set()
    first = attempts.begin(lambda _: attempts.over.wait(), processes=named)
    second = attempts.begin(lambda _: attempts.over.wait())
    attempts.meter.look(after=0.0)
    child = subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if is_named:
        named.add(child.pid)
    try:
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline)
        attempts.meter.look(after=0.0)
    finally:
        child.communicate(b"\n")
    users, others = ([first], [second]) if is_named else ([first, second], [])
    for use in users:
        assert use.cpu > 0.9 * BURNT / len(users)
        assert use.of_processes > 0
    for use in others:
        assert use.cpu < 0.2 * BURNT
        assert use.of_processes == 0


async def test_a_process_counts_after_its_end_and_not_for_who_came_later(attempts: Attempts) -> None:
    attempts.meter.look(after=0.0)
    use = attempts.begin(lambda _: attempts.over.wait())
    attempts.meter.look(after=0.0)
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", BURN], input=b"\n", stdout=subprocess.DEVNULL, check=True
    )
    attempts.meter.look(after=0.0)
    assert use.cpu > 0.9 * BURNT
    later = attempts.begin(lambda _: attempts.over.wait())
    attempts.meter.look(after=0.0)
    assert later.cpu < 0.2 * BURNT


async def test_nothing_is_told_of_an_attempt_that_was_not_looked_at(attempts: Attempts) -> None:
    use = attempts.begin(burn)
    assert use.running is not None
    await use.running.ended
    assert use.end() is None
