"""Cheapest schedules under prices by time: `planner.tariff`, and a plain CP-SAT model beside it.

    python -m benchmarks.planner_tariff [--seconds 10] [--only 96] [--fresh SEED ...] [--plain] [--json]

Every schedule is checked here by its own arithmetic, slot by slot. `best known` is the best line of the tables that
came with the instances (the best of several methods with as much time).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import print_json
from benchmarks.tariff_instances import SHARED, generate, read
from planner.limits import Limits
from planner.tariff import Result, TariffInstance, solve

BEST_KNOWN = {
    (20, 96): 2053, (50, 96): 4862, (100, 96): 15069, (200, 96): 34085,
    (20, 1440): 23766, (50, 1440): 68490, (100, 1440): 211910, (200, 1440): 440929,
}  # fmt: skip
SIZES = (20, 50, 100, 200)


@dataclass(frozen=True)
class Line:
    """One instance."""

    name: str
    status: str
    cost: int | None
    bound: int
    gap: float | None
    cost_after_1_s: int | None
    first_plan_ms: float | None
    seconds: float
    best_known: int | None
    plain: int | None
    plain_bound: int | None


def measure(name: str, instance: TariffInstance, seconds: float, best_known: int | None, *, plain: bool) -> Line:
    """Solve one instance both ways. Raises AssertionError where a schedule is not valid or a later one dearer."""
    told: list[Result] = []
    result = solve(instance, Limits(seconds=seconds), told.append)
    costs = [each.cost for each in told]
    assert costs == sorted(costs, key=lambda cost: -(cost or 0)), f"{name}: a later schedule was dearer"
    for each in [*told, result]:
        if each.starts is not None:
            check(instance, each.starts, each.cost, each.lower_bound)
    early = [each.cost for each in told if each.seconds <= 1.0]
    element = element_model(instance, seconds) if plain else (None, None)
    return Line(
        name=name,
        status=result.status,
        cost=result.cost,
        bound=result.lower_bound,
        gap=None if result.gap is None else round(100 * result.gap, 2),
        cost_after_1_s=early[-1] if early else None,
        first_plan_ms=None if result.first_plan_seconds is None else round(1000 * result.first_plan_seconds, 1),
        seconds=round(result.seconds, 2),
        best_known=best_known,
        plain=element[0],
        plain_bound=element[1],
    )


def check(instance: TariffInstance, starts: tuple[int, ...], cost: int | None, bound: int) -> None:
    """By plain loops: windows, edges, capacities and the cost. Raises AssertionError."""
    durations, demands = instance.durations.tolist(), instance.demands.tolist()
    prices, capacities = instance.prices.tolist(), instance.capacities.tolist()
    usage = [[0] * instance.horizon for _ in prices]
    total = 0
    for task, start in enumerate(starts):
        assert instance.earliest[task] <= start <= instance.latest[task], f"task {task} is outside its window"
        for slot in range(start, start + durations[task]):
            for resource, amount in enumerate(demands[task]):
                usage[resource][slot] += amount
                total += prices[resource][slot] * amount
    for (first, second), lag in zip(instance.edges.tolist(), instance.lags.tolist(), strict=True):
        assert starts[second] >= starts[first] + durations[first] + lag, f"task {second} begins before {first} ended"
    for resource, row in enumerate(usage):
        for slot, used in enumerate(row):
            assert used <= capacities[resource][slot], f"resource {resource} is overloaded in slot {slot}"
    assert total == cost, f"the schedule costs {total}, not {cost}"
    assert bound <= total, f"the bound {bound} is above the cost {total}"


def element_model(instance: TariffInstance, seconds: float) -> tuple[int | None, int]:
    """The plain model: a start per task, its cost by an element constraint, a cumulative per resource.

    Capacities have to be the same in all slots.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    starts, costs, intervals = [], [], []
    for task in range(instance.tasks):
        low, high = int(instance.earliest[task]), int(instance.latest[task])
        start = model.new_int_var(low, high, "")
        table = instance.start_costs[task, low : high + 1].tolist()
        cost = model.new_int_var(min(table), max(table), "")
        model.add_element(start - low, table, cost)
        starts.append(start)
        costs.append(cost)
        intervals.append(model.new_fixed_size_interval_var(start, int(instance.durations[task]), ""))
    for (first, second), gap in zip(instance.edges.tolist(), instance.gaps.tolist(), strict=True):
        model.add(starts[second] >= starts[first] + gap)
    for resource in range(instance.resources):
        model.add_cumulative(intervals, instance.demands[:, resource].tolist(), int(instance.capacities[resource, 0]))
    model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 2
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return int(solver.objective_value) if found else None, int(solver.best_objective_bound)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", type=int, choices=(96, 1440), help="only that many slots")
    parser.add_argument("--fresh", type=int, nargs="*", help="made instances of these seeds instead of the given ones")
    parser.add_argument("--plain", action="store_true", help="also the plain CP-SAT model, which takes as long again")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    solve(generate(20, 96, 0), Limits(work=0.1))  # waits for the compiler, if this is the first time on this machine
    lines = []
    for horizon in (96, 1440) if options.only is None else (options.only,):
        for tasks in SIZES:
            cases: list[tuple[str, TariffInstance, int | None]]
            if options.fresh is not None:
                cases = [
                    (f"n{tasks} h{horizon} s{seed}", generate(tasks, horizon, seed), None) for seed in options.fresh
                ]
            else:
                path: Path = SHARED / f"tou_n{tasks}_h{horizon}_s1.json"
                cases = [(f"n{tasks} h{horizon}", read(path), BEST_KNOWN[tasks, horizon])]
            for name, instance, best_known in cases:
                lines.append(measure(name, instance, options.seconds, best_known, plain=options.plain))
                if not options.json:
                    print_line(lines[-1], first=len(lines) == 1)
    if options.json:
        print_json(lines)


def print_line(line: Line, *, first: bool) -> None:
    """One row of the table."""
    if first:
        print("instance              cost    bound    gap   at 1 s  first plan  seconds  best known   plain  its bound")
    gap = "-" if line.gap is None else f"{line.gap:.2f}%"
    print(
        f"{line.name:18}{line.cost or '-':>8}{line.bound:>9}{gap:>7}{line.cost_after_1_s or '-':>9}"
        f"{line.first_plan_ms or '-':>9} ms{line.seconds:>9}{line.best_known or '-':>12}"
        f"{line.plain or '-':>9}{line.plain_bound or '-':>11}",
        flush=True,
    )


if __name__ == "__main__":
    main()
