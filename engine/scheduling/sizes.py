"""What can never fit its pools, said before anything is searched."""

from __future__ import annotations

from definitions.pools import PoolsDocument, PoolSpec
from engine.planning.case import Case
from engine.scheduling.refusals import ResourceConflict
from planner import Demand, Task
from planner.cpm import shortest

_NEAR = 1e-6


def require_sizes(case: Case, pools: PoolsDocument) -> None:
    """Every step asks for pools that there are, and for no more than these ever have for as long as it takes. Raises
    `ResourceConflict`."""
    for each in case.steps.values():
        for name, amount in each.step.resources.items():
            if amount and name not in pools.pools:
                raise ResourceConflict(
                    f"step '{each.step.id}' needs {amount:g} {name}, and there is no such pool",
                    remedy=f"there are {', '.join(sorted(pools.pools))}",
                )
    for task in case.problem.tasks:
        for demand in task.modes[0].demands:
            if demand.pool in pools.pools:
                _require_size(task, demand, pools.pools[demand.pool])


def _require_size(task: Task, demand: Demand, spec: PoolSpec) -> None:
    usual = max([spec.capacity, *(rule.capacity for rule in spec.calendar)])
    most = usual * (1 + (spec.burst.share if spec.burst is not None else 0.0))
    needed = demand.amount if demand.min_amount is None else demand.min_amount
    if needed > most + _NEAR:
        raise ResourceConflict(
            f"step '{task.id}' needs {needed:g} {demand.pool}, and there are {most:g} at most",
            remedy=f"ask for no more than {most:g}",
        )
    seconds = shortest(task.modes[0])
    if spec.burst is not None and needed > usual + _NEAR and seconds > spec.burst.longest + _NEAR:
        raise ResourceConflict(
            f"step '{task.id}' needs {needed:g} {demand.pool} for {seconds:g} s, and more than {usual:g} are there for "
            f"{spec.burst.longest:g} s at most",
            remedy=f"ask for no more than {usual:g}, or for no longer",
        )
