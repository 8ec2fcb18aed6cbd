"""Who comes before whom, by position in `Problem.tasks`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

Time = TypeVar("Time", int, float)
"""Seconds, or ticks of a grid."""
Arc = tuple[int, float]
"""The task at the other end and the lag in seconds."""


@dataclass(frozen=True)
class Graph(Generic[Time]):
    """The precedence of a problem. `order` is topological and keeps the listed order where it can."""

    order: Sequence[int]
    successors: list[list[tuple[int, Time]]]
    """The tasks at the other end and the lags."""

    @cached_property
    def predecessors(self) -> list[list[tuple[int, Time]]]:
        """The same from the other end. Turned around when first asked for: a plan without a search needs no more than
        `successors`."""
        turned: list[list[tuple[int, Time]]] = [[] for _ in self.successors]
        for before, arcs in enumerate(self.successors):
            for after, lag in arcs:
                turned[after].append((before, lag))
        return turned


def topological_order(successors: list[list[tuple[int, Time]]]) -> list[int]:
    """Positions so that each comes after its predecessors; those on a cycle, or behind one, are left out."""
    waiting = [0] * len(successors)
    for arcs in successors:
        for after, _ in arcs:
            waiting[after] += 1
    order = [position for position, count in enumerate(waiting) if not count]
    for position in order:  # grows while it is read
        for after, _ in successors[position]:
            waiting[after] -= 1
            if not waiting[after]:
                order.append(after)
    return order


def reachable(successors: list[list[tuple[int, Time]]], order: Sequence[int]) -> list[int]:
    """For each position the set of positions that must come after it, as the bits of an integer."""
    sets = [0] * len(successors)
    for position in reversed(order):
        found = 0
        for after, _ in successors[position]:
            found |= sets[after] | (1 << after)
        sets[position] = found
    return sets
