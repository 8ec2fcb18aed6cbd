"""Crashes in the middle of runs: what is promised after each, and how soon a run goes on.

    python -m benchmarks.crashes [--rounds 20] [--lanes 3] [--seed 1] [--faults worker,server,both,sigterm] [--json]

Each round is a run of a chain, a fan-out and a join of steps of 0.2 to 1.5 s, with one fault in it (`tests/chaos`):

- `worker`: of two workers, the one that runs it is killed with SIGKILL; the other has to notice.
- `server`: the Temporal server is killed with SIGKILL and started again.
- `both`: the server and both workers are, and all are started again.
- `sigterm`: the worker that runs it is told to stop; the other takes over.

The exit code is 1 when anything was not as promised.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.report import machine
from tests.chaos.crash_round import Round, crash_round, moments
from tests.chaos.lane import FAULTS, Fault, open_lane
from tests.chaos.mixed_graph import SHORTEST


async def run(faults: list[Fault], rounds: int, lanes: int, seed: int) -> dict[str, Any]:
    """All rounds, as many at once as there are lanes."""
    begun = time.monotonic()
    jobs = iter([(fault, moment) for fault in faults for moment in moments(fault, rounds, seed, SHORTEST)])
    done: list[Round] = []
    with tempfile.TemporaryDirectory() as folder:
        async with asyncio.TaskGroup() as group:
            for lane in range(lanes):
                group.create_task(_work_off(jobs, Path(folder) / str(lane), done))
    return {
        "machine": machine(),
        "seconds": round(time.monotonic() - begun),
        "faults": {fault: summary([each for each in done if each.fault == fault]) for fault in faults},
        "rounds": [asdict(each) for each in done],
    }


async def _work_off(jobs: Iterator[tuple[Fault, float]], folder: Path, done: list[Round]) -> None:
    async with open_lane(folder) as lane:
        for fault, moment in jobs:
            done.append(await crash_round(lane, fault, moment, f"{fault}-{moment:.3f}"))
            print(".", end="", file=sys.stderr, flush=True)


def summary(rounds: list[Round]) -> dict[str, Any]:
    """The figures of one kind of fault."""
    recoveries = sorted(each.recovery for each in rounds)
    return {
        "rounds": len(rounds),
        "as_promised": sum(not each.wrong for each in rounds),
        "in_flight": sum(len(each.in_flight) for each in rounds),
        "repeated": sum(each.repeated for each in rounds),
        "recovery_p50": _percentile(recoveries, 0.5),
        "recovery_p95": _percentile(recoveries, 0.95),
        "recovery_max": recoveries[-1],
        "wrong": [f"{each.moment} s: {wrong}" for each in rounds for wrong in each.wrong],
    }


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="of each kind of fault")
    parser.add_argument("--lanes", type=int, default=3, help="rounds at once, each with a server of its own")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--faults", default=",".join(FAULTS), help="which, with commas")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if fault in options.faults.split(",")]
    results = asyncio.run(run(faults, options.rounds, options.lanes, options.seed))
    print(file=sys.stderr)
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
    else:
        print(f"{results['machine']}; {results['seconds']} s\n")
        print(f"{'':10}{'as promised':>14}{'in flight':>11}{'repeated':>10}{'recovery p50':>14}{'p95':>9}{'max':>9}")
        for fault, found in results["faults"].items():
            print(
                f"{fault:10}{found['as_promised']:>8} of {found['rounds']:<2}{found['in_flight']:>11}"
                f"{found['repeated']:>10}{found['recovery_p50']:>12.2f} s{found['recovery_p95']:>7.2f} s"
                f"{found['recovery_max']:>7.2f} s"
            )
            for wrong in found["wrong"]:
                print(f"  {wrong}")
    if any(found["wrong"] for found in results["faults"].values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
