"""How long runs take with webhooks, beside the same runs without.

    python -m benchmarks.webhooks [--rounds 20] [--only PART-OF-A-NAME] [--json]

With: three receivers that want every event (one accepts, one in order, one never answers). Without: the same webhooks,
disabled. Server and worker are those of `benchmarks.engine`, the receivers have a process of their own. Each round has
a run of each kind, the one that comes first in turn; before the next begins, what can be delivered is. A ratio is the
median over the rounds of (with / without), in time from the start until the result is there.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.graphs import chain, fan_out
from benchmarks.report import machine, print_json
from benchmarks.side_by_side import Timed, open_side_by_side
from engine.access.identity import LOCAL, Identity
from engine.core import Engine
from engine.webhooks.webhooks import WebhookChange, Webhooks
from tests.polling import eventually

_OUTBOUND = {"outbound_allow": ("127.0.0.0/8",), "webhook_plain_http": True}


@dataclass(frozen=True)
class Line:
    """One kind of run. Times are medians in milliseconds; `delivered`: messages that arrived meanwhile."""

    name: str
    rounds: int
    without_ms: float
    with_ms: float
    ratio: float
    delivered: int


class Receivers:
    """The webhooks, switched on and off together."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._ids: list[str] = []

    async def subscribe(self, port: int) -> None:
        """Two that accept, one of them in order, and one that hangs."""
        for path, ordered in (("ok", False), ("ok", True), ("hang", False)):
            made = await self._webhooks.subscribe(f"http://127.0.0.1:{port}/{path}", ordered=ordered)
            self._ids.append(made.webhook.webhook_id)

    async def switch(self, *, on: bool) -> None:
        """Told of events from now on, or not."""
        for webhook in self._ids:
            await self._webhooks.update(webhook, WebhookChange(enabled=on))

    async def caught_up(self) -> None:
        """Wait until all has arrived at those that accept."""
        for webhook in self._ids[:2]:
            await eventually(partial(self._has_all, webhook), seconds=120)

    async def _has_all(self, webhook: str) -> bool:
        return (await self._webhooks.log.list(webhook, state="pending", limit=1))[1] == 0

    async def delivered(self) -> int:
        """Messages that have arrived."""
        return sum([(await self._webhooks.log.list(each, state="delivered", limit=1))[1] for each in self._ids])


@asynccontextmanager
async def receiving(engine: Engine) -> AsyncIterator[Receivers]:
    """The webhooks, and who receives them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.webhook_receiver", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    receivers = Receivers(Webhooks(engine, Identity(LOCAL)))
    try:
        await receivers.subscribe(int(await process.stdout.readline()))
        yield receivers
    finally:
        process.kill()
        await process.wait()


async def measure(name: str, run: Timed, receivers: Receivers, rounds: int) -> Line:
    """Both in turn, after one of each that does not count."""
    before = await receivers.delivered()
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds + 1):
        for on in (number % 2 == 0, number % 2 == 1):
            await receivers.switch(on=on)
            begun = time.perf_counter()
            await run()
            taken = time.perf_counter() - begun
            if on:
                await receivers.caught_up()
            print(f"{name} {'with' if on else 'without'}: {taken:.3f} s", file=sys.stderr, flush=True)
            if number:
                times[on].append(taken)
    ratio = statistics.median(told / silent for told, silent in zip(times[True], times[False], strict=True))
    return Line(
        name,
        rounds,
        round(statistics.median(times[False]) * 1000, 1),
        round(statistics.median(times[True]) * 1000, 1),
        round(ratio, 3),
        await receivers.delivered() - before,
    )


async def main(rounds: int, only: str, *, as_json: bool) -> None:
    """Measure and print."""
    lines = []
    async with open_side_by_side(**_OUTBOUND) as both, receiving(both.engine) as receivers:
        kinds: dict[str, dict[str, Any]] = {"chain of 100": chain(100), "fan-out of 200 and a join": fan_out(200)}
        for name, document in kinds.items():
            if only not in name:
                continue
            line = await measure(name, await both.ours(document), receivers, rounds)
            lines.append(line)
            if not as_json:
                print(
                    f"{name}: {line.without_ms:.0f} ms without, {line.with_ms:.0f} ms with, ratio {line.ratio}",
                    flush=True,
                )
    if as_json:
        print_json(lines)
    else:
        print(machine())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    asyncio.run(main(given.rounds, given.only, as_json=given.json))
