"""Large-neighbourhood search: again and again a few tasks are freed and placed anew by CP-SAT, the others staying.

Shaw, "Using constraint programming and local search methods to solve vehicle routing problems", 1998.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from planner.compiled import Compiled, Draft
from planner.incumbent import Incumbent
from planner.judge import Shares
from planner.pace import Pace
from planner.search.model import build
from planner.search.solving import Aim, run

_LEAST, _MOST = 12, 60
"""Tasks freed at once."""
_AMOUNT = 0.4
"""Seconds, or units of work, for one part."""
_GROW, _SHRINK = 1.1, 0.9
_IDLE = 400
"""Parts without success after which no more are tried."""


def improve(incumbent: Incumbent, pace: Pace, amount: float, seed: int) -> None:
    """Improve the incumbent part by part for an amount of seconds or work."""
    random = Random(seed)  # noqa: S311 (nothing secret)
    least_left = max(pace.left() - amount, 0.0)
    size = 25.0
    idle = 0
    while pace.left() > least_left and not pace.cancelled() and idle < _IDLE:
        draft = incumbent.draft
        if draft is None or incumbent.done(pace.limits.gap):
            return
        free = _freed(incumbent, draft, round(size), random)
        reach = _reach(draft, incumbent.compiled, random)
        model = build(incumbent.compiled, incumbent.judge, free=free, draft=draft, reach=reach)
        model.hint(draft)
        before = incumbent.value
        part = min(_AMOUNT, pace.left() - least_left)
        finished = run(model, incumbent, pace, amount=part, workers=1, seed=random.randrange(1 << 30), aim=Aim.PART)
        size = min(size * _GROW, _MOST) if finished else max(size * _SHRINK, _LEAST)
        idle = 0 if incumbent.value < before else idle + 1


def _reach(draft: Draft, compiled: Compiled, random: Random) -> int | None:
    """How far tasks may move: the nearer, the smaller and quicker the model; now and then anywhere."""
    share = random.choice((0.05, 0.1, 0.2, None))
    return None if share is None else max(round(share * max(compiled.ends(draft))), 1)


def _freed(incumbent: Incumbent, draft: Draft, size: int, random: Random) -> list[int]:
    kinds: list[Callable[[Incumbent, Draft, Random], list[int]]] = [_near_in_time, _same_pool, _related, _costly]
    order = random.choice(kinds)(incumbent, draft, random)
    return order[:size]


def _near_in_time(incumbent: Incumbent, draft: Draft, random: Random) -> list[int]:
    """What runs around a random moment."""
    ends = incumbent.compiled.ends(draft)
    moment = random.randrange(max(ends) + 1)
    return sorted(range(len(ends)), key=lambda task: max(draft.starts[task] - moment, moment - ends[task], 0))


def _same_pool(incumbent: Incumbent, draft: Draft, random: Random) -> list[int]:
    """What uses a random task's pools, the nearest in time first."""
    compiled = incumbent.compiled
    middle = random.randrange(len(compiled.ways))
    pools = _pools(compiled, draft, middle)
    return sorted(
        range(len(compiled.ways)),
        key=lambda task: (
            not pools & _pools(compiled, draft, task),
            abs(draft.starts[task] - draft.starts[middle]),
        ),
    )


def _pools(compiled: Compiled, draft: Draft, task: int) -> set[int]:
    return {pool for pool, _ in compiled.ways[task][draft.ways[task]].needs}


def _related(incumbent: Incumbent, draft: Draft, random: Random) -> list[int]:
    """A random task, what it waits for and what waits for it, step by step further away."""
    graph = incumbent.compiled.graph
    first = random.randrange(len(draft.starts))
    found = {first: None}
    pending = [first]
    while pending:
        task = pending.pop(0)
        for other, _ in (*graph.predecessors[task], *graph.successors[task]):
            if other not in found:
                found[other] = None
                pending.append(other)
    rest = [task for task in range(len(draft.starts)) if task not in found]
    random.shuffle(rest)
    return [*found, *rest]


def _costly(incumbent: Incumbent, draft: Draft, random: Random) -> list[int]:
    """What adds most to the value, by chance."""
    shares = Shares(incumbent.judge)
    weights = [
        shares.of(task, number, start, 0.0, 0.0) * random.random()
        for task, (number, start) in enumerate(zip(draft.ways, draft.starts, strict=True))
    ]
    return sorted(range(len(weights)), key=lambda task: -weights[task])
