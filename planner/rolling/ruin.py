"""Which tasks are taken out together, and in which order they go back: the loop of a search in one window of time."""

from __future__ import annotations

from math import isnan
from typing import Any

from planner.machine_code import compiled, inner
from planner.rolling.arrays import Array, Arrays, State
from planner.rolling.reinsertion import Scratch, fraction, reinsert
from planner.rolling.sorting import sort
from planner.tariff.moves import random_below

FEW = 4
"""Most tasks of the smallest ruin."""
GROUPS = 5
"""Most workflows that are torn apart together."""
BETTER = 1e-12


@inner
def add(scratch: Scratch, task: int, count: int) -> Any:
    """Choose a task, once; how many are chosen then."""
    if scratch.place_of[task] >= 0:
        return count
    scratch.place_of[task] = count
    scratch.chosen[count] = task
    return count + 1


@inner
def choose_band(state: State, scratch: Scratch, free: Array, begin: int, span: int, most: int) -> Any:
    """Free tasks that start within `span` from `begin` on, at most `most`."""
    count = 0
    offset = random_below(scratch.random, free.shape[0])
    for k in range(free.shape[0]):
        task = free[(k + offset) % free.shape[0]]
        if begin <= state.start[task] <= begin + span:
            count = add(scratch, task, count)
            if count == most:
                break
    return count


@inner
def choose_groups(
    given: Arrays,
    state: State,
    scratch: Scratch,
    free: Array,
    is_free: Array,
    begin: int,
    span: int,
    groups: int,
    most: int,
) -> Any:
    """What is free, from `begin` on, of workflows that have a task within `span` of it."""
    count = 0
    found = 0
    offset = random_below(scratch.random, free.shape[0])
    for k in range(free.shape[0]):
        task = free[(k + offset) % free.shape[0]]
        if scratch.place_of[task] < 0 and begin <= state.start[task] <= begin + span:
            group = given.group[task]
            for m in range(given.first_member[group], given.first_member[group + 1]):
                other = given.member[m]
                if is_free[other] and state.start[other] >= begin and count < most:
                    count = add(scratch, other, count)
            found += 1
            if found == groups or count == most:
                break
    return count


@inner
def choose_few(given: Arrays, scratch: Scratch, is_free: Array, task: int) -> Any:
    """A task and some that follow it or come before it."""
    count = add(scratch, task, 0)
    while count < FEW and random_below(scratch.random, 3) > 0:
        if random_below(scratch.random, 2) == 0:
            low, high, arcs = given.first_after[task], given.first_after[task + 1], given.after
        else:
            low, high, arcs = given.first_before[task], given.first_before[task + 1], given.before
        if low == high:
            break
        task = arcs[low + random_below(scratch.random, high - low)]
        if not is_free[task]:
            break
        count = add(scratch, task, count)
    return count


@inner
def choose(given: Arrays, state: State, scratch: Scratch, free: Array, is_free: Array, reach: int, most: int) -> Any:
    """Choose tasks in one of the ways above, in an order that precedence allows; how many."""
    random = scratch.random
    seed = free[random_below(random, free.shape[0])]
    some = fraction(random)
    span = int(reach * some * some) + 1
    begin = state.start[seed] - random_below(random, span)
    kind = random_below(random, 8)
    if kind < 3:
        groups = 1 + random_below(random, GROUPS)
        count = choose_groups(given, state, scratch, free, is_free, begin, span, groups, most)
    elif kind < 6:
        count = choose_band(state, scratch, free, begin, span, 2 + random_below(random, most - 1))
    else:
        count = choose_few(given, scratch, is_free, seed)
    for k in range(count):
        scratch.old_start[k] = scratch.chosen[k]
        scratch.key[k] = given.rank[scratch.chosen[k]]
        scratch.place_of[scratch.chosen[k]] = -1
    sort(scratch.key, scratch.order, count)
    for k in range(count):
        scratch.chosen[k] = scratch.old_start[scratch.order[k]]
    return count, span


@inner
def set_keys(given: Arrays, state: State, scratch: Scratch, count: int, span: int) -> None:
    """In which order the chosen tasks are to go back."""
    random, key = scratch.random, scratch.key
    kind = random_below(random, 6)
    for k in range(count):
        scratch.group_key[given.group[scratch.chosen[k]]] = -1.0
    noise = span * fraction(random)
    for k in range(count):
        task = scratch.chosen[k]
        group = given.group[task]
        if scratch.group_key[group] < 0:
            scratch.group_key[group] = fraction(random)
        start = float(state.start[task])
        if kind == 0:
            key[k] = start + noise * fraction(random)
        elif kind <= 2:  # one workflow after the other, by and large
            key[k] = start + 4.0 * span * scratch.group_key[group]
        elif kind == 3:  # the heavy ones first
            weight = given.group_weight[group] * given.group_weight.shape[0]
            key[k] = start - noise * (weight + given.late_weight_behind[task] * given.due.shape[0])
        elif kind == 4:  # what is urgent first
            due = min(given.due_behind[task] / given.tick, float(given.latest[task]))
            key[k] = min(due - given.needs.ticks[state.way[task]], 1e12) + noise * fraction(random)
        else:  # long ways first
            key[k] = start - given.tail[task] / given.tick * fraction(random)


@compiled
def improve(
    given: Arrays,
    state: State,
    scratch: Scratch,
    free: Array,
    is_free: Array,
    since: int,
    until: int,
    reach: int,
    most: int,
    heat: float,
    room: Array,
    grown: Array,
    best: Array,
    best_start: Array,
    best_way: Array,
    work: int,
) -> Any:
    """Take out and put back until `work` tasks have been placed. `best`: (change so far, the least change).

    Starts and ways of the best are written to `best_start` and `best_way`, by place in `free`. How many were accepted.
    """
    accepted = 0
    done = 0
    while done < work:
        count, span = choose(given, state, scratch, free, is_free, reach, most)
        done += count + 1
        if count == 0:
            continue
        set_keys(given, state, scratch, count, span)
        delta = reinsert(given, state, scratch, count, since, until, heat, room, grown)
        if not isnan(delta):
            accepted += 1
            best[0] += delta
            if best[0] < best[1] - BETTER:
                best[1] = best[0]
                for k in range(free.shape[0]):
                    best_start[k] = state.start[free[k]]
                    best_way[k] = state.way[free[k]]
    return accepted
