"""What no plan can beat, without a search: for each part of the objective by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from planner.cpm import soonest
from planner.evaluation import group_weights

if TYPE_CHECKING:
    from planner.compiled import Compiled, GridPool, Way


def lower_bound(compiled: Compiled, scaled: Mapping[str, float]) -> float:
    """No plan has a lower value: the parts' own bounds added up."""
    measures = {
        "duration": _duration,
        "cost": cheapest,
        "completion": _completion,
        "lateness": _lateness,
        "balance": _balance,
    }
    return sum(factor * measures[name](compiled) for name, factor in scaled.items() if name in measures)


def _ends(compiled: Compiled) -> list[int]:
    """The earliest end of each task by precedence, in ticks."""
    ticks = [min(way.ticks for way in ways) for ways in compiled.ways]
    return soonest(compiled.graph, ticks, compiled.earliest)[1]


def _duration(compiled: Compiled) -> float:
    """The critical path, or the work that a pool has to hold."""
    return max(max(_ends(compiled)) * compiled.tick, pools_duration(compiled))


def pools_duration(compiled: Compiled) -> float:
    """The work that a pool has to hold: seconds until the first at which all pools can have done it."""
    best = 0
    for number, pool in enumerate(compiled.pools):
        energy = sum(min(_held(way, number) for way in ways) for ways in compiled.ways)
        if energy:
            best = max(best, _done_by(pool, energy))
    return best * compiled.tick


def _held(way: Way, number: int) -> int:
    """Units times ticks that a way needs of a pool."""
    return sum(units * way.ticks for pool, units in way.needs if pool == number)


def _done_by(pool: GridPool, energy: int) -> int:
    """The earliest tick by which a pool can have held that many units times ticks."""
    for place, begin in enumerate(pool.times):
        rate = pool.free[place] + pool.extra[place]
        last = place + 1 == len(pool.times)
        room = 0 if last else rate * (pool.times[place + 1] - begin)
        if rate and (last or room >= energy):
            return begin - (-energy // rate)
        energy -= room
    return pool.times[-1]


def cheapest(compiled: Compiled, group: str | None = None) -> float:
    """Each task, or those of a group, in its cheapest way at its cheapest time: no plan costs less. In money."""
    return sum(
        min(_least_cost(compiled, task, number) for number in range(len(ways)))
        for task, ways in enumerate(compiled.ways)
        if group is None or compiled.problem.tasks[task].group == group
    )


def _least_cost(compiled: Compiled, task: int, number: int) -> float:
    """The least that a task can cost in a way. In parts it can have only the cheapest hours of its window."""
    way = compiled.ways[task][number]
    given = compiled.problem.tasks[task]
    mode = given.modes[way.option.mode]
    opens = compiled.earliest[task] * compiled.tick
    closes = max(compiled.latest[task] * compiled.tick, opens)
    if given.splittable:
        closes = compiled.last_end[task] * compiled.tick
        total = mode.cost
        for place, demand in enumerate(mode.demands):
            spend = compiled.costs.by_pool_id.get(demand.pool)
            if spend is not None:
                amount = demand.amount if way.option.amounts is None else way.option.amounts[place]
                pairs = zip(spend.steps.times, [*spend.steps.times[1:], float("inf")], spend.steps.values, strict=True)
                lowest = min((value for start, end, value in pairs if end > opens and start < closes), default=0.0)
                total += amount * lowest * way.option.seconds / 3600
        return total
    starts = {opens, closes}
    for demand in mode.demands:
        spend = compiled.costs.by_pool_id.get(demand.pool)
        if spend is not None:
            for moment in spend.steps.times:
                starts.update(start for start in (moment, moment - way.option.seconds) if opens < start < closes)
    return min(
        compiled.costs.task(mode, way.option.amounts, ((start, start + way.option.seconds),)) for start in starts
    )


def _completion(compiled: Compiled) -> float:
    weights, last = group_weights(compiled.problem), dict[str | None, int]()
    for task, end in zip(compiled.problem.tasks, _ends(compiled), strict=True):
        last[task.group] = max(last.get(task.group, 0), end)
    return sum(weights[group] * end * compiled.tick for group, end in last.items()) / (sum(weights.values()) or 1.0)


def _lateness(compiled: Compiled) -> float:
    total = weights = 0.0
    for task, end in zip(compiled.problem.tasks, _ends(compiled), strict=True):
        if task.due is not None:
            weights += task.importance
            total += task.importance * max(end * compiled.tick - task.due, 0.0)
    return total / weights if weights else 0.0


def _balance(compiled: Compiled) -> float:
    """Each pool's largest single task."""
    shares = []
    for number, pool in enumerate(compiled.problem.pools):
        most = max(min(dict(way.needs).get(number, 0) for way in ways) for ways in compiled.ways)
        if pool.capacity > 0 and any(number in dict(way.needs) for ways in compiled.ways for way in ways):
            shares.append(most / compiled.pools[number].scale / pool.capacity)
    return sum(shares) / len(shares) if shares else 0.0
