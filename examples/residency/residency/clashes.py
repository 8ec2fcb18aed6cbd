"""Which shifts one resident can't both work: those that are on, or are rested from, at the same moment.

A shift holds its resident from its beginning to the end of the rest after it. Such spans are intervals, so all that
clash with each other share a moment, and it is enough to look at the moments at which one begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from residency.duty_rules import rest_after
from residency.problem import Post, Problem


class Turn(NamedTuple):
    """A post on a day."""

    day: date
    post: Post


def clashing(problem: Problem, turns: Iterable[Turn], *, rest: bool = True) -> list[tuple[Turn, ...]]:
    """Groups of turns, of each of which a resident can work one at most. Without `rest`, only what is on at once.

    No group is part of another."""
    held = []
    for turn in turns:
        begin, end = problem.span(turn.post.shift, turn.day)
        pause = rest_after(problem.shift[turn.post.shift].minutes) if rest else 0
        held.append((begin, end + timedelta(minutes=pause), turn))
    held.sort()
    groups: list[tuple[Turn, ...]] = []
    for moment in sorted({begin for begin, _, _ in held}):
        group = tuple(turn for begin, free, turn in held if begin <= moment < free)
        if groups and set(groups[-1]) <= set(group):
            groups.pop()
        groups.append(group)
    return groups
