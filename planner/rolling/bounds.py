"""What no plan of a large problem can beat: each workflow by itself, with the pools to itself, its end and its money
weighed against each other.

For a workflow that ends in an hour, each task costs at least what it costs at its cheapest start that lets the workflow
end so early; the hour with the least sum is taken. Far ends only have the lowest prices there are.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from planner.bounds import pools_duration
from planner.compiled import Compiled
from planner.machine_code import compiled as machine_code
from planner.machine_code import inner
from planner.rolling.arrays import COMPLETION, COST, DURATION, LATENESS, Array, Arrays, blank
from planner.rolling.timeline import Timeline, first_fit
from planner.rolling.worth import money, price_place

HOURS = 96
"""Ends tried, an hour apart; all that are later count as one."""
HOUR = 3600.0


def lower_bound(compiled: Compiled, given: Arrays) -> float:
    """No plan has a lower value."""
    line = blank(compiled, given, dict.fromkeys(range(len(compiled.movable)), compiled.horizon)).line
    apart = np.array([task.splittable for task in compiled.problem.tasks], np.uint8)
    if any(pool.longest for pool in compiled.pools):
        apart[:] = 1
    order = np.argsort(given.rank)
    ends = earliest_ends(given, line, apart, order)
    lateness = float((given.late_weight * np.maximum(ends - given.due, 0.0)).sum())
    factor = given.factor
    found = factor[LATENESS] * lateness
    found += factor[DURATION] * max(float(ends.max()), pools_duration(compiled))
    split = np.array([task.splittable for task in compiled.problem.tasks], np.uint8)
    lowest = _lowest_from(given)
    return float(found + sum(of_group(given, group, ends, split, lowest) for group in range(len(given.group_weight))))


def _lowest_from(given: Arrays) -> Array:
    """By entry of the prices: the lowest price of its pool from then on."""
    lowest = given.price_rate.copy()
    for first, last in zip(given.first_price[:-1], given.first_price[1:], strict=True):
        lowest[first:last] = np.minimum.accumulate(lowest[first:last][::-1])[::-1]
    return lowest


@machine_code
def earliest_ends(given: Arrays, line: Timeline, apart: Array, order: Array) -> Array:
    """In seconds, when each task can have ended at the earliest if no other task used the pools.

    `apart`: tasks that need no room in one piece.
    """
    tasks = order.shape[0]
    start = np.zeros(tasks, np.int64)
    end = np.zeros(tasks, np.int64)
    seconds = np.zeros(tasks)
    for k in range(tasks):
        task = order[k]
        opens = given.earliest[task]
        for b in range(given.first_before[task], given.first_before[task + 1]):
            opens = max(opens, end[given.before[b]] + given.before_lag[b])
        start[task] = opens
        best = -1
        least = inf
        for way in range(given.first_way[task], given.first_way[task + 1]):
            begin = opens
            if not apart[task]:
                begin = first_fit(line, given.needs, way, opens, given.last_start[task])
                if begin < 0:
                    continue
            if best < 0 or begin + given.needs.ticks[way] < best:
                best = begin + given.needs.ticks[way]
            least = min(least, begin * given.tick + given.seconds[way])
        end[task] = max(best, opens)
        seconds[task] = least if best >= 0 else opens * given.tick
    return seconds


@inner
def floor_cost(given: Arrays, way: int, opens: float, lowest: Array) -> Any:
    """A way costs no less wherever it starts from `opens` (seconds) on, in parts or not."""
    total = given.fixed_cost[way]
    for k in range(given.first_pay[way], given.first_pay[way + 1]):
        place = price_place(given, given.pay_pool[k], opens)
        total += given.pay_amount[k] * lowest[place] * given.seconds[way]
    return total


@inner
def cheapest_between(given: Arrays, way: int, low: float, high: float) -> Any:
    """The least that a way costs from a start between two moments: where a price changes at either end of it, or at
    `high`."""
    best = money(given, way, high)
    for k in range(given.first_pay[way], given.first_pay[way + 1]):
        pool = given.pay_pool[k]
        for ahead in (0.0, given.seconds[way]):
            first = price_place(given, pool, low + ahead)
            last = price_place(given, pool, high + ahead)
            for place in range(first, last + 1):
                start = given.price_from[place] - ahead
                if low <= start <= high:
                    best = min(best, money(given, way, start))
    return best


@machine_code
def of_group(given: Arrays, group: int, ends: Array, split: Array, lowest: Array) -> Any:
    """What the end and the money of a workflow add to the value at least."""
    soonest = 0.0
    first, last = given.first_member[group], given.first_member[group + 1]
    for m in range(first, last):
        soonest = max(soonest, ends[given.member[m]])
    weight = given.factor[COMPLETION] * given.group_weight[group]
    if given.factor[COST] == 0:
        return weight * soonest
    hours = HOURS if weight > 0 else 1
    costs = np.zeros(hours)
    each = np.empty(hours)
    for m in range(first, last):
        task = given.member[m]
        for hour in range(hours):
            each[hour] = inf
        for way in range(given.first_way[task], given.first_way[task + 1]):
            opens = given.earliest[task] * given.tick
            best = inf
            for hour in range(hours):
                high = soonest + (hour + 1) * HOUR - given.tail[task] - given.seconds[way]
                if hour + 1 == hours or split[task]:
                    best = min(best, floor_cost(given, way, opens, lowest))
                elif high >= opens:
                    low = opens if hour == 0 or best == inf else high - HOUR
                    if low == opens:
                        best = money(given, way, opens)
                    best = min(best, cheapest_between(given, way, low, high))
                each[hour] = min(each[hour], best)
        for hour in range(hours):
            costs[hour] += each[hour]
    found = inf
    for hour in range(hours):
        found = min(found, weight * (soonest + hour * HOUR) + given.factor[COST] * costs[hour])
    return found
