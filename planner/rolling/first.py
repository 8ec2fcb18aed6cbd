"""List schedules of a large problem by several rules, in machine code; what does not fit in time is moved up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.compiled import Compiled, Draft
from planner.construction import ancestors
from planner.judge import Judge, Shares
from planner.objective import PARTS
from planner.pace import Pace
from planner.rolling.arrays import QUALITY, Array, Arrays, blank, draft_of
from planner.rolling.reinsertion import construct
from planner.rolling.window import scratch_for
from planner.timetable import reserved

_ATTEMPTS = 16
"""How often tasks that don't fit in time are moved up."""
_FIRST_STEP, _GROWTH = 64, 1.25
"""By which share of all keys first, and how much further each time."""


def constructed(judge: Judge, given: Arrays, pace: Pace) -> Iterator[Draft]:
    """Drafts by several rules, each task as soon as it fits; one with each where it is worth most when its turn
    comes."""
    compiled = judge.compiled
    moved = reserved(compiled) if compiled.movable else {}
    if moved is None:
        return
    soon = given._replace(factor=np.where(np.arange(len(PARTS)) == QUALITY, given.factor, 0.0))
    rules = _rules(compiled, given)
    for keys in rules:
        draft = _in_time(compiled, soon, keys.copy(), moved, pace)
        if draft is not None:
            yield draft
        if pace.over():
            return
    if not Shares(judge).timeless:  # takes longer, and what is cheap is often too late for what follows: one try
        cheap = _list(compiled, given, rules[0], moved)
        if isinstance(cheap, Draft):
            yield cheap


def _in_time(compiled: Compiled, given: Arrays, keys: Array, moved: dict[int, int], pace: Pace) -> Draft | None:
    """A list schedule by keys; where a task does not fit in time, it and all it waits for go ahead, ever further."""
    step = (keys.max() - keys.min()) / _FIRST_STEP or 1.0
    for _ in range(_ATTEMPTS):
        draft = _list(compiled, given, keys, moved)
        if isinstance(draft, Draft):
            return draft
        if pace.over():
            return None
        keys[list(ancestors(compiled, draft))] -= step
        step *= _GROWTH
    return None


def _rules(compiled: Compiled, given: Arrays) -> list[Array]:
    """Keys by which tasks are placed: how soon they can start; how late they may end; both and how heavy they
    are; how important they are; how soon they are due."""
    shortest = np.array([min(way.ticks for way in ways) for ways in compiled.ways], np.int64)
    priority = np.array([task.priority for task in compiled.problem.tasks], np.float64)
    opens = given.earliest.astype(np.float64)
    latest = (given.latest + shortest).astype(np.float64)
    weight = given.group_weight[given.group] * len(given.group_weight)
    due = np.minimum(given.due_behind / given.tick, opens + 3 * shortest + given.tail / given.tick)
    return [
        np.minimum(opens, latest) - priority * 1e-6,
        latest - priority * 1e-6,
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
