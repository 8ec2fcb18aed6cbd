"""What a task's place adds to each part of the objective, in machine code, and where it is placed best."""

from __future__ import annotations

from math import inf
from typing import Any

from planner.machine_code import inner
from planner.rolling.arrays import (
    CHURN,
    COMPLETION,
    COST,
    DURATION,
    LATENESS,
    PREFERENCE,
    QUALITY,
    Array,
    Arrays,
)
from planner.rolling.timeline import Timeline, first_fit

MOST_EDGES = 48
"""Changes of a price at which a task and way is tried, evenly spread among the next ones."""
REACH = 192
"""So many are the next ones."""


@inner
def price_place(given: Arrays, pool: int, moment: float) -> Any:
    """The entry of a pool's prices that holds at a moment."""
    low, high = given.first_price[pool], given.first_price[pool + 1] - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if given.price_from[middle] <= moment:
            low = middle
        else:
            high = middle - 1
    return low


@inner
def money(given: Arrays, way: int, begin: float) -> Any:
    """What a way costs from a moment on, in seconds."""
    total = given.fixed_cost[way]
    end = begin + given.seconds[way]
    for k in range(given.first_pay[way], given.first_pay[way + 1]):
        pool = given.pay_pool[k]
        place = price_place(given, pool, begin)
        spent = given.price_spent[place] + (begin - given.price_from[place]) * given.price_rate[place]
        last = given.first_price[pool + 1]
        if place + 1 < last and given.price_from[place + 1] < end:
            place = price_place(given, pool, end)
        until = given.price_spent[place] + (end - given.price_from[place]) * given.price_rate[place]
        total += given.pay_amount[k] * (until - spent)
    return total


@inner
def add_parts(given: Arrays, task: int, way: int, start: int, sign: float, parts: Array) -> None:
    """Add what a task in a place is of each part; groups' and the plan's ends are not its alone."""
    begin = start * given.tick
    end = begin + given.seconds[way]
    parts[COST] += sign * money(given, way, begin)
    parts[QUALITY] += sign * given.lost[way]
    if end > given.due[task]:
        parts[LATENESS] += sign * given.late_weight[task] * (end - given.due[task])
    if given.preferred_weight[task] > 0:
        parts[PREFERENCE] += sign * given.preferred_weight[task] * abs(begin - given.preferred[task])
    if given.current_weight[task] > 0:
        parts[CHURN] += sign * given.current_weight[task] * abs(begin - given.current[task])


@inner
def share(given: Arrays, task: int, way: int, start: int, group_floor: float, floor: float) -> Any:
    """How bad a place is, what depends on the task being as early as it can be then.

    `group_floor` and `floor`: until when its group and the plan last at least.
    """
    factor = given.factor
    begin = start * given.tick
    end = begin + given.seconds[way]
    behind = end + given.tail[task]
    found = factor[QUALITY] * given.lost[way]
    if factor[COST] != 0:
        found += factor[COST] * money(given, way, begin)
    if behind > group_floor:
        found += factor[COMPLETION] * given.group_weight[given.group[task]] * (behind - group_floor)
    if behind > floor:
        found += factor[DURATION] * (behind - floor)
    if end > given.due_behind[task]:
        found += factor[LATENESS] * given.late_weight_behind[task] * (end - given.due_behind[task])
    if given.preferred_weight[task] > 0:
        found += factor[PREFERENCE] * given.preferred_weight[task] * abs(begin - given.preferred[task])
    if given.current_weight[task] > 0:
        found += factor[CHURN] * given.current_weight[task] * abs(begin - given.current[task])
    return found


@inner
def best_place(
    given: Arrays, line: Timeline, task: int, opens: int, closes: int, group_floor: float, floor: float, place: Array
) -> bool:
    """Write the way and the start that are worth most into `place`; False where the task fits nowhere in time.

    Tried are the earliest start, wished ones, and those that begin or end where a price changes; where one is worth
    less than what was found even if it were free, the pools are not asked.
    """
    place[0] = -1
    best = inf
    best_end = 0
    factor = given.factor
    for way in range(given.first_way[task], given.first_way[task + 1]):
        ticks = given.needs.ticks[way]
        last = min(closes - ticks, given.last_start[task])
        begin = first_fit(line, given.needs, way, opens, last)
        if begin < 0:
            continue
        worth = share(given, task, way, begin, group_floor, floor)
        if worth < best or (worth == best and begin + ticks < best_end):
            best, best_end = worth, begin + ticks
            place[0], place[1] = way, begin
        for wish in range(2):
            if wish == 0:
                wished = factor[PREFERENCE] * given.preferred_weight[task] > 0
                moment = given.preferred[task]
            else:
                wished = factor[CHURN] * given.current_weight[task] > 0
                moment = given.current[task]
            if wished and moment > begin * given.tick:
                begin = first_fit(line, given.needs, way, min(round(moment / given.tick), last), last)
                if begin >= 0:
                    worth = share(given, task, way, begin, group_floor, floor)
                    if worth < best:
                        best, best_end = worth, begin + ticks
                        place[0], place[1] = way, begin
        if factor[COST] == 0:
            continue
        for k in range(given.first_pay[way], given.first_pay[way + 1]):
            pool = given.pay_pool[k]
            low = price_place(given, pool, opens * given.tick) + 1
            high = price_place(given, pool, closes * given.tick) + 1
            high = min(high, low + REACH)
            step = max((high - low) // MOST_EDGES, 1)
            for edge in range(low, high, step):
                tick = round(given.price_from[edge] / given.tick)
                for back in range(2):
                    start = tick - back * ticks
                    if start <= opens or start > last:
                        continue
                    if share(given, task, way, start, group_floor, floor) >= best:
                        continue
                    begin = first_fit(line, given.needs, way, start, last)
                    if begin < 0:
                        continue
                    worth = share(given, task, way, begin, group_floor, floor)
                    if worth < best:
                        best, best_end = worth, begin + ticks
                        place[0], place[1] = way, begin
    return bool(place[0] >= 0)
