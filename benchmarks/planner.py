"""The planner against a textbook CP-SAT model and PyJobShop: the same instances, limits and workers, in turn.

    python -m benchmarks.planner [--sets j30,j60,j120,j20mm,mmlib50,tariff] [--seconds S] [--quick] [--json]

Makespans: files of PSPLIB and MMLIB beside the repository (`shared/psplib`, or `--data`). Every plan is checked by
`planner_checker.py`, and every bound against the best known makespan. `tariff` is `benchmarks.planner_tariff`. Needs
the extra `benchmarks` for PyJobShop.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import planner_tariff
from benchmarks.planner_baselines import Found, longpole, plain, pyjobshop
from benchmarks.planner_checker import faults
from benchmarks.report import machine, print_json
from planner.makespan import Instance
from planner.psplib import read_instance

DATA = Path(__file__).parents[1] / ".." / "shared" / "psplib"
SECONDS = {"j30": 10.0, "j60": 10.0, "j120": 15.0, "j20mm": 10.0, "mmlib50": 5.0}
SOLVERS: dict[str, Callable[[Instance, float, int], Found]] = {
    "Longpole": longpole,
    "plain CP-SAT": plain,
    "PyJobShop": pyjobshop,
}


@dataclass(frozen=True)
class Run:
    """One solver on one instance."""

    set: str
    instance: str
    solver: str
    makespan: int | None
    lower_bound: int
    best_known: int
    seconds: float
    first_plan_ms: float | None

    @property
    def proven(self) -> bool:
        """Whether bound and makespan meet."""
        return self.makespan is not None and self.makespan <= self.lower_bound


def cases(data: Path, name: str, quick: bool) -> Iterator[tuple[str, Instance, int, int]]:
    """Name, instance, best known makespan, and the bound that no makespan is below, of a set."""
    with (data / "best_known.csv").open(newline="") as lines:
        best = {row["instance"]: row for row in csv.DictReader(lines) if row["set"] == name}
    paths = sorted((data / name).glob("*.?m"))
    for path in paths[::6] if quick else paths:
        row = best[path.stem]
        yield path.stem, read_instance(path), int(row["ub"]), int(row["lb"])


def measure(data: Path, sets: Sequence[str], solvers: Sequence[str], options: argparse.Namespace) -> Iterator[Run]:
    """All solvers in turn on each instance. Raises AssertionError where an answer is wrong."""
    for name in sets:
        limit = options.seconds or SECONDS[name]
        for case, instance, upper, lower in cases(data, name, options.quick):
            if options.only and case not in options.only.split(","):
                continue
            for solver in solvers:
                found = SOLVERS[solver](instance, limit, options.workers)
                if found.makespan is not None:
                    wrong = faults(instance, found.starts, found.modes, found.makespan)
                    assert not wrong, f"{solver} on {case}: {'; '.join(wrong)}"
                    assert found.makespan >= lower, f"{solver} on {case}: {found.makespan} is below the bound {lower}"
                assert found.lower_bound <= upper, f"{solver} on {case}: its bound {found.lower_bound} is above {upper}"
                first = found.first_plan_seconds
                yield Run(
                    set=name,
                    instance=case,
                    solver=solver,
                    makespan=found.makespan,
                    lower_bound=found.lower_bound,
                    best_known=upper,
                    seconds=round(found.seconds, 3),
                    first_plan_ms=None if first is None else round(1000 * first, 2),
                )


def summary(runs: Sequence[Run]) -> dict[str, float | int | None]:
    """One line of the table. Gaps in per cent; a run without a plan counts as 100."""
    firsts = [run.first_plan_ms for run in runs if run.first_plan_ms is not None]
    return {
        "instances": len(runs),
        "proven": sum(run.proven for run in runs),
        "gap_to_best_known": round(
            statistics.mean(100 * (run.makespan / run.best_known - 1) if run.makespan else 100.0 for run in runs), 2
        ),
        "own_gap": round(
            statistics.mean(100 * (1 - run.lower_bound / run.makespan) if run.makespan else 100.0 for run in runs), 2
        ),
        "bound_gap": round(statistics.mean(100 * (1 - run.lower_bound / run.best_known) for run in runs), 2),
        "mean_s": round(statistics.mean(run.seconds for run in runs), 2),
        "median_s": round(statistics.median(run.seconds for run in runs), 3),
        "first_plan_ms": round(statistics.mean(firsts), 1) if firsts else None,
    }


def table(runs: Sequence[Run]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """By set and solver."""
    return {
        name: {
            solver: summary(chosen)
            for solver in SOLVERS
            if (chosen := [run for run in runs if run.set == name and run.solver == solver])
        }
        for name in dict.fromkeys(run.set for run in runs)
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default="j30,j60,j120,j20mm,mmlib50", help="which, with commas between")
    parser.add_argument("--solvers", default=",".join(SOLVERS), help="which, with commas between")
    parser.add_argument("--only", default="", help="only these instances, with commas between")
    parser.add_argument("--seconds", type=float, help="limit for each instance, instead of the set's own")
    parser.add_argument("--workers", type=int, default=2, help="of each solver")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with best_known.csv and a folder for each set")
    parser.add_argument("--quick", action="store_true", help="every sixth instance")
    parser.add_argument("--runs", action="store_true", help="also a line for each run")
    parser.add_argument("--json", action="store_true", help="one JSON object, with all runs, instead of a table")
    options = parser.parse_args()
    names = options.sets.split(",")
    sets = [name for name in names if name != "tariff"]
    if sets and not options.data.is_dir():
        raise SystemExit(f"there is no folder {options.data}: say with --data where the instances are")
    # Imports and compiles what is imported and compiled once a process; with a limit of its own, it does not count.
    for solver in options.solvers.split(","):
        SOLVERS[solver](Instance(((2,),) * 6, (((1,),),) * 6, (2,), ((),) * 6), 1.0, options.workers)
    if "Longpole" in options.solvers:
        from planner.makespan.loading import kernels_loading

        for kernel in kernels_loading():
            kernel.result()
    runs: list[Run] = []
    for run in measure(options.data, sets, options.solvers.split(","), options):
        runs.append(run)
        if options.runs:
            print(json.dumps(asdict(run)), file=sys.stderr, flush=True)
    results = table(runs)
    if options.json:
        print_json(runs, "runs", table=results)
    elif runs:
        print_table(results)
    if "tariff" in names:
        sys.argv = [sys.argv[0], *(["--json"] if options.json else [])]
        planner_tariff.main()


def print_table(results: dict[str, dict[str, dict[str, float | int | None]]]) -> None:
    """For people."""
    print(f"{machine()}\n")
    heads = ("proven", "to best known", "own gap", "bound gap", "mean s", "median s", "first plan")
    print(f"{'set':9}{'solver':14}" + "".join(f"{head:>15}" for head in heads))
    for name, solvers in results.items():
        for solver, line in solvers.items():
            first = "-" if line["first_plan_ms"] is None else f"{line['first_plan_ms']} ms"
            figures = [
                f"{line['proven']}/{line['instances']}",
                *(f"{line[key]}%" for key in ("gap_to_best_known", "own_gap", "bound_gap")),
                str(line["mean_s"]),
                str(line["median_s"]),
                first,
            ]
            print(f"{name:9}{solver:14}" + "".join(f"{figure:>15}" for figure in figures))


if __name__ == "__main__":
    main()
