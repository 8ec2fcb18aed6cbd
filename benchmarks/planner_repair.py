"""How fast plans of 120 tasks are repaired after one step takes half as long again, and what a second of search adds.

    python -m benchmarks.planner_repair [--instances 24] [--steps 5] [--search 1.0]

Each instance of PSPLIB's J120 is planned (two seconds), and run as planned until a third of the plan is over; then one
of the steps that run takes 50 % longer, each of `--steps` in turn. Timed is `repair` without limits: checks, what is
left of the problem, the plan. Times are the median of five repairs each, so that other work on the machine counts less.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median, quantiles

from planner import Demand, Limits, Mode, Plan, Pool, Precedence, Problem, Progress, Task, repair, solve
from planner.makespan import Instance
from planner.psplib import read_instance

FOLDER = Path(__file__).parents[1] / ".." / "shared" / "psplib" / "j120"
_NEAR = 1e-6


def problem_of(instance: Instance) -> Problem:
    """A single-mode instance, one second for each unit of time."""
    tasks = tuple(
        Task(f"t{number}", (Mode(modes[0], tuple(Demand(f"r{k}", need) for k, need in enumerate(needs[0]) if need)),))
        for number, (modes, needs) in enumerate(zip(instance.durations, instance.demands, strict=True))
    )
    arcs = tuple(
        Precedence(f"t{before}", f"t{after}") for before, each in enumerate(instance.successors) for after in each
    )
    return Problem(tasks, arcs, tuple(Pool(f"r{k}", capacity) for k, capacity in enumerate(instance.capacities)))


def overruns(plan: Plan, most: int) -> tuple[float, list[dict[str, Progress]]]:
    """A third into the plan: now, and for some of the running steps how things stand if that one takes longer."""
    now = plan.makespan / 3
    started = {
        name: Progress(done.start, done.end if done.end <= now else None)
        for name, done in plan.assignments.items()
        if done.start < now
    }
    running = [name for name, done in started.items() if done.ended is None][:most]
    cases = []
    for name in running:
        done = plan.assignments[name]
        cases.append({**started, name: Progress(done.start, None, 1.5 * (done.end - done.start))})
    return now, cases


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=24)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--search", type=float, default=1.0, help="seconds of search after the first repair; 0: none")
    given = parser.parse_args()
    times: list[float] = []
    moved: list[int] = []
    later: list[float] = []
    gained: list[float] = []
    worse = 0
    for path in sorted(FOLDER.glob("*.sm"))[: given.instances]:
        problem = problem_of(read_instance(path))
        plan = solve(problem, Limits(seconds=2.0))
        now, cases = overruns(plan, given.steps)
        for case in cases:
            taken = []
            for _ in range(5):
                began = time.perf_counter()
                first = repair(problem, plan, now, case)
                taken.append(time.perf_counter() - began)
            times.append(1000 * median(taken))
            before = plan.assignments
            moved.append(sum(abs(d.start - before[n].start) > _NEAR for n, d in first.assignments.items()))
            later.append(first.makespan / plan.makespan - 1)
        if cases and given.search:
            first = repair(problem, plan, now, cases[0])
            better = repair(problem, plan, now, cases[0], Limits(seconds=given.search))
            assert first.objective is not None
            assert better.objective is not None
            worse += better.objective > first.objective
            gained.append(1 - better.objective / first.objective)
    tenths = quantiles(times, n=10)
    print(f"{len(times)} repairs: p50 {median(times):.2f} ms, p90 {tenths[-1]:.2f} ms, max {max(times):.2f} ms")
    print(f"tasks moved: p50 {median(moved):g}, max {max(moved)}; plans later by {100 * median(later):.1f} % (median)")
    if gained:
        print(
            f"after {given.search:g} s of search the objective is {100 * median(gained):.1f} % better (median), "
            f"{100 * max(gained):.1f} % at most; worse in {worse} of {len(gained)}"
        )


if __name__ == "__main__":
    main()
