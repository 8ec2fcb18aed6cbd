"""How sure a plan is: the same plan run many times, with durations drawn from what is known about each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf, log
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from definitions.errors import Problem as Mistake
from definitions.errors import ProblemsError
from planner.execution import Execution
from planner.group_spans import members

if TYPE_CHECKING:
    from planner.plan import Plan
    from planner.problem import Problem

Numbers = NDArray[np.float64]
P90 = 1.2815515655446004
"""The 90th percentile of the standard normal distribution."""
_NEAR = 1e-6


class SimulationInvalid(ProblemsError):
    """A simulation that can't be run; `problems` holds everything that is wrong."""

    default_code = "simulation_invalid"
    subject = "the simulation"


@dataclass(frozen=True, slots=True)
class Distribution:
    """How long a task takes: in half of all cases at most `p50` seconds, in nine of ten at most `p90`.

    Lognormal: durations are positive, and now and then very long. Equal values: exactly that long.
    """

    p50: float
    p90: float

    def draw(self, normal: Numbers) -> Numbers:
        """Durations in seconds from standard normal numbers."""
        if self.p50 == self.p90:
            return np.full_like(normal, self.p50)
        return np.asarray(self.p50 * np.exp(log(self.p90 / self.p50) / P90 * normal))


@dataclass(frozen=True)
class Simulation:
    """What came out of `samples` runs. Times are seconds from the origin, infinite where work never fitted."""

    problem: Problem
    starts: Numbers
    """(samples, tasks): when each task started."""
    ends: Numbers
    """(samples, tasks): when each task ended."""
    costs: Numbers
    """(samples,): money for the whole plan."""
    critical: NDArray[np.bool_]
    """(samples, tasks): whether the task was one of those that decided when the plan ended."""

    @property
    def samples(self) -> int:
        """How many runs."""
        return len(self.costs)

    @cached_property
    def makespans(self) -> Numbers:
        """(samples,): when the last task ended."""
        return np.asarray(self.ends.max(axis=1))

    def end(self, share: float) -> float:
        """The moment by which this share of the runs had ended: `end(0.9)` is the P90."""
        return _quantile(self.makespans, share)

    def cost(self, share: float) -> float:
        """The money that this share of the runs did not exceed."""
        return _quantile(self.costs, share)

    def chance(self, deadline: float) -> float:
        """The share of runs that had ended by a moment."""
        return float(np.mean(self.makespans <= deadline + _NEAR))

    @cached_property
    def on_time(self) -> float:
        """The share of runs in which every deadline, latest start and longest duration and the horizon was kept."""
        kept = self.makespans <= (inf if self.problem.horizon is None else self.problem.horizon) + _NEAR
        for number, task in enumerate(self.problem.tasks):
            if task.deadline is not None:
                kept &= self.ends[:, number] <= task.deadline + _NEAR
            if task.window is not None:
                kept &= self.starts[:, number] <= task.window[1] + _NEAR
        for limit in self.problem.max_durations:
            tasks = members(self.problem, limit)
            kept &= self.ends[:, tasks].max(axis=1) - self.starts[:, tasks].min(axis=1) <= limit.seconds + _NEAR
        return float(np.mean(kept))

    @cached_property
    def late(self) -> Mapping[str, float]:
        """Task id -> the share of runs in which it missed its deadline, for tasks that have one."""
        return {
            task.id: float(np.mean(self.ends[:, number] > task.deadline + _NEAR))
            for number, task in enumerate(self.problem.tasks)
            if task.deadline is not None
        }

    @cached_property
    def criticality(self) -> Mapping[str, float]:
        """Task id -> the share of runs in which it was on the critical path, pools included."""
        shares = self.critical.mean(axis=0)
        return {task.id: float(share) for task, share in zip(self.problem.tasks, shares, strict=True)}


def simulate(
    problem: Problem, plan: Plan, distributions: Mapping[str, Distribution], samples: int = 1000, seed: int = 0
) -> Simulation:
    """The plan as it would run, `samples` times; `planner.dispatching` says what starts when.

    `distributions` are by task id, for the mode that the plan chose; the other tasks take as long as planned. Durations
    are drawn independently. A task whose pools' prices change does not start so much earlier than planned that it would
    cost more. Pools may be raised by their bursts for as long as it takes. Raises `SimulationInvalid`, and `ValueError`
    for a plan without a schedule.
    """
    if plan.schedule is None:
        raise ValueError(f"there is no plan to simulate: its status is {plan.status}")
    _check(problem, distributions, samples)
    normal = np.random.default_rng(seed).standard_normal((samples, len(problem.tasks)))
    durations = np.empty_like(normal)
    planned = plan.assignments
    for number, task in enumerate(problem.tasks):
        given = distributions.get(task.id)
        usual = sum(end - start for start, end in planned[task.id].parts)
        durations[:, number] = usual if given is None else given.draw(normal[:, number])
    execution = Execution(problem, plan.schedule, durations)
    starts, ends, critical = execution.run()
    return Simulation(problem, starts, ends, execution.costs(), critical)


def _check(problem: Problem, distributions: Mapping[str, Distribution], samples: int) -> None:
    found: list[Mistake] = []
    if samples < 1:
        found.append(Mistake("out_of_range", "samples", f"{samples} runs say nothing", "give at least 1"))
    for name, given in distributions.items():
        path = f"distributions[{name}]"
        if name not in problem.index:
            found.append(Mistake("unknown_task", path, f"there is no task {name!r}", "name a task of the problem"))
        if not 0 <= given.p50 <= given.p90 < inf or (given.p50 == 0 and given.p90 > 0):
            message = f"no durations have P50 {given.p50:g} and P90 {given.p90:g}"
            found.append(Mistake("out_of_range", path, message, "give 0 < p50 <= p90, or 0 for both"))
    if found:
        raise SimulationInvalid(found)


def _quantile(values: Numbers, share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf"))
