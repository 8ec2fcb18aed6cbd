"""Problems of a special shape, handed to the solver made for it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from planner import makespan, tariff
from planner.compiled import Compiled, Draft, Way
from planner.grid import NEAR
from planner.incumbent import Incumbent
from planner.makespan import Instance
from planner.pace import Pace
from planner.plan import Status
from planner.tariff import TariffInstance

_MOST_SLOTS = 3000
_DECIMALS = 4
_FINEST = 1e6


def delegated(incumbent: Incumbent, pace: Pace) -> bool:
    """Whether a special solver has dealt with the problem; what it found and proved is with the incumbent then."""
    compiled, judge = incumbent.compiled, incumbent.judge
    if judge.held or compiled.problem.budgets or compiled.group_spans or not _plain(compiled):
        return False
    if set(judge.scaled) == {"duration"}:
        instance = _makespan(compiled)
        if instance is not None:
            _shortest(instance, incumbent, pace)
            return True
    if set(judge.scaled) == {"cost"}:
        found = _tariff(compiled)
        if found is not None:
            found.search(incumbent, pace)
            return True
    return False


def _shortest(instance: Instance, incumbent: Incumbent, pace: Pace) -> None:
    """Let `planner.makespan` search."""
    factor = incumbent.judge.scaled["duration"] * incumbent.compiled.tick

    def tell(result: makespan.Result) -> None:
        if result.starts:
            incumbent.propose(Draft(list(result.starts), list(result.modes)), "makespan")

    result = makespan.solve(instance, pace.part(1.0).limits, tell)
    tell(result)
    if result.status is Status.INFEASIBLE:
        incumbent.refute()
        return
    incumbent.prove(factor * result.lower_bound)
    if result.status is Status.OPTIMAL:
        incumbent.settle(factor * result.lower_bound + 1e-9)


@dataclass(frozen=True, slots=True)
class _Tariff:
    """A cost problem as `planner.tariff` takes it."""

    instance: tariff.TariffInstance
    money: float
    """Per unit of its prices."""
    fixed: float
    """Money that tasks cost wherever they are."""
    off: float
    """Money by which its bound may be wrong."""

    def search(self, incumbent: Incumbent, pace: Pace) -> None:
        factor = incumbent.judge.scaled["cost"]

        def tell(result: tariff.Result) -> None:
            if result.starts is not None:
                incumbent.propose(Draft(list(result.starts), [0] * len(result.starts)), "tariff")

        result = tariff.solve(self.instance, pace.part(1.0).limits, tell)
        tell(result)
        if result.status is Status.INFEASIBLE:
            incumbent.refute()
            return
        incumbent.prove(factor * (result.lower_bound * self.money + self.fixed - self.off))
        if result.status is Status.OPTIMAL:
            incumbent.settle(factor * (result.lower_bound * self.money + self.fixed + self.off) + 1e-9)


def _makespan(compiled: Compiled) -> Instance | None:
    """The problem as `planner.makespan` takes it: constant capacities, and no latest starts that depend on the way."""
    if any(len(pool.times) > 1 for pool in compiled.pools):
        return None
    deadlines: list[int | None] = []
    for task, ways in enumerate(compiled.ways):
        end = compiled.last_end[task]
        # Where nobody limits it, the horizon is only how far a schedule can be made to reach.
        limited = compiled.problem.horizon is not None or compiled.problem.tasks[task].deadline is not None
        if compiled.last_start[task] < compiled.horizon:
            if len(ways) > 1:
                return None
            end = min(end, compiled.last_start[task] + ways[0].ticks)
        deadlines.append(end if limited or end < compiled.horizon else None)
    pools = range(len(compiled.pools))
    return Instance(
        durations=tuple(tuple(way.ticks for way in ways) for ways in compiled.ways),
        demands=tuple(
            tuple(tuple(dict(way.needs).get(number, 0) for number in pools) for way in ways) for ways in compiled.ways
        ),
        capacities=tuple(pool.free[0] for pool in compiled.pools),
        successors=tuple(tuple(after for after, _ in arcs) for arcs in compiled.graph.successors),
        lags=tuple(tuple(lag for _, lag in arcs) for arcs in compiled.graph.successors),
        releases=tuple(compiled.earliest),
        deadlines=tuple(deadlines),
    )


def _tariff(compiled: Compiled) -> _Tariff | None:
    """The problem as `planner.tariff` takes it: one way for each task, changing prices, and not too many slots."""
    problem = compiled.problem
    if compiled.horizon > _MOST_SLOTS or not compiled.costs.changing:
        return None
    if any(len(ways) > 1 or not _exact(compiled, ways[0]) for ways in compiled.ways):
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


def _plain(compiled: Compiled) -> bool:
    """Tasks in one piece; nothing moves but tasks, no pool bursts, nothing starts before what it waits for ends."""
    return (
        bool(compiled.pools)
        and not compiled.movable
        and not any(pool.longest for pool in compiled.pools)
        and not any(task.splittable for task in compiled.problem.tasks)
        and all(lag >= 0 for arcs in compiled.graph.successors for _, lag in arcs)
    )


def _exact(compiled: Compiled, way: Way) -> bool:
    """Whether a way takes as long as on the grid."""
    return abs(way.ticks * compiled.tick - way.option.seconds) < NEAR


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
    return max(bisect_right(times, slot) - 1, 0)
