"""What the planner is measured against: a textbook CP-SAT model, and PyJobShop (the extra `benchmarks`)."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from ortools.sat.python import cp_model

from planner.limits import Limits
from planner.makespan import Instance, Result, solve


@dataclass(frozen=True)
class Found:
    """A solver's answer; times in seconds from before the model was built."""

    makespan: int | None
    lower_bound: int
    starts: tuple[int, ...]
    modes: tuple[int, ...]
    seconds: float
    first_plan_seconds: float | None

    @property
    def proven(self) -> bool:
        """Whether no schedule is shorter."""
        return self.makespan is not None and self.makespan <= self.lower_bound


def longpole(instance: Instance, seconds: float, workers: int) -> Found:
    """`planner.makespan.solve`. Raises AssertionError where it told of a plan that was not shorter than the last."""
    told: list[Result] = []
    result = solve(instance, Limits(seconds=seconds, workers=workers), told.append)
    spans = [each.makespan or 0 for each in told]
    assert spans == sorted(set(spans), reverse=True), f"plans of {spans} were told of"
    return Found(
        result.makespan, result.lower_bound, result.starts, result.modes, result.seconds, result.first_plan_seconds
    )


def plain(instance: Instance, seconds: float, workers: int) -> Found:
    """As in a textbook: an interval a task (an optional one a mode), a cumulative a resource, minimise the last end."""
    begun = time.perf_counter()
    model = cp_model.CpModel()
    horizon = instance.horizon()
    starts, ends, choices = [], [], []
    held: list[list[tuple[cp_model.IntervalVar, int]]] = [[] for _ in instance.capacities]
    used: list[list[tuple[cp_model.IntVar, int]]] = [[] for _ in instance.budgets]
    for task, durations in enumerate(instance.durations):
        start, end = model.new_int_var(0, horizon, ""), model.new_int_var(0, horizon, "")
        literals = [model.new_bool_var("") for _ in durations]
        model.add_exactly_one(literals)
        for mode, (duration, literal) in enumerate(zip(durations, literals, strict=True)):
            if len(durations) == 1:
                interval = model.new_interval_var(start, duration, end, "")
            else:
                interval = model.new_optional_interval_var(start, duration, end, literal, "")
            for resource, demand in enumerate(instance.demands[task][mode]):
                held[resource].append((interval, demand))
            for budget in range(len(instance.budgets)):
                used[budget].append((literal, instance.consumptions[task][mode][budget]))
        starts.append(start)
        ends.append(end)
        choices.append(literals)
    for task, following in enumerate(instance.successors):
        for after in following:
            model.add(starts[after] >= ends[task])
    for resource, capacity in enumerate(instance.capacities):
        model.add_cumulative([each for each, _ in held[resource]], [demand for _, demand in held[resource]], capacity)
    for budget, most in enumerate(instance.budgets):
        model.add(sum(literal * amount for literal, amount in used[budget]) <= most)
    makespan = model.new_int_var(0, horizon, "")
    model.add_max_equality(makespan, ends)
    model.minimize(makespan)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.max_time_in_seconds = max(0.01, seconds - (time.perf_counter() - begun))
    first = _First(begun)
    status = solver.solve(model, first)
    took = time.perf_counter() - begun
    bound = math.ceil(solver.best_objective_bound - 1e-6)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Found(None, bound, (), (), took, None)
    modes = tuple(next(mode for mode, literal in enumerate(row) if solver.boolean_value(literal)) for row in choices)
    return Found(
        int(solver.value(makespan)), bound, tuple(solver.value(each) for each in starts), modes, took, first.seconds
    )


class _First(cp_model.CpSolverSolutionCallback):
    def __init__(self, begun: float) -> None:
        super().__init__()
        self._begun = begun
        self.seconds: float | None = None

    def on_solution_callback(self) -> None:
        """Note when the first came."""
        if self.seconds is None:
            self.seconds = time.perf_counter() - self._begun


def pyjobshop(instance: Instance, seconds: float, workers: int) -> Found:
    """PyJobShop with CP-SAT, as its documentation models such instances. It does not say when its first plan came."""
    from pyjobshop import Model

    begun = time.perf_counter()
    model = Model()
    resources = [model.add_renewable(capacity) for capacity in instance.capacities]
    budgets = [model.add_consumable(most) for most in instance.budgets]
    tasks = [model.add_task() for _ in instance.durations]
    numbers: list[tuple[int, int]] = []
    for task, durations in enumerate(instance.durations):
        for mode, duration in enumerate(durations):
            consumed = instance.consumptions[task][mode] if instance.budgets else ()
            demands = [*instance.demands[task][mode], *consumed]
            model.add_mode(tasks[task], [*resources, *budgets], duration, demands)
            numbers.append((task, mode))
    for task, following in enumerate(instance.successors):
        for after in following:
            model.add_end_before_start(tasks[task], tasks[after])
    left = max(0.01, seconds - (time.perf_counter() - begun))
    result = model.solve(solver="ortools", time_limit=left, display=False, num_workers=workers)
    took = time.perf_counter() - begun
    if not result.best.tasks:
        return Found(None, 0, (), (), took, None)
    return Found(
        int(result.objective),
        math.ceil(result.lower_bound - 1e-6),
        tuple(each.start for each in result.best.tasks),
        tuple(numbers[each.mode][1] for each in result.best.tasks),
        took,
        None,
    )
