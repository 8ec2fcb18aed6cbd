"""What a step costs in small, large and very large runs, and what a run takes: memory, histories, steps in flight.

    python -m benchmarks.engine_sizes [--sizes 1000,10000,100000] [--shapes chain,layered,wide,loop] [--json]
        [--history-limit 400]

The steps of a `loop` are its iterations, side by side, of one step each.

Each run has a Temporal server, a database and a worker process (`longpole worker`) of its own, so that neither memory
nor files of one are another's. With `--history-limit` the server ends runs whose history has more events, and Longpole
is told so (`LONGPOLE_MAX_HISTORY_EVENTS`). The exit code is 1 when a run did not complete as it should, or took more
than it may.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from temporal_dev.temporary import temporary_server
from temporalio.api.enums.v1 import EventType

from benchmarks.graphs import chain, fan_out
from benchmarks.report import machine
from engine.core import Engine, open_engine
from engine.settings import Settings
from tests.chaos.worker_process import WorkerProcess
from workflows import attributes

MOST_EVENTS = 10_000
MOST_BYTES = 10 * 1024 * 1024
MOST_IN_FLIGHT = 500
MOST_GROWTH = 1.5
"""A step of a large run may cost so much of what one of the smallest run costs."""
LOOP = "each"
LAYER = 100
PARENTS = 3


def layered(steps: int) -> dict[str, Any]:
    """Layers of 100 steps, each after one to three random ones of the layer before."""
    chance = random.Random(steps)

    def parents(number: int) -> list[str]:
        before = (number // LAYER - 1) * LAYER
        chosen = [] if before < 0 else chance.sample(range(before, before + LAYER), chance.randint(1, PARENTS))
        return [f"s{parent}" for parent in sorted(chosen)]

    return {
        "name": f"layered-{steps}",
        "steps": [
            {"id": f"s{n}", "handler": "bench_steps.no_op", "input": {"n": n}, "depends_on": parents(n)}
            for n in range(steps)
        ],
    }


def wide(steps: int) -> dict[str, Any]:
    """All steps side by side but the last one, which waits for the others."""
    return fan_out(steps - 1)


def loop(steps: int) -> dict[str, Any]:
    """An iteration for each item of the run's input, side by side."""
    body = {"id": "work", "handler": "bench_steps.no_op", "input": {"n": "${loop.current_item}"}}
    items = {"iterate_over": "${workflow.input.items}", "parallel": True, "steps": [body]}
    return {"name": f"loop-{steps}", "steps": [{"id": LOOP, "loop": items}]}


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {"chain": chain, "layered": layered, "wide": wide, "loop": loop}


@dataclass(frozen=True)
class Size:
    """What one run took."""

    shape: str
    steps: int
    seconds: float
    """From the call that starts it until its result is there."""
    ms_per_step: float
    cpu_ms_per_step: float
    """Processor time of worker and server: hardly more where other work shares the machine."""
    worker_mib: float
    """The most resident memory that the worker had."""
    histories: int
    most_events: int
    """Of one history."""
    most_mib: float
    """Of one history."""
    in_flight: int
    wrong: list[str]


@asynccontextmanager
async def service(folder: Path, most_events: int) -> AsyncIterator[tuple[Engine, WorkerProcess]]:
    """A server, a database and a worker process."""
    settings = Settings(
        data_dir=folder / "data",
        handler_paths=(Path(__file__).parent / "handlers",),
        handler_allow=("bench_steps",),
        max_history_events=most_events,
    )
    limit = {} if most_events == MOST_EVENTS else {"limit.historyCount.error": most_events}
    server = temporary_server(search_attributes=attributes.TYPES, dynamic_config=limit)
    address = (await asyncio.to_thread(server.__enter__)).address
    try:
        async with open_engine(settings, temporal_address=address) as engine:
            with WorkerProcess(settings, address) as worker:
                await asyncio.to_thread(worker.await_ready)
                yield engine, worker
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


async def measure(shape: str, steps: int, most_events: int = MOST_EVENTS) -> Size:
    """One run."""
    with tempfile.TemporaryDirectory() as folder:
        async with service(Path(folder), most_events) as (engine, worker):
            stored = await engine.definitions.save(SHAPES[shape](steps))
            given = {"items": list(range(steps))} if shape == "loop" else {}
            begun, cpu = time.perf_counter(), cpu_seconds()
            execution_id = await engine.executions.start(stored, given)
            await engine.executions.result(execution_id)
            seconds, cpu = time.perf_counter() - begun, cpu_seconds() - cpu
            memory = peak_mib(worker.pid)
            execution = await engine.executions.get(execution_id)
            recorded: Mapping[str, int] = Counter(step.status for step in execution.steps)
            if shape == "loop":
                recorded = (await engine.executions.inner_steps(execution_id, within=LOOP, limit=1)).counts
            found = await examine(engine, execution_id)
    wrong = [] if execution.status == "completed" else [f"the run is {execution.status}: {execution.error}"]
    if dict(recorded) != {"completed": steps}:
        wrong.append(f"recorded are {dict(recorded)}")
    if set(found.starts.values()) != {1} or len(found.starts) != steps:
        wrong.append(f"{sum(found.starts.values())} starts of {len(found.starts)} of {steps} steps")
    wrong += [
        f"{what} {seen:,}, not over {most:,}"
        for what, seen, most in (
            ("events of a history", found.most_events, most_events),
            ("bytes of a history", found.most_bytes, MOST_BYTES),
            ("steps in flight", found.in_flight, MOST_IN_FLIGHT),
        )
        if seen > most
    ]
    return Size(
        shape,
        steps,
        round(seconds, 1),
        round(seconds / steps * 1000, 3),
        round(cpu / steps * 1000, 3),
        memory,
        found.histories,
        found.most_events,
        round(found.most_bytes / 1024**2, 2),
        found.in_flight,
        wrong,
    )


@dataclass
class Histories:
    """What Temporal has of a run."""

    starts: Counter[str]
    histories: int = 0
    most_events: int = 0
    most_bytes: int = 0
    in_flight: int = 0


async def examine(engine: Engine, execution_id: str) -> Histories:
    """All histories of a run, event by event."""
    client = engine.client
    info = (await client.get_workflow_handle(execution_id).describe()).raw_description.workflow_execution_info
    found = Histories(Counter())
    run_id = info.first_run_id
    while run_id:
        handle = client.get_workflow_handle(execution_id, run_id=run_id)
        run_id = ""
        events, open_steps = 0, 0
        async for event in handle.fetch_history_events():
            events += 1
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                open_steps += 1
                found.starts[event.activity_task_scheduled_event_attributes.activity_id] += 1
                found.in_flight = max(found.in_flight, open_steps)
            elif event.event_type in _ENDS:
                open_steps -= 1
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                run_id = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        described = (await handle.describe()).raw_description.workflow_execution_info
        found.histories += 1
        found.most_events = max(found.most_events, events)
        found.most_bytes = max(found.most_bytes, described.history_size_bytes)
    return found


_ENDS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
}


def cpu_seconds() -> float:
    """Of the processes that this one has started: server and worker."""
    times = (child.cpu_times() for child in psutil.Process().children(recursive=True))
    return sum(each.user + each.system for each in times)


def peak_mib(pid: int) -> float:
    """The most resident memory that a process has had so far (Linux)."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return round(int(found[1]) / 1024, 1) if found else float("nan")


async def run(
    shapes: list[str], sizes: list[int], told: Callable[[Size, float], None], most_events: int = MOST_EVENTS
) -> dict[str, Any]:
    """All of them, one after the other; each is `told` with its cost over that of the smallest run of its shape."""
    done: list[dict[str, Any]] = []
    for shape in shapes:
        smallest = 0.0
        for steps in sorted(sizes):
            size = await measure(shape, steps, most_events)
            smallest = smallest or size.ms_per_step
            growth = round(size.ms_per_step / smallest, 2)
            if growth > MOST_GROWTH:
                size.wrong.append(f"a step costs {growth} of one of {min(sizes):,} steps, not over {MOST_GROWTH}")
            told(size, growth)
            done.append({**asdict(size), "growth": growth})
    return {"machine": machine(), "load": [round(each, 1) for each in os.getloadavg()], "sizes": done}


def print_row(size: Size, growth: float) -> None:
    """A line of the table, and what is wrong beneath it."""
    print(
        f"| {size.shape} | {size.steps:,} | {size.seconds:,} s | {size.ms_per_step} ms | {growth} | "
        f"{size.cpu_ms_per_step} ms | "
        f"{size.worker_mib:.0f} MiB | {size.histories} | {size.most_events:,} | {size.most_mib} MiB | "
        f"{size.in_flight} |",
        flush=True,
    )
    for wrong in size.wrong:
        print(f"  WRONG: {wrong}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of steps, with commas")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="which, with commas")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--history-limit", type=int, default=MOST_EVENTS, metavar="EVENTS", help="the server's own")
    options = parser.parse_args()
    shapes = [shape for shape in SHAPES if shape in options.shapes.split(",")]
    sizes = [int(size) for size in options.sizes.split(",")]
    if not options.json:
        print(
            "| shape | steps | time | a step | growth | processor | worker | histories | events | bytes | in flight |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    results = asyncio.run(run(shapes, sizes, (lambda *_: None) if options.json else print_row, options.history_limit))
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
    if any(size["wrong"] for size in results["sizes"]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
