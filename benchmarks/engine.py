"""`DagWorkflow` against a hand-written Temporal workflow: the same server, worker settings and work, in turn.

    python -m benchmarks.engine [--quick] [--json] [--only PART-OF-A-NAME]

Each round runs the one, then the other; a ratio is the median over the rounds of (Longpole / by hand), in time.
Longpole's time includes all that a user of it has: the execution's row, attempts, events and the recorded outcome.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

from benchmarks import by_hand
from benchmarks.graphs import chain, fan_out
from benchmarks.report import machine
from benchmarks.side_by_side import SideBySide, Timed, open_side_by_side


@dataclass(frozen=True)
class Case:
    """One kind of work, both ways, and how many steps it has."""

    name: str
    steps: int
    by_hand: Timed
    longpole: Timed


async def cases(both: SideBySide) -> list[Case]:
    """What is measured."""
    hand, ours = both.hand, both.ours
    return [
        Case("chain of 100", 100, hand(by_hand.Chain.run, 100), await ours(chain(100))),
        Case("fan-out of 200 and a join", 201, hand(by_hand.FanOut.run, 200), await ours(fan_out(200))),
        Case("50 runs of 10 at once", 500, hand(by_hand.Chain.run, 10, 50), await ours(chain(10), 50)),
        Case("latency of one step", 1, hand(by_hand.Chain.run, 1), await ours(chain(1))),
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
    async with open_side_by_side() as both:
        results = {}
        for case in await cases(both):
            if only not in case.name:
                continue
            repeats = 5 if quick else 15
            results[case.name] = await measure(case, repeats * (8 if case.steps == 1 else 1))
    return {
        "machine": machine(),
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
