"""The critical-path method: how early and how late tasks can be by precedence and their own limits alone. Linear time.

Kelley and Walker, "Critical-Path Planning and Scheduling", 1959; with lags, releases and deadlines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.graph import Graph, Time

if TYPE_CHECKING:
    from planner.problem import Mode, Problem, Task


def soonest(graph: Graph[Time], durations: Sequence[Time], releases: Sequence[Time]) -> tuple[list[Time], list[Time]]:
    """The earliest starts and ends."""
    starts = list(releases)
    ends = list(releases)
    successors = graph.successors
    for task in graph.order:
        ends[task] = end = starts[task] + durations[task]
        for after, lag in successors[task]:
            if end + lag > starts[after]:
                starts[after] = end + lag
    return starts, ends


def latest(graph: Graph[Time], durations: Sequence[Time], ends: Sequence[Time]) -> list[Time]:
    """The latest starts, given the latest end that each task has of its own."""
    starts = [end - duration for end, duration in zip(ends, durations, strict=True)]
    successors = graph.successors
    for task in reversed(graph.order):
        duration = durations[task]
        for after, lag in successors[task]:
            if starts[after] - lag - duration < starts[task]:
                starts[task] = starts[after] - lag - duration
    return starts


def opening(task: Task) -> float:
    """When a task may start by its release and window."""
    return task.release if task.window is None else max(task.release, task.window[0])


def releases(problem: Problem) -> list[float]:
    """When each task may start by its release and window."""
    return [task.release if task.window is None else opening(task) for task in problem.tasks]


def fastest(task: Task) -> int:
    """The mode in which a task is done soonest, with all it may have; of equal ones the cheapest."""
    return min(
        range(len(task.modes)), key=lambda number: (shortest(task.modes[number]), task.modes[number].cost, number)
    )


def shortest(mode: Mode) -> float:
    """The duration of a mode when each malleable demand gets the most it may, in seconds."""
    duration = mode.duration
    for demand in mode.demands:
        if demand.max_amount is not None:
            duration *= (demand.amount / demand.max_amount) ** demand.speedup
    return duration
