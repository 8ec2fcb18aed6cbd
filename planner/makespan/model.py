"""The instance as a CP-SAT model, tightened by what the bounds and an upper bound on the makespan imply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ortools.sat.python import cp_model

from planner.makespan.bounds import Bounds
from planner.makespan.instance import Instance


@dataclass(frozen=True, slots=True)
class Model:
    """The model and its variables; `solution` reads a found schedule."""

    cp: cp_model.CpModel
    starts: list[cp_model.IntVar]
    makespan: cp_model.IntVar
    chosen: list[list[cp_model.IntVar]] = field(default_factory=list)
    """By task and mode; empty for a task with one mode."""

    def solution(self, found: cp_model.CpSolver | cp_model.CpSolverSolutionCallback) -> tuple[list[int], list[int]]:
        """Starts and modes by task."""
        starts = [found.value(variable) for variable in self.starts]
        modes = [
            next((mode for mode, literal in enumerate(literals) if found.boolean_value(literal)), 0)
            for literals in self.chosen
        ]
        return starts, modes


def build_model(instance: Instance, bounds: Bounds, lower: int, upper: int) -> Model | None:
    """The schedules whose makespan is in [lower, upper]; None where the windows alone say that there are none."""
    latest = bounds.latest_starts(instance, upper)
    if lower > upper or any(last < first for last, first in zip(latest, bounds.heads, strict=True)):
        return None
    cp = cp_model.CpModel()
    makespan = cp.new_int_var(lower, upper, "makespan")
    starts = [
        cp.new_int_var(first, last, f"s{task}")
        for task, (first, last) in enumerate(zip(bounds.heads, latest, strict=True))
    ]
    model = Model(cp, starts, makespan)
    tasks = [_Task(instance, model, task, upper) for task in range(len(instance))]
    for task, arcs in enumerate(bounds.arcs):
        several = len(instance.durations[task]) > 1
        if several:
            for place, after in enumerate(instance.successors[task]):
                cp.add(starts[after] >= tasks[task].end + instance.lag(task, place))
        for after, delay in arcs:
            if bounds.heads[after] < latest[task] + delay:
                cp.add(starts[after] >= starts[task] + delay)
    for task, deadline in enumerate(instance.deadlines):
        if deadline is not None:
            cp.add(tasks[task].end <= deadline)
    for each in tasks:
        cp.add(makespan >= each.end)
    for task, tail in enumerate(bounds.tails):
        cp.add(makespan >= starts[task] + tail)
    _renewable(instance, model, tasks, upper)
    for budget, most in enumerate(instance.budgets):
        cp.add(sum(task.amount([row[budget] for row in instance.consumptions[task.task]]) for task in tasks) <= most)
    cp.minimize(makespan)
    return model


class _Task:
    """The variables of one task."""

    def __init__(self, instance: Instance, model: Model, task: int, upper: int) -> None:
        self.task = task
        self._cp = model.cp
        durations = instance.durations[task]
        self._literals = [model.cp.new_bool_var(f"m{task}_{mode}") for mode in range(len(durations))]
        if len(durations) == 1:
            self._literals = []
        else:
            model.cp.add_exactly_one(self._literals)
        model.chosen.append(self._literals)
        self.start = model.starts[task]
        self.length = self.variable(durations)
        self.end: cp_model.LinearExprT = self.start + self.length
        if len(set(durations)) > 1:
            self.end = model.cp.new_int_var(0, upper, f"e{task}")
        self.interval = model.cp.new_interval_var(self.start, self.length, self.end, f"i{task}")

    def amount(self, by_mode: Sequence[int]) -> cp_model.LinearExpr | int:
        """What depends on the mode, as a sum over the modes' literals."""
        if not self._literals:
            return by_mode[0]
        least = min(by_mode)
        return least + sum(
            (value - least) * literal for value, literal in zip(by_mode, self._literals, strict=True) if value > least
        )

    def variable(self, by_mode: Sequence[int]) -> cp_model.IntVar | int:
        """The same as one variable, or a number where all modes agree."""
        if len(set(by_mode)) == 1:
            return by_mode[0]
        value = self._cp.new_int_var_from_domain(cp_model.Domain.from_values(sorted(set(by_mode))), f"v{self.task}")
        self._cp.add(value == self.amount(by_mode))
        return value


def _renewable(instance: Instance, model: Model, tasks: Sequence[_Task], upper: int) -> None:
    cp = model.cp
    after_end = cp.new_interval_var(model.makespan, upper + 1 - model.makespan, upper + 1, "after")
    for resource, capacity in enumerate(instance.capacities):
        rows = [[demand[resource] for demand in modes] for modes in instance.demands]
        if sum(max(row) for row in rows) <= capacity:
            continue
        held = [(task.interval, task.variable(row)) for task, row in zip(tasks, rows, strict=True) if max(row)]
        cp.add_cumulative([*(interval for interval, _ in held), after_end], [*(d for _, d in held), capacity], capacity)
        # The energy of the chosen modes fits under the makespan: the linear relaxation sees it.
        if any(len(row) > 1 for row in rows):
            energy = [
                task.amount([a * b for a, b in zip(row, instance.durations[task.task], strict=True)])
                for task, row in zip(tasks, rows, strict=True)
            ]
            cp.add(sum(energy) <= capacity * model.makespan)
