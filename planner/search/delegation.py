"""Problems of a special shape, handed to the solver made for it."""

from __future__ import annotations

from dataclasses import dataclass

from planner.compiled import Compiled, Draft
from planner.incumbent import Incumbent
from planner.pace import Pace
from planner.tariff import Result, Status, TariffInstance

_MOST_SLOTS = 3000
_DECIMALS = 4
_FINEST = 1e6


def delegated(incumbent: Incumbent, pace: Pace) -> bool:
    """Whether a special solver has dealt with the problem; what it found and proved is with the incumbent then."""
    found = _tariff(incumbent)
    if found is None:
        return False
    found.search(incumbent, pace)
    return True


@dataclass(frozen=True, slots=True)
class _Tariff:
    """A cost problem as `planner.tariff` takes it."""

    instance: TariffInstance
    money: float
    """Per unit of its prices."""
    fixed: float
    """Money that tasks cost wherever they are."""
    off: float
    """Money by which its bound may be wrong."""

    def search(self, incumbent: Incumbent, pace: Pace) -> None:
        from planner.tariff import solve

        factor = incumbent.judge.scaled["cost"]

        def tell(result: Result) -> None:
            if result.starts is not None:
                incumbent.propose(Draft(list(result.starts), [0] * len(result.starts)), "tariff")

        result = solve(self.instance, pace.part(1.0).limits, tell)
        tell(result)
        if result.status is Status.INFEASIBLE:
            incumbent.refute()
            return
        incumbent.prove(factor * (result.lower_bound * self.money + self.fixed - self.off))
        if result.status is Status.OPTIMAL:
            incumbent.settle(factor * (result.lower_bound * self.money + self.fixed + self.off) + 1e-9)


def _tariff(incumbent: Incumbent) -> _Tariff | None:
    compiled = incumbent.compiled
    if set(incumbent.judge.scaled) != {"cost"} or not _simple(compiled) or incumbent.judge.held:
        return None
    problem = compiled.problem
    if problem.budgets or compiled.horizon > _MOST_SLOTS or not compiled.costs.changing:
        return None
    if any(lag < 0 for arcs in compiled.graph.successors for _, lag in arcs):
        return None
    prices, per_unit, exact = _prices(compiled)
    capacities = [[pool.free[_place(pool.times, slot)] for slot in range(compiled.horizon)] for pool in compiled.pools]
    ways = [found[0] for found in compiled.ways]
    demands = [[dict(way.needs).get(number, 0) for number in range(len(compiled.pools))] for way in ways]
    edges = [(before, after) for before, arcs in enumerate(compiled.graph.successors) for after, _ in arcs]
    lags = [lag for arcs in compiled.graph.successors for _, lag in arcs]
    instance = TariffInstance.of(
        durations=[way.ticks for way in ways],
        demands=demands,
        capacities=capacities,
        prices=prices,
        edges=edges,
        lags=lags,
        earliest=compiled.earliest,
        latest=compiled.latest,
    )
    fixed = sum(task.modes[way.option.mode].cost for task, way in zip(problem.tasks, ways, strict=True))
    held = sum(units * way.ticks for way in ways for _, units in way.needs)
    off = 0.0 if exact else 0.5 * held * per_unit
    return _Tariff(instance, per_unit, fixed, off)


def _simple(compiled: Compiled) -> bool:
    """One way for each task, in one piece and as long as on the grid; nothing moves but tasks, and no pool bursts."""
    return (
        bool(compiled.pools)
        and not compiled.movable
        and not any(pool.longest for pool in compiled.pools)
        and not any(task.splittable for task in compiled.problem.tasks)
        and all(
            len(ways) == 1 and abs(ways[0].ticks * compiled.tick - ways[0].option.seconds) < 1e-6
            for ways in compiled.ways
        )
    )


def _prices(compiled: Compiled) -> tuple[list[list[int]], float, bool]:
    """Whole prices by pool and slot, the money that one of them is per unit and slot, and whether they are exact.

    The scales of amounts differ by pool, so each pool's prices are made per unit of the largest.
    """
    finest = max(pool.scale for pool in compiled.pools)
    rows: list[list[float]] = []
    for spend, pool in zip(compiled.costs.spends, compiled.pools, strict=True):
        row = [0.0] * compiled.horizon
        if spend is not None:
            times = [round(moment / compiled.tick) for moment in spend.steps.times]
            row = [spend.steps.values[_place(times, slot)] * (finest / pool.scale) for slot in range(compiled.horizon)]
        rows.append(row)
    values = {value for row in rows for value in row}
    exact = True
    scale = next(
        (10.0**k for k in range(_DECIMALS + 1) if all(abs(v * 10**k - round(v * 10**k)) < 1e-9 for v in values)), None
    )
    if scale is None:
        exact, scale = False, _FINEST / max(abs(value) for value in values)
    whole = [[round(value * scale) for value in row] for row in rows]
    return whole, compiled.tick / 3600 / scale / finest, exact


def _place(times: list[int], slot: int) -> int:
    from bisect import bisect_right

    return max(bisect_right(times, slot) - 1, 0)
