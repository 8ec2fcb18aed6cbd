"""List schedules of a large problem by several rules, in machine code; what does not fit in time is moved up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.compiled import Compiled, Draft
from planner.construction import ancestors
from planner.pace import Pace
from planner.rolling.arrays import Array, Arrays, blank, draft_of
from planner.rolling.reinsertion import construct
from planner.rolling.window import scratch_for
from planner.timetable import reserved

_ATTEMPTS = 60
"""How often tasks that don't fit in time are moved up."""


def constructed(compiled: Compiled, given: Arrays, pace: Pace) -> Iterator[Draft]:
    """Drafts by several rules, each task where it is worth most when its turn comes."""
    moved = reserved(compiled) if compiled.movable else {}
    if moved is None:
        return
    rules = _rules(compiled, given)
    found = False
    for keys in rules:
        draft = _list(compiled, given, keys, moved)
        if isinstance(draft, Draft):
            found = True
            yield draft
        if pace.over():
            return
    if found:
        return
    keys = rules[0]
    step = (keys.max() - keys.min()) / 4 or 1.0
    for _ in range(_ATTEMPTS):
        draft = _list(compiled, given, keys, moved)
        if isinstance(draft, Draft):
            yield draft
            return
        if pace.over():
            return
        keys[list(ancestors(compiled, draft))] -= step


def _rules(compiled: Compiled, given: Arrays) -> list[Array]:
    """Keys by which tasks are placed: how late they may end; how soon they can start and how heavy they are; how
    important they are; how soon they are due."""
    shortest = np.array([min(way.ticks for way in ways) for ways in compiled.ways], np.int64)
    priority = np.array([task.priority for task in compiled.problem.tasks], np.float64)
    opens = given.earliest.astype(np.float64)
    latest = (given.latest + shortest).astype(np.float64)
    weight = given.group_weight[given.group] * len(given.group_weight)
    due = np.minimum(given.due_behind / given.tick, opens + 3 * shortest + given.tail / given.tick)
    return [
        latest - priority * 1e-6,
        np.minimum(opens, latest),
        np.minimum(opens + given.tail / given.tick / np.maximum(weight, 1e-3), latest),
        -priority * 1e9 + np.arange(len(priority)),
        np.minimum(due, latest),
    ]


def _list(compiled: Compiled, given: Arrays, keys: Array, moved: dict[int, int]) -> Draft | int:
    """A list schedule; the task that did not fit where there is none."""
    tasks = len(keys)
    state = blank(compiled, given, moved)
    scratch = scratch_for(given, tasks, 0)
    scratch.chosen[:] = np.argsort(given.rank)
    scratch.key[:] = keys[scratch.chosen]
    if construct(given, state, scratch, compiled.horizon):
        return draft_of(given, state, Draft([0] * tasks, [0] * tasks, {}, dict(moved)))
    return int(scratch.stuck[0])
