"""Taking tasks out of a schedule and putting them back in another order, in machine code.

Ruin and recreate: Schrimpf, Schneider, Stamm-Wilbrandt and Dueck, "Record breaking optimization results using the ruin
and recreate principle", Journal of Computational Physics 159, 2000. What is accepted: simulated annealing.
"""

from __future__ import annotations

from math import exp
from typing import Any, NamedTuple

import numpy as np

from planner.machine_code import compiled, inner
from planner.rolling.arrays import COMPLETION, DURATION, ENDLESS, Array, Arrays, State
from planner.rolling.sorting import sort
from planner.rolling.timeline import change
from planner.rolling.worth import add_parts, best_place, money
from planner.tariff.moves import random_below

TINY = 1e-9
MILLION = 1 << 20


class Scratch(NamedTuple):
    """Room for one search."""

    chosen: Array
    """Tasks that are taken out, in an order that precedence allows."""
    order: Array
    key: Array
    place_of: Array
    """By task: its place in `chosen`, -1 for those that stay."""
    old_start: Array
    old_way: Array
    closes: Array
    touched: Array
    """Groups of the tasks that are taken out."""
    is_touched: Array
    old_group_end: Array
    floor: Array
    """By group: until when it lasts at least."""
    group_key: Array
    parts: Array
    """What is more of each part than before."""
    place: Array
    random: Array
    stuck: Array
    """(1,): the last task that fitted nowhere."""
    is_back: Array
    """By place in `chosen`: 1 where the task is placed again."""


@inner
def fraction(random: Array) -> Any:
    """A number in [0, 1)."""
    return random_below(random, MILLION) / MILLION


@inner
def put(given: Arrays, state: State, task: int, way: int, start: int) -> None:
    """Place a task."""
    state.start[task] = start
    state.way[task] = way
    state.end[task] = start + given.needs.ticks[way]
    state.finish[task] = start * given.tick + given.seconds[way]
    change(state.line, given.needs, way, start, state.end[task], 1)


@inner
def take_out(given: Arrays, state: State, scratch: Scratch, count: int) -> Any:
    """Take the first `count` chosen tasks out; how many groups they belong to."""
    touched = 0
    for k in range(count):
        task = scratch.chosen[k]
        scratch.old_start[k] = state.start[task]
        scratch.old_way[k] = state.way[task]
        change(state.line, given.needs, state.way[task], state.start[task], state.end[task], -1)
        scratch.place_of[task] = k
        group = given.group[task]
        if not scratch.is_touched[group]:
            scratch.is_touched[group] = 1
            scratch.touched[touched] = group
            scratch.old_group_end[touched] = state.group_end[group]
            touched += 1
    return touched


@inner
def limit(given: Arrays, state: State, scratch: Scratch, count: int, until: int) -> None:
    """By when each chosen task must have ended for what stays, and for what is taken out and must follow."""
    for k in range(count - 1, -1, -1):
        task = scratch.chosen[k]
        closes = min(until, given.last_end[task])
        for a in range(given.first_after[task], given.first_after[task + 1]):
            other = given.after[a]
            at = scratch.place_of[other]
            start = state.start[other]
            if at >= 0:
                least = given.needs.ticks[given.first_way[other]]
                for way in range(given.first_way[other] + 1, given.first_way[other + 1]):
                    least = min(least, given.needs.ticks[way])
                start = min(scratch.closes[at] - least, given.last_start[other])
            closes = min(closes, start - given.after_lag[a])
        scratch.closes[k] = closes


@inner
def floors(given: Arrays, state: State, scratch: Scratch, touched: int) -> Any:
    """Until when touched groups, and the plan, last for the tasks that stay."""
    plan = 0.0
    for group in range(state.group_end.shape[0]):
        if not scratch.is_touched[group]:
            plan = max(plan, state.group_end[group])
    for k in range(touched):
        group = scratch.touched[k]
        last = 0.0
        for m in range(given.first_member[group], given.first_member[group + 1]):
            task = given.member[m]
            if scratch.place_of[task] < 0:
                last = max(last, state.finish[task])
        scratch.floor[group] = last
        state.group_end[group] = last
        plan = max(plan, last)
    return plan


@inner
def within_span(given: Arrays, state: State, scratch: Scratch, task: int, opens: int, closes: int) -> Any:
    """The earliest start and the latest end that the task's group leaves it, by those of its tasks that are placed."""
    group = given.group[task]
    span = given.group_span[group]
    if span < ENDLESS:
        for m in range(given.first_member[group], given.first_member[group + 1]):
            other = given.member[m]
            at = scratch.place_of[other]
            if at < 0 or scratch.is_back[at]:
                opens = max(opens, state.end[other] - span)
                closes = min(closes, state.start[other] + span)
    return opens, closes


@inner
def put_back(given: Arrays, state: State, scratch: Scratch, count: int, since: int, floor: float) -> Any:
    """Place the chosen tasks by rising key, predecessors first; how many were placed before one fitted nowhere."""
    key, order = scratch.key, scratch.order
    for k in range(count):
        scratch.is_back[k] = 0
        task = scratch.chosen[k]
        for b in range(given.first_before[task], given.first_before[task + 1]):
            at = scratch.place_of[given.before[b]]
            if at >= 0 and key[at] >= key[k]:
                key[k] = key[at] + TINY * max(abs(key[at]), 1.0)
    sort(key, order, count)
    for k in range(count):
        at = order[k]
        task = scratch.chosen[at]
        opens = max(given.earliest[task], since)
        for b in range(given.first_before[task], given.first_before[task + 1]):
            opens = max(opens, state.end[given.before[b]] + given.before_lag[b])
        group = given.group[task]
        opens, closes = within_span(given, state, scratch, task, opens, scratch.closes[at])
        if not best_place(given, state.line, task, opens, closes, scratch.floor[group], floor, scratch.place):
            scratch.stuck[0] = task
            return k
        put(given, state, task, scratch.place[0], scratch.place[1])
        scratch.is_back[at] = 1
        behind = state.finish[task] + given.tail[task]
        scratch.floor[group] = max(scratch.floor[group], behind)
        floor = max(floor, behind)
        state.group_end[group] = max(state.group_end[group], state.finish[task])
    return count


@inner
def restore(given: Arrays, state: State, scratch: Scratch, count: int, placed: int, touched: int) -> None:
    """Everything where it was before it was taken out."""
    for k in range(placed):
        task = scratch.chosen[scratch.order[k]]
        change(state.line, given.needs, state.way[task], state.start[task], state.end[task], -1)
    for k in range(count):
        put(given, state, scratch.chosen[k], scratch.old_way[k], scratch.old_start[k])
    for k in range(touched):
        state.group_end[scratch.touched[k]] = scratch.old_group_end[k]


@inner
def compare(given: Arrays, state: State, scratch: Scratch, count: int, touched: int, old_end: float) -> Any:
    """Write by how much each part has grown; whether no budget of a group is exceeded by more than it was."""
    parts = scratch.parts
    for part in range(parts.shape[0]):
        parts[part] = 0.0
    for k in range(count):
        task = scratch.chosen[k]
        add_parts(given, task, state.way[task], state.start[task], 1.0, parts)
        add_parts(given, task, scratch.old_way[k], scratch.old_start[k], -1.0, parts)
    last = 0.0
    for group in range(state.group_end.shape[0]):
        last = max(last, state.group_end[group])
    parts[DURATION] = last - old_end
    kept = True
    for k in range(touched):
        group = scratch.touched[k]
        parts[COMPLETION] += given.group_weight[group] * (state.group_end[group] - scratch.old_group_end[k])
        if given.group_budget[group] < np.inf:
            spent = 0.0
            before = 0.0
            for m in range(given.first_member[group], given.first_member[group + 1]):
                task = given.member[m]
                now = money(given, state.way[task], state.start[task] * given.tick)
                spent += now
                at = scratch.place_of[task]
                before += now if at < 0 else money(given, scratch.old_way[at], scratch.old_start[at] * given.tick)
            kept = kept and spent <= max(given.group_budget[group], before)
    return kept


@inner
def reinsert(
    given: Arrays,
    state: State,
    scratch: Scratch,
    count: int,
    since: int,
    until: int,
    heat: float,
    room: Array,
    grown: Array,
) -> Any:
    """Take the first `count` chosen tasks out and put them back by `key`, within `since` and `until`.

    Kept where the value falls, or by chance where it grows, and `grown` (what is more of each part since a search
    began) stays within `room`. The change of the value; NaN where everything is as it was.
    """
    old_end = 0.0
    for group in range(state.group_end.shape[0]):
        old_end = max(old_end, state.group_end[group])
    touched = take_out(given, state, scratch, count)
    limit(given, state, scratch, count, until)
    floor = floors(given, state, scratch, touched)
    placed = put_back(given, state, scratch, count, since, floor)
    accepted = placed == count
    delta = 0.0
    if accepted:
        accepted = compare(given, state, scratch, count, touched, old_end)
        for part in range(grown.shape[0]):
            delta += given.factor[part] * scratch.parts[part]
            if scratch.parts[part] > 0 and grown[part] + scratch.parts[part] > room[part]:
                accepted = False
        if accepted and delta > 0:
            accepted = heat > 0 and fraction(scratch.random) < exp(-delta / heat)
    if accepted:
        for part in range(grown.shape[0]):
            grown[part] += scratch.parts[part]
    else:
        restore(given, state, scratch, count, placed, touched)
        delta = np.nan
    for k in range(count):
        scratch.place_of[scratch.chosen[k]] = -1
    for k in range(touched):
        scratch.is_touched[scratch.touched[k]] = 0
    return delta


@compiled
def construct(given: Arrays, state: State, scratch: Scratch, until: int) -> bool:
    """Place the chosen tasks, which are all that are not in the timeline yet, by `key`, until a tick.

    False where one fits nowhere in time: it is in `stuck`, and the state is of no use any more.
    """
    count = scratch.chosen.shape[0]
    for k in range(count):
        scratch.place_of[scratch.chosen[k]] = k
    limit(given, state, scratch, count, until)
    placed = put_back(given, state, scratch, count, 0, 0.0)
    return bool(placed == count)
