"""The first plans: list schedules by several rules, passed forward and backward; what misses deadlines is moved up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from planner.compiled import Compiled, Draft
from planner.descent import descend
from planner.judge import Judge, Shares
from planner.listing import Choose, Lister
from planner.pace import Pace

_PASSES = 6
"""Forward and backward, as long as it helps."""
_ATTEMPTS = 40
"""How often tasks that don't fit in time are moved up before a search is asked."""
_PARALLEL_UP_TO = 400
"""Tasks; the parallel scheme looks at all that are ready at every moment."""
_WORTH_A_THOUSAND = 1000.0


def first_drafts(compiled: Compiled, judge: Judge, pace: Pace) -> Iterator[Draft]:
    """Drafts that keep every rule, each better than the one before; none where list scheduling finds none.

    The first costs one list schedule. Deterministic in the seed, unless time runs out.
    """
    best: float | None = None
    shares = Shares(judge)
    for draft in _constructed(compiled, judge, shares, Random(pace.limits.seed)):  # noqa: S311 (nothing secret)
        for improved in _improved(compiled, judge, shares, draft, pace):
            found = judge(improved)
            if (best is None or found < best) and judge.admits(improved):
                best = found
                yield improved


def _constructed(compiled: Compiled, judge: Judge, shares: Shares, random: Random) -> Iterator[Draft]:
    tasks = compiled.problem.tasks
    lister = Lister(compiled, chooser(compiled, judge, shares))
    thrifty = Lister(compiled, _cheapest(shares)) if compiled.problem.budgets else lister
    latest_ends = _keys(compiled, [start + _least(compiled, task) for task, start in enumerate(compiled.latest)])
    followers = _keys(compiled, [-count for count in _tails(compiled)])
    by_priority = [-task.priority * len(tasks) + number for number, task in enumerate(tasks)]
    found = False
    for each in dict.fromkeys((lister, thrifty)):
        for keys in (latest_ends, followers, by_priority):
            draft = each.serial(keys)
            if isinstance(draft, Draft):
                found = True
                yield draft
        if len(tasks) <= _PARALLEL_UP_TO:
            draft = each.parallel(latest_ends)
            if isinstance(draft, Draft):
                found = True
                yield draft
    if not found:
        yield from _moved_up(compiled, thrifty, latest_ends, random)


def _moved_up(compiled: Compiled, lister: Lister, keys: Sequence[float], random: Random) -> Iterator[Draft]:
    """Again and again with the task that did not fit, and all that it waits for, placed earlier."""
    keys = list(keys)
    step = (max(keys) - min(keys)) / 4 or 1.0
    for _ in range(_ATTEMPTS):
        draft = lister.serial(keys)
        if isinstance(draft, Draft):
            yield draft
            return
        for task in ancestors(compiled, draft.task):
            keys[task] -= step * random.uniform(0.5, 1.5)


def ancestors(compiled: Compiled, task: int) -> set[int]:
    """A task and all that it waits for."""
    found = {task}
    pending = [task]
    while pending:
        for before, _ in compiled.graph.predecessors[pending.pop()]:
            if before not in found:
                found.add(before)
                pending.append(before)
    return found


def _improved(compiled: Compiled, judge: Judge, shares: Shares, draft: Draft, pace: Pace) -> Iterator[Draft]:
    yield draft
    value = judge(draft)
    if shares.timeless:
        lister = Lister(compiled, chooser(compiled, judge, shares))
        for _ in range(_PASSES):
            starts = lister.backward(draft)
            again = None if starts is None else lister.serial(starts)
            if not isinstance(again, Draft) or (found := judge(again)) >= value:
                break
            draft, value = again, found
            yield draft
    if not judge.only_duration:
        yield from descend(compiled, judge, shares, draft, pace)


def chooser(compiled: Compiled, judge: Judge, shares: Shares) -> Choose | None:
    """How list scheduling chooses among ways: by end, and by what else the objective weighs."""
    if judge.only_duration or all(len(ways) == 1 for ways in compiled.ways):
        return None
    lowest = min(compiled.earliest)
    # what later ends cost can't be known yet: a little, in proportion to the plan's likely length
    likely = max(start + _least(compiled, task) for task, start in enumerate(compiled.earliest)) - lowest or 1
    per_tick = sum(judge.scaled.get(name, 0.0) for name in ("duration", "completion")) * compiled.tick
    per_tick = per_tick or 1.0 / (_WORTH_A_THOUSAND * likely)

    def choose(task: int, number: int, end: int) -> float:
        way = compiled.ways[task][number]
        return per_tick * end / len(compiled.ways) + shares.of(task, number, end - way.ticks, 1e18, 1e18)

    return choose


def _cheapest(shares: Shares) -> Choose:
    def choose(task: int, number: int, end: int) -> float:
        way = shares.compiled.ways[task][number]
        return shares.money(task, number, end - way.ticks) * _WORTH_A_THOUSAND + end * 1e-9

    return choose


def _keys(compiled: Compiled, values: Sequence[float]) -> list[float]:
    """Values as keys, equal ones by priority."""
    return [value - task.priority * 1e-6 for value, task in zip(values, compiled.problem.tasks, strict=True)]


def _least(compiled: Compiled, task: int) -> int:
    return min(way.ticks for way in compiled.ways[task])


def _tails(compiled: Compiled) -> list[int]:
    """For each task, the longest way from its start to the end of the work behind it, in ticks."""
    tails = [0] * len(compiled.ways)
    for task in reversed(compiled.graph.order):
        behind = max((tails[after] + lag for after, lag in compiled.graph.successors[task]), default=0)
        tails[task] = _least(compiled, task) + max(behind, 0)
    return tails
