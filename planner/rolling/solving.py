"""Large problems: a first plan without machine code, which may have to be made first, then one that rolls on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING

from planner.compiled import Compiled, Draft, compile_problem
from planner.group_spans import draft_within
from planner.incumbent import Incumbent
from planner.judge import Judge
from planner.limits import Limits
from planner.listing import Lister
from planner.pace import Pace

if TYPE_CHECKING:
    from types import ModuleType

    from planner.schedule import Schedule

LARGE = 1500
"""Tasks from which a problem is planned window by window."""
_LOOK_EVERY = 0.05
_lock = threading.Lock()
_loading: Future[ModuleType] | None = None


def rolls(judge: Judge) -> bool:
    """Whether a problem is planned window by window: a large one, but for what only whole plans can be judged by."""
    whole = "balance" in judge.scaled or "balance" in judge.held
    whole = whole or any(limit.group is None for limit in judge.compiled.problem.max_durations)
    return len(judge.compiled.ways) >= LARGE and not whole


def roll(incumbent: Incumbent, baseline: Schedule | None, pace: Pace) -> None:
    """A first plan, a bound, and better plans until the limits end it. `baseline`: as soon as possible, if it is known.

    Without an incumbent afterwards nothing is proven: list schedules have found no plan that is in time.
    """
    compiled = incumbent.compiled
    if incumbent.draft is None:
        for draft in _at_once(compiled, baseline):
            incumbent.propose(draft, "list")
    loading = search_loading()
    while not wait_for([loading], _LOOK_EVERY).done:
        if pace.cancelled() or (pace.over() and not pace.deterministic):
            return
    loading.result().improve(incumbent, pace)


def _at_once(compiled: Compiled, baseline: Schedule | None) -> Iterator[Draft]:
    """As soon as possible if that is in time, else a list schedule by earliest starts, or by latest ends."""
    draft = None if baseline is None else compiled.draft(baseline)
    if draft is not None and _in_time(compiled, draft) and draft_within(compiled, draft):
        yield draft
        return
    shortest = [min(way.ticks for way in ways) for ways in compiled.ways]
    urgent = [start + length for start, length in zip(compiled.latest, shortest, strict=True)]
    for keys in ([min(pair) for pair in zip(compiled.earliest, urgent, strict=True)], urgent):
        listed = Lister(compiled).serial(keys)
        if isinstance(listed, Draft):
            yield listed
            return


def _in_time(compiled: Compiled, draft: Draft) -> bool:
    """Whether no latest start and no deadline is missed."""
    return all(
        start <= last_start and end <= last_end
        for start, end, last_start, last_end in zip(
            draft.starts, compiled.ends(draft), compiled.last_start, compiled.last_end, strict=True
        )
    )


def search_loading() -> Future[ModuleType]:
    """The module `search`, ready to run; the first call starts a thread that brings it in, or makes it (some twenty
    seconds, once on a machine)."""
    global _loading
    with _lock:
        if _loading is None:
            _loading = Future()
            threading.Thread(target=_load, args=(_loading,), name="planner-compile").start()
        return _loading


def _load(loading: Future[ModuleType]) -> None:
    try:
        from planner.problem import Demand, Mode, Pool, Problem, Task
        from planner.rolling import search

        # an aim whose bound is below any plan, so that a round of search is compiled, too
        tasks = tuple(Task(name, (Mode(60.0, (Demand("pool", 1),)),), group=name) for name in "ab")
        judge = Judge(compile_problem(Problem(tasks, pools=(Pool("pool", 1),))), {"completion": 1.0})
        search.improve(Incumbent(judge), Pace(Limits(work=0.1, workers=1), 0.0))
    except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the module
        loading.set_exception(error)
    else:
        loading.set_result(search)
