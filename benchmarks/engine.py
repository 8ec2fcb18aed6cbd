"""`DagWorkflow` against a hand-written Temporal workflow: the same server, worker settings and work, in turn.

    python -m benchmarks.engine [--quick] [--json] [--only PART-OF-A-NAME]

Each round runs the one, then the other; a ratio is the median over the rounds of (Longpole / by hand), in time.
Longpole's time includes all that a user of it has: the execution's row, attempts, events and the recorded outcome.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporal_dev.locate import locate
from temporal_dev.server import DevServer
from temporalio.worker import Worker

from benchmarks import by_hand
from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from engine.worker import CACHED_WORKFLOWS, STICKY_TIMEOUT, WORKFLOW_SLOTS
from workflows import attributes

Timed = Callable[[], Awaitable[None]]


def chain(steps: int) -> dict[str, Any]:
    """A definition of steps one after the other."""
    return {
        "name": f"chain-{steps}",
        "steps": [
            {
                "id": f"s{n}",
                "handler": "bench_steps.no_op",
                "input": {"n": n},
                "depends_on": [f"s{n - 1}"] if n else [],
            }
            for n in range(steps)
        ],
    }


def fan_out(steps: int) -> dict[str, Any]:
    """A definition of steps side by side, and one that waits for all."""
    wide = [{"id": f"s{n}", "handler": "bench_steps.no_op", "input": {"n": n}} for n in range(steps)]
    join = {
        "id": "join",
        "handler": "bench_steps.no_op",
        "input": {"n": steps},
        "depends_on": [step["id"] for step in wide],
    }
    return {"name": f"fan-out-{steps}", "steps": [*wide, join]}


@dataclass(frozen=True)
class Case:
    """One kind of work, both ways, and how many steps it has."""

    name: str
    steps: int
    by_hand: Timed
    longpole: Timed


async def cases(engine: Engine, hand_queue: str) -> list[Case]:
    """What is measured."""

    def hand(workflow: Any, steps: int, runs: int) -> Timed:
        async def one() -> None:
            await engine.client.execute_workflow(workflow, steps, id=f"hand-{uuid.uuid4().hex}", task_queue=hand_queue)

        async def timed() -> None:
            await asyncio.gather(*(one() for _ in range(runs)))

        return timed

    async def ours(document: dict[str, Any], runs: int) -> Timed:
        stored = await engine.definitions.save(document)

        async def one() -> None:
            await engine.executions.result(await engine.executions.start(stored, {}))

        async def timed() -> None:
            await asyncio.gather(*(one() for _ in range(runs)))

        return timed

    return [
        Case("chain of 100", 100, hand(by_hand.Chain.run, 100, 1), await ours(chain(100), 1)),
        Case("fan-out of 200 and a join", 201, hand(by_hand.FanOut.run, 200, 1), await ours(fan_out(200), 1)),
        Case("50 runs of 10 at once", 500, hand(by_hand.Chain.run, 10, 50), await ours(chain(10), 50)),
        Case("latency of one step", 1, hand(by_hand.Chain.run, 1, 1), await ours(chain(1), 1)),
    ]


async def measure(case: Case, rounds: int) -> dict[str, Any]:
    """Both in turn, after one of each that does not count."""
    await case.by_hand()
    await case.longpole()
    hand, ours = [], []
    for _ in range(rounds):
        hand.append(await _seconds(case.by_hand))
        ours.append(await _seconds(case.longpole))
    return {
        "by_hand_ms": round(statistics.median(hand) * 1000, 1),
        "longpole_ms": round(statistics.median(ours) * 1000, 1),
        "ratio": round(statistics.median(our / by for our, by in zip(ours, hand, strict=True)), 3),
        "steps_per_second": round(case.steps / statistics.median(ours), 1),
    }


async def _seconds(work: Timed) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def run(quick: bool, only: str = "") -> dict[str, Any]:
    """All cases with `only` in their name, on one server."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with DevServer.start(
            locate(), data_dir=data_dir, port=0, ui=False, search_attributes=attributes.TYPES
        ) as server:
            settings = Settings(
                data_dir=data_dir,
                handler_paths=(Path(__file__).parent / "handlers",),
                handler_allow=("bench_steps",),
                max_concurrent_steps=50,
            )
            async with open_engine(settings, temporal_address=server.address) as engine:
                hand_worker = Worker(
                    engine.client,
                    task_queue="by-hand",
                    workflows=[by_hand.Chain, by_hand.FanOut],
                    activities=[by_hand.no_op],
                    max_cached_workflows=CACHED_WORKFLOWS,
                    max_concurrent_workflow_tasks=WORKFLOW_SLOTS,
                    max_concurrent_activities=settings.max_concurrent_steps,
                    sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                    graceful_shutdown_timeout=timedelta(seconds=1),
                )
                async with hand_worker, working(engine):
                    results = {}
                    for case in await cases(engine, "by-hand"):
                        if only not in case.name:
                            continue
                        repeats = 5 if quick else 15
                        results[case.name] = await measure(case, repeats * (8 if case.steps == 1 else 1))
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "ratios": {name: result["ratio"] for name, result in results.items()},
        "cases": results,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the cases with this in their name")
    options = parser.parse_args()
    results = asyncio.run(run(options.quick, options.only))
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
        return
    print(f"{results['machine']}\n")
    print(f"{'':28}{'by hand':>10}{'Longpole':>10}{'ratio':>8}{'steps/s':>9}")
    for name, result in results["cases"].items():
        print(
            f"{name:28}{result['by_hand_ms']:>8} ms{result['longpole_ms']:>8} ms"
            f"{result['ratio']:>8}{result['steps_per_second']:>9}"
        )


if __name__ == "__main__":
    main()
