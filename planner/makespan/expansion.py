"""Partial schedules, task by task in the order of starts, in machine code: those no better than another are dropped.

Demeulemeester and Herroelen, New benchmark results for the RCPSP, Management Science 43 (1997): cutset dominance.
Mingozzi et al., An exact algorithm for RCPSP based on a new mathematical formulation, Management Science 44 (1998):
tasks that exclude each other follow one another. Here breadth first, so that any two partial schedules of the same
tasks meet.

A partial schedule is the set of its tasks (bits of a word), the time before which no other task can start, and the
ends of those tasks that go on after that time. Of two with the same tasks, the one in which nothing goes on longer is
enough.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from planner.machine_code import compiled
from planner.makespan.decoding import Array

MOST_AT_ONCE = 12
"""Tasks that may go on at once in a partial schedule."""


class Question(NamedTuple):
    """Is there a schedule in which each task starts by its latest start?"""

    duration: Array
    demand: Array
    full: Array
    guard: Array
    energy: Array
    """By task and resource: demand times duration."""
    capacity: Array
    predecessors: Array
    """By task: a set."""
    latest: Array
    exclusive: Array
    """By task: the set of those that can't go on at the same time."""
    target: int


class Layer(NamedTuple):
    """Partial schedules of the same number of tasks; `size[0]` of them, `size[1]` of these not dropped."""

    size: Array
    tasks: Array
    time: Array
    going: Array
    who: Array
    end: Array
    before: Array
    """The partial schedule of the previous layer that this one goes on from."""
    last: Array
    """The task that it adds."""
    start: Array
    """When that starts."""
    following: Array
    """The next in the same bucket."""
    alive: Array


@compiled
def expand(question: Question, old: Layer, first: int, beyond: int, new: Layer, bucket: Array) -> bool:
    """Add each next task to the partial schedules [first, beyond) of `old`; False when `new` is full."""
    tasks = question.duration.shape[0]
    resources = question.capacity.shape[0]
    everything = (1 << tasks) - 1
    energy = np.zeros(resources, np.int64)
    who = np.zeros(MOST_AT_ONCE, np.int64)
    end = np.zeros(MOST_AT_ONCE, np.int64)
    for parent in range(first, beyond):
        if not old.alive[parent]:
            continue
        done = old.tasks[parent]
        for resource in range(resources):
            energy[resource] = 0
        for task in range(tasks):
            if not (done >> task) & 1:
                for resource in range(resources):
                    energy[resource] += question.energy[task, resource]
        for task in range(tasks):
            if (done >> task) & 1 or (question.predecessors[task] & ~done) != 0:
                continue
            going = old.going[parent]
            begin = _earliest(question, task, old.time[parent], going, old.who[parent], old.end[parent])
            if begin > question.latest[task]:
                continue
            now = done | (1 << task)
            count = 0
            for at in range(going):
                if old.end[parent, at] > begin:
                    who[count] = old.who[parent, at]
                    end[count] = old.end[parent, at]
                    count += 1
            if count == MOST_AT_ONCE:
                return False
            who[count] = task
            end[count] = begin + question.duration[task]
            count += 1
            time = _next_start(question, now, begin, count, who, end, everything)
            if time < 0:
                continue
            kept = 0
            for at in range(count):
                if end[at] > time:
                    who[kept] = who[at]
                    end[kept] = end[at]
                    kept += 1
            if not _may_end(question, now, time, kept, who, end, energy, task, everything):
                continue
            if not _keep(new, bucket, now, time, kept, who, end, parent, task, begin):
                return False
    return True


@compiled
def _earliest(question: Question, task: int, time: int, going: int, who: Array, end: Array) -> Any:
    """When a task can start, not before the time: nothing that goes on starts later, so what is free only grows."""
    begin = time
    for at in range(going):
        if (question.predecessors[task] >> who[at]) & 1 and end[at] > begin:
            begin = end[at]
    words = question.full.shape[0]
    while True:
        following = 1 << 60
        fits = True
        for word in range(words):
            free = question.full[word]
            for at in range(going):
                if end[at] > begin:
                    free -= question.demand[who[at], word]
            if ((free - question.demand[task, word]) & question.guard[word]) != question.guard[word]:
                fits = False
        if fits:
            return begin
        for at in range(going):
            if begin < end[at] < following:
                following = end[at]
        begin = following


@compiled
def _next_start(question: Question, done: int, begin: int, going: int, who: Array, end: Array, everything: int) -> Any:
    """When the next task can start at the earliest; -1 where one can't start by its latest start."""
    if done == everything:
        return begin
    soonest = 1 << 60
    for task in range(question.duration.shape[0]):
        if (done >> task) & 1:
            continue
        if (question.predecessors[task] & ~done) == 0:
            start = _earliest(question, task, begin, going, who, end)
            if start > question.latest[task]:
                return -1
            soonest = min(soonest, start)
    for task in range(question.duration.shape[0]):
        if not (done >> task) & 1 and soonest > question.latest[task]:
            return -1
    return soonest


@compiled
def _may_end(
    question: Question,
    done: int,
    time: int,
    going: int,
    who: Array,
    end: Array,
    energy: Array,
    added: int,
    everything: int,
) -> bool:
    """Whether energy, and tasks that exclude each other, leave a chance to end by the target."""
    room = question.target - time
    for resource in range(energy.shape[0]):
        needed = energy[resource] - question.energy[added, resource]
        for at in range(going):
            if question.duration[who[at]] > 0:
                needed += (end[at] - time) * (question.energy[who[at], resource] // question.duration[who[at]])
        if needed > question.capacity[resource] * room:
            return False
    left = everything & ~done
    for seed in range(-1, going):
        candidates = left
        length = 0
        if seed >= 0:
            length = end[seed] - time
            candidates &= question.exclusive[who[seed]]
        # Tasks are numbered so that those which exclude most come first.
        task = 0
        while candidates != 0:
            while (candidates >> task) & 1 == 0:
                task += 1
            length += question.duration[task]
            candidates &= question.exclusive[task] & ~(1 << task)
            task += 1
        if length > room:
            return False
    return True


@compiled
def _keep(
    new: Layer,
    bucket: Array,
    tasks: int,
    time: int,
    going: int,
    who: Array,
    end: Array,
    before: int,
    last: int,
    start: int,
) -> bool:
    """Add a partial schedule unless one there is at least as good; drop those it makes needless. False: no room."""
    hashed = np.uint64(tasks) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(hashed >> np.uint64(20)) & (bucket.shape[0] - 1)
    place = bucket[slot]
    while place >= 0:
        if new.tasks[place] == tasks and new.alive[place]:
            if _no_longer(new.time[place], new.going[place], new.who[place], new.end[place], time, going, who, end):
                return True
            if _no_longer(time, going, who, end, new.time[place], new.going[place], new.who[place], new.end[place]):
                new.alive[place] = False
                new.size[1] -= 1
        place = new.following[place]
    place = new.size[0]
    if place == new.tasks.shape[0]:
        return False
    new.size[0] += 1
    new.size[1] += 1
    new.tasks[place] = tasks
    new.time[place] = time
    new.going[place] = going
    for at in range(going):
        new.who[place, at] = who[at]
        new.end[place, at] = end[at]
    new.before[place] = before
    new.last[place] = last
    new.start[place] = start
    new.following[place] = bucket[slot]
    new.alive[place] = True
    bucket[slot] = place
    return True


@compiled
def _no_longer(
    time: int, going: int, who: Array, end: Array, other_time: int, other_going: int, other_who: Array, other_end: Array
) -> bool:
    """Whether from the other's time on nothing goes on longer in the one than in the other."""
    if time > other_time:
        return False
    for at in range(going):
        if end[at] > other_time:
            found = False
            for other in range(other_going):
                if other_who[other] == who[at]:
                    found = other_end[other] >= end[at]
                    break
            if not found:
                return False
    return True
