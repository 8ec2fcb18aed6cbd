"""Weeks of workflows on four shared pools: how soon there is a plan, and how good it gets.

    python -m benchmarks.planner_week [--workflows 300] [--seconds 120] [--objective mixed ...] [--seeds 0 ...]
        [--quick] [--json]

The shapes are those of the traces in the shared folder (`benchmarks/week_problems.py`). Every plan that the planner
tells of is checked here by arithmetic of its own (`benchmarks/week_checker.py`), outside of the time measured.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from benchmarks.report import print_json
from benchmarks.week_checker import check
from benchmarks.week_problems import OBJECTIVES, generate
from planner import Limits, Plan, solve

MOMENTS = (10.0, 30.0, 120.0)
"""Seconds at which the best value is noted."""


@dataclass(frozen=True)
class Line:
    """One problem. Values are those of the objective; less is better."""

    objective: str
    seed: int
    tasks: int
    first_s: float | None
    """Until the first plan that keeps every rule."""
    first: float | None
    at_10_s: float | None
    at_30_s: float | None
    at_120_s: float | None
    """None: the search ended before."""
    last: float | None
    bound: float | None
    gap: float | None
    """In percent of the last value."""
    saved: float | None
    """Money, in percent of what starting as soon as possible costs."""
    seconds: float
    plans: int


def measure(objective: str, seed: int, workflows: int, seconds: float, workers: int) -> Line:
    """Plan one week. Raises AssertionError where a plan breaks a rule or a later one is worse."""
    problem = generate(workflows, seed, objective=objective)
    told: list[tuple[float, Plan]] = []
    began = time.perf_counter()
    plan = solve(
        problem,
        Limits(seconds=seconds, workers=workers),
        lambda better: told.append((time.perf_counter() - began, better)),
    )
    took = time.perf_counter() - began
    values = [_value(each) for _, each in told]
    assert values == sorted(values, reverse=True), "a later plan was worse"
    for each in (*(each for _, each in told), plan):
        check(each)

    def by(moment: float) -> float | None:
        found = [_value(each) for after, each in told if after <= moment]
        return found[-1] if found and moment <= took + 1.0 else None

    return Line(
        objective=objective,
        seed=seed,
        tasks=len(problem.tasks),
        first_s=round(told[0][0], 2) if told else None,
        first=values[0] if values else None,
        at_10_s=by(MOMENTS[0]),
        at_30_s=by(MOMENTS[1]),
        at_120_s=by(MOMENTS[2]),
        last=plan.objective,
        bound=plan.bound,
        gap=None if plan.gap is None else round(100 * plan.gap, 1),
        saved=None if not plan.cost else round(100 * plan.savings / (plan.cost + plan.savings), 1),
        seconds=round(took, 1),
        plans=len(told),
    )


def _value(plan: Plan) -> float:
    assert plan.objective is not None
    return plan.objective


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workflows", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--objective", nargs="*", default=["mixed"], choices=OBJECTIVES)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--quick", action="store_true", help="60 workflows, 10 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    workflows, seconds = (60, 10.0) if options.quick else (options.workflows, options.seconds)
    solve(generate(30, 1), Limits(seconds=60.0, work=0.5))  # compiles, if this is the first time on this machine
    lines = []
    for objective in options.objective:
        for seed in options.seeds:
            lines.append(measure(objective, seed, workflows, seconds, options.workers))
            if not options.json:
                print_line(lines[-1], first=len(lines) == 1)
    if options.json:
        print_json(lines)


def print_line(line: Line, *, first: bool) -> None:
    """One row of the table."""
    if first:
        columns = "".join(f"{name:>11}" for name in ("first", "at 10 s", "at 30 s", "at 120 s", "last", "bound"))
        print(f"objective  seed  tasks  first s{columns}   gap  saved")
    values = (line.first, line.at_10_s, line.at_30_s, line.at_120_s, line.last, line.bound)
    row = "".join(f"{'-' if value is None else format(value, '.6g'):>11}" for value in values)
    print(
        f"{line.objective:10}{line.seed:>5}{line.tasks:>7}{line.first_s or '-':>9}{row}"
        f"{'-' if line.gap is None else line.gap:>5}%{line.saved or 0:>6}%",
        flush=True,
    )


if __name__ == "__main__":
    main()
