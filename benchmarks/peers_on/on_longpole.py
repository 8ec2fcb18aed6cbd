"""Longpole, and workflows written by hand on the same server. `--full`: every commit waits for the disk."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks import by_hand
from benchmarks.graphs import chain, fan_out
from benchmarks.peers_on.work import Way, Work, serve
from benchmarks.side_by_side import SideBySide, Timed, open_side_by_side

Prepared = Callable[[Work], Awaitable[Timed]]


def longpole(both: SideBySide, *, local: bool) -> Prepared:
    """Definitions that are stored before the clock starts, as a user's are."""

    async def prepared(work: Work) -> Timed:
        shape = fan_out if work.wide else chain
        return await both.ours(shape(work.steps, local=local), work.runs)

    return prepared


def temporal(both: SideBySide, chain_workflow: Any, fan_out_workflow: Any) -> Prepared:
    """Workflows of `benchmarks.by_hand`."""

    async def prepared(work: Work) -> Timed:
        return both.hand(fan_out_workflow if work.wide else chain_workflow, work.steps, work.runs)

    return prepared


async def main() -> None:
    """All ways on one server, until nobody asks any more, or something ends a worker."""
    try:
        await serve_all("--full" in sys.argv)
    except BaseException:  # noqa: BLE001 - whatever it is, the log has it
        traceback.print_exc()
        os._exit(1)  # the thread that waits to be asked would keep the process


async def serve_all(full: bool) -> None:
    """What is told when asked, while server and workers are there."""
    async with open_side_by_side("full" if full else "normal") as both:
        loop = asyncio.get_running_loop()

        def way(engine: str, prepare: Prepared) -> Way:
            ready: dict[Work, Timed] = {}

            async def run(work: Work) -> None:
                if work not in ready:
                    ready[work] = await prepare(work)
                await ready[work]()

            return Way(engine, lambda work: asyncio.run_coroutine_threadsafe(run(work), loop).result())

        suffix = ", commits on disk" if full else ""
        ways = [
            way(f"Temporal by hand{suffix}", temporal(both, by_hand.Chain.run, by_hand.FanOut.run)),
            way(f"Longpole{suffix}", longpole(both, local=False)),
        ]
        if not full:
            by_hand_local = temporal(both, by_hand.LocalChain.run, by_hand.LocalFanOut.run)
            ways += [
                way("Temporal by hand, local activities", by_hand_local),
                way("Longpole, local steps", longpole(both, local=True)),
            ]
        await asyncio.to_thread(serve, *ways)


if __name__ == "__main__":
    asyncio.run(main())
