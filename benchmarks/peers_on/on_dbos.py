"""DBOS: workflows in this process; `--queued`: taken from a queue; `--sqlite`: on SQLite instead of PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dbos import DBOS

from benchmarks.peers_on.work import Way, Work, expect, postgres_url, serve

POLLING = 0.02
"""Seconds between looks at the queue, and at a run's end; by default 1 s."""


@DBOS.step()
def no_op(given: dict[str, int]) -> dict[str, int]:
    """A step of a chain."""
    return {"n": given["n"]}


@DBOS.step()
async def no_op_beside(given: dict[str, int]) -> dict[str, int]:
    """A step that others run beside."""
    return {"n": given["n"]}


@DBOS.workflow()
def chain(steps: int) -> dict[str, int]:
    """Steps one after the other."""
    result: dict[str, int] = {}
    for n in range(steps):
        result = no_op({"n": n})
    return result


@DBOS.workflow()
async def fan_out(steps: int) -> dict[str, int]:
    """Steps side by side, and one that waits for all."""
    await asyncio.gather(*(no_op_beside({"n": n}) for n in range(steps)))
    return await no_op_beside({"n": steps})


def in_process(work: Work) -> None:
    """Runs whose caller carries them out."""
    if work.wide:
        expect(asyncio.run(fan_out(work.steps)), work)
    elif work.runs == 1:
        expect(chain(work.steps), work)
    else:
        for handle in [DBOS.start_workflow(chain, work.steps) for _ in range(work.runs)]:
            expect(handle.get_result(polling_interval_sec=POLLING), work)


def queued(work: Work) -> None:
    """Runs that any process which listens to the queue could take, with all their steps."""
    if work.wide:

        async def wide() -> dict[str, int]:
            handle = await DBOS.enqueue_workflow_async("runs", fan_out, work.steps)
            return await handle.get_result(polling_interval_sec=POLLING)

        expect(asyncio.run(wide()), work)
    else:
        for handle in [DBOS.enqueue_workflow("runs", chain, work.steps) for _ in range(work.runs)]:
            expect(handle.get_result(polling_interval_sec=POLLING), work)


def main() -> None:
    """One way, as the queue would be looked at while others are measured."""
    sqlite = "--sqlite" in sys.argv
    url = f"sqlite:///{Path.home() / 'dbos.sqlite'}" if sqlite else postgres_url("psycopg")
    DBOS(config={"name": "peer", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})
    DBOS.launch()
    if sqlite:
        serve(Way("DBOS, SQLite", in_process))
    elif "--full" in sys.argv:
        serve(Way("DBOS, PostgreSQL, commits on disk", in_process))
    elif "--queued" in sys.argv:
        DBOS.register_queue("runs", polling_interval_sec=POLLING)
        serve(Way("DBOS, PostgreSQL, runs queued", queued))
    else:
        serve(Way("DBOS, PostgreSQL", in_process))
    DBOS.destroy()


if __name__ == "__main__":
    main()
