"""How fast small problems are planned: those with room in their pools, first plans of tight ones, a process's first.

    python -m benchmarks.planner_small [--repeat 200] [--tight 300] [--json]

`room`: pools that are large enough, the problem made and solved (validation is in the time); `plain` tasks have modes
and demands only, `limited` ones also a group, a priority, a release, a due time and a deadline. `first plan`: 20 to 200
tasks on pools that are too small, with opening hours, prices by hour, due times and deadlines, from making the problem
until `on_plan` hears of a plan. `fresh`: the same with 100 tasks in a process of its own on a machine without machine
code, from the process's start.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as clock
from random import Random
from statistics import median, quantiles

from benchmarks.report import machine, print_json
from planner import (
    CapacityBand,
    Demand,
    Limits,
    Mode,
    Objective,
    Plan,
    Pool,
    Precedence,
    PriceBand,
    Problem,
    Status,
    Tariff,
    Task,
    solve,
)

SIZES = (10, 100, 1000)
AIMS = {"duration": Objective(), "cost": Objective(cost=1), "mixed": Objective(duration=0.5, cost=0.3, lateness=0.2)}
FRESH = 5
_MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
_DAY = 86400.0


@dataclass(frozen=True)
class Line:
    """Milliseconds."""

    name: str
    measured: int
    p50: float
    p90: float
    p99: float
    most: float


def line(name: str, seconds: Sequence[float]) -> Line:
    """Of durations in seconds."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    figures = (median(seconds), cuts[89], cuts[98], max(seconds))
    return Line(name, len(seconds), *(round(1000 * value, 3) for value in figures))


def roomy(count: int, repeat: int, *, limited: bool) -> list[float]:
    """Seconds to make and solve a problem with room for everything, each time anew."""
    random = Random(count)
    limits = {"release": 60.0, "due": 1e6, "deadline": 1e7, "priority": 80} if limited else {}
    groups = [f"g{i // 10}" if limited else None for i in range(count)]
    tasks = tuple(Task(f"t{i}", (_mode(random),), group=groups[i], **limits) for i in range(count))
    precedence, pools = _arcs(random, count), (Pool("cpu", 4.0 * count), Pool("memory", 16.0 * count))
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        plan = solve(Problem(tasks, precedence, pools))
        taken.append(time.perf_counter() - began)
        assert (plan.status, plan.method) == (Status.OPTIMAL, "critical_path")
    return taken


def tight(seed: int, aim: str, count: int | None = None) -> float:
    """Seconds until the first plan of a problem that needs a search."""
    random = Random(seed)
    count = random.randint(20, 200) if count is None else count
    tasks = []
    for i in range(count):
        mode = _mode(random)
        modes = (mode, Mode(0.6 * mode.duration, mode.demands, cost=1.0)) if i % 7 == 0 else (mode,)
        due = 3600.0 * random.randint(4, 48)
        deadline = 20 * _DAY if i % 5 == 0 else None
        group = f"g{i // 20}"
        tasks.append(Task(f"t{i}", modes, random.randint(0, 6) * 600.0, due, deadline, priority=50, group=group))
    hours = CapacityBand(6.0, clock(22), clock(6))
    night = Tariff(2.0, bands=(PriceBand(1.0, clock(22), clock(6)),))
    pools = (Pool("cpu", 12.0, (hours,), price=night, zone="Europe/Berlin"), Pool("memory", 40.0))
    precedence = _arcs(random, count)
    told: list[float] = []

    def tell(_: Plan) -> None:
        told.append(time.perf_counter())

    began = time.perf_counter()
    problem = Problem(tuple(tasks), precedence, pools, objective=AIMS[aim], origin=_MONDAY)
    solve(problem, Limits(seconds=None, cancelled=lambda: bool(told)), tell)
    return told[0] - began


def _mode(random: Random) -> Mode:
    demands = Demand("cpu", random.randint(1, 4)), Demand("memory", random.randint(1, 16))
    return Mode(60.0 * random.randint(1, 60), demands)


def _arcs(random: Random, count: int) -> tuple[Precedence, ...]:
    return tuple(
        Precedence(f"t{before}", f"t{task}")
        for task in range(1, count)
        for before in sorted({random.randrange(max(0, task - 20), task) for _ in range(2)})
    )


def fresh() -> float:
    """Seconds from the start of a process until its first plan, with nothing compiled."""
    script = "import time; from benchmarks.planner_small import tight; tight(0, 'cost', 100); print(time.time())"
    with tempfile.TemporaryDirectory() as empty:
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "NUMBA_CACHE_DIR": empty},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout) - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=200, help="times each roomy problem is solved")
    parser.add_argument("--tight", type=int, default=100, help="tight problems for each aim")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    lines = [
        line(f"room, {'limited' if limited else 'plain'}, {count} tasks", roomy(count, options.repeat, limited=limited))
        for limited in (False, True)
        for count in SIZES
    ]
    for aim in AIMS:
        tight(0, aim)  # imports what is imported once a process
        lines.append(line(f"first plan, {aim}", [tight(seed, aim) for seed in range(options.tight)]))
    lines.append(line("fresh process, cost, 100 tasks", [fresh() for _ in range(FRESH)]))
    if options.json:
        print_json(lines)
        return
    print(
        f"{machine()}; milliseconds\n\n{'':32}"
        + "".join(f"{name:>10}" for name in ("measured", "p50", "p90", "p99", "max"))
    )
    for each in lines:
        print(f"{each.name:32}{each.measured:>10}{each.p50:>10}{each.p90:>10}{each.p99:>10}{each.most:>10}")


if __name__ == "__main__":
    main()
