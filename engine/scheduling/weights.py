"""How much steps count by their workflow's priority and the pools that they hold (`priority_multipliers`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from definitions.pools import PoolsDocument
from engine.scheduling.wish import Wish
from planner import Task

_HIGHEST = 100


def multiplier(names: Iterable[str], priority: str, pools: PoolsDocument) -> float:
    """The highest of the pools' multipliers; 1 where none has one."""
    found = [
        value
        for name in names
        if name in pools.pools
        for given, value in pools.pools[name].priority_multipliers.items()
        if given == priority
    ]
    return max(found, default=1.0)


def weighted(task: Task, wish: Wish, pools: PoolsDocument) -> Task:
    """The same with its multiplier in its priority, which says who goes first where steps compete, and in its weight in
    the objective."""
    times = multiplier((demand.pool for demand in task.modes[0].demands), wish.priority, pools)
    if times == 1.0:
        return task
    return replace(task, priority=min(_HIGHEST, round(task.priority * times)), weight=task.importance * times)


def standing(wish: Wish, pools: PoolsDocument) -> float:
    """What a workflow has against being moved: its priority, times the highest multiplier of its steps' pools."""
    return wish.rank * multiplier(wish.pools, wish.priority, pools)
