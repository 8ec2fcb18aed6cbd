"""Which searches a problem gets, and how they share time and workers."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import partial
from math import inf

from planner.compiled import Compiled
from planner.incumbent import Incumbent
from planner.pace import Pace
from planner.search.capacity import Bursts
from planner.search.delegation import delegated
from planner.search.model import build
from planner.search.neighbourhood import improve
from planner.search.solving import Aim, run

_WHOLE = 70
"""Tasks up to which all workers search the whole problem."""
_TOO_LARGE = 20_000
"""Size (see `_size`) from which a model of the whole problem takes too long to build and presolve."""
_FOREVER = 3600.0
_PROVING = 0.6
"""Of what one worker has, the share for proving that nothing is better."""


def search(incumbent: Incumbent, pace: Pace, *, warm: bool) -> None:
    """Search until the limits end it or the gap is closed. `warm`: there is a plan in force."""
    if delegated(incumbent, pace):
        return
    tasks = len(incumbent.compiled.ways)
    if warm and incumbent.draft is not None:
        _race(incumbent, pace)
    elif tasks <= _WHOLE or incumbent.draft is None:
        _whole(incumbent, pace, pace.left(), pace.limits.workers, pace.limits.seed, warm=True)
    else:
        _both(incumbent, pace, whole=_size(incumbent.compiled) < _TOO_LARGE)


def _size(compiled: Compiled) -> int:
    """About how many literals a model of the whole problem has: ways, and pieces of prices in their windows."""
    total = 0
    for task, ways in enumerate(compiled.ways):
        opens, closes = compiled.earliest[task] * compiled.tick, compiled.last_end[task] * compiled.tick
        for way in ways:
            spends = (compiled.costs.spends[pool] for pool, _ in way.needs)
            edges = (bisect_right(s.steps.times, closes) - bisect_left(s.steps.times, opens) for s in spends if s)
            total += 1 + 2 * sum(edges)
    return total


def _whole(incumbent: Incumbent, pace: Pace, amount: float, workers: int, seed: int, *, warm: bool) -> None:
    """The whole problem. Where bursts cost more, first without any: what that finds is priced exactly.

    One worker on its own proves first, then looks for plans.
    """
    compiled, judge = incumbent.compiled, incumbent.judge
    alone = pace.deterministic or pace.limits.workers < 2
    variants = [Bursts.KEPT]
    if compiled.costs.surcharged and ("cost" in judge.scaled or compiled.problem.budgets):
        variants = [Bursts.NONE, Bursts.KEPT]
    least_left = max(pace.left() - amount, 0.0) if amount < inf else 0.0
    for bursts in variants:
        if pace.over() or incumbent.done(pace.limits.gap):
            return
        model = build(compiled, judge, bursts=bursts, known=incumbent.draft is not None)
        if warm and incumbent.draft is not None:
            model.hint(incumbent.draft)
        aims = (Aim.PROOF, Aim.PLANS) if alone else (Aim.PROOF,)
        for aim in aims:
            last = aim is aims[-1] and bursts is variants[-1]
            left = pace.left() - least_left if least_left else pace.left()
            part = left if last else min(left, _FOREVER) * (_PROVING if aim is Aim.PROOF else 0.5)
            if part > 0 and not incumbent.done(pace.limits.gap):
                run(model, incumbent, pace, amount=part, workers=workers, seed=seed, aim=aim)


def _race(incumbent: Incumbent, pace: Pace) -> None:
    """From the current plan, and from nothing: a plan in force can lead a search astray."""
    seed = pace.limits.seed
    if pace.deterministic or pace.limits.workers < 2:
        _whole(incumbent, pace, pace.left() / 2, pace.limits.workers, seed, warm=True)
        _whole(incumbent, pace, pace.left(), pace.limits.workers, seed + 1, warm=False)
        return
    half = pace.limits.workers // 2
    _side_by_side(
        lambda: _whole(incumbent, pace, pace.left(), pace.limits.workers - half, seed, warm=True),
        lambda: _whole(incumbent, pace, pace.left(), half, seed + 1, warm=False),
    )


def _both(incumbent: Incumbent, pace: Pace, *, whole: bool) -> None:
    """Parts of the problem again and again, and beside it the whole for its bound and what parts can't reach."""
    workers, seed = pace.limits.workers, pace.limits.seed
    if not whole and not pace.deterministic and workers > 1:
        _side_by_side(*(partial(improve, incumbent, pace, pace.left(), seed + number) for number in range(workers)))
    elif not whole:
        improve(incumbent, pace, pace.left(), seed)
    elif pace.deterministic or workers < 2:
        improve(incumbent, pace, pace.left() * 0.6, seed)
        _whole(incumbent, pace, pace.left(), workers, seed, warm=True)
    else:
        _side_by_side(
            lambda: improve(incumbent, pace, pace.left(), seed),
            lambda: _whole(incumbent, pace, pace.left(), workers - 1, seed, warm=True),
        )


def _side_by_side(*searches: Callable[[], None]) -> None:
    """Run in threads; the first failure is raised when all have ended."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 (raised again by the caller's thread)
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in searches[1:]]
    for thread in threads:
        thread.start()
    guarded(searches[0])
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
