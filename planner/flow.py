"""Who hands units of a pool to whom in a schedule: what keeps tasks that share a pool in their order.

The resource flow of Artigues and Roubellat, "A polynomial activity insertion algorithm in a multi-resource schedule
with cumulative constraints and multiple modes", 2000: starts that keep these hand-overs like precedences are feasible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from planner.calendars import Steps, without
from planner.graph import reachable
from planner.occupancy import NEAR, Holding, Occupancy, segments

if TYPE_CHECKING:
    from planner.problem import Problem
    from planner.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Handover:
    """`giver` gives units back at `given`, `taker` takes them at `taken`. Without a taker they go to what can't move: a
    reservation, or a time of lower capacity."""

    pool: int
    giver: int
    given: float
    taker: int | None
    taken: float


def handovers(problem: Problem, schedule: Schedule, slack: Sequence[float]) -> list[Handover]:
    """The hand-overs of every pool that could be overloaded if each task slipped by up to `slack` on its own."""
    found: list[Handover] = []
    ancestors: list[int] | None = None
    for number in range(len(problem.pools)):
        occupancy = Occupancy(problem, schedule, number)
        if not occupancy.holdings or not _may_overload(occupancy, schedule, slack):
            continue
        if ancestors is None:
            ancestors = reachable(problem.graph.predecessors, list(reversed(problem.graph.order)))
        found += _flow(number, occupancy, ancestors)
    return found


def _may_overload(occupancy: Occupancy, schedule: Schedule, slack: Sequence[float]) -> bool:
    reach = [
        (held.start, held.end if held.task is None else schedule.ends[held.task] + slack[held.task], held.amount)
        for held in occupancy.holdings
    ]
    return any(level > occupancy.free.at(start) + NEAR for start, _, level in segments(reach, occupancy.free))


@dataclass(slots=True)
class _Unit:
    """An amount that nobody holds, and who gave it back; -1: nobody that could be late."""

    amount: float
    giver: int
    given: float


def _flow(number: int, occupancy: Occupancy, ancestors: list[int]) -> list[Handover]:
    highest, blocked = _blocks(occupancy)
    units = [_Unit(highest, -1, -inf)]
    found: list[Handover] = []
    events: list[tuple[float, int, int, Holding | None, float]] = []
    for place, held in enumerate(occupancy.holdings):
        events.append((held.start, 2, place, held, held.amount))
        events.append((held.end, 0, place, held, held.amount))
    for place, (start, end, amount) in enumerate(blocked):
        events.append((start, 1, place, None, amount))
        events.append((end, 0, place, None, amount))
    events.sort(key=lambda event: event[:3])
    for moment, kind, _, holder, amount in events:
        mover = -1 if holder is None or holder.task is None else holder.task
        if kind == 0:
            units.append(_Unit(amount, mover, moment))
            continue
        known = ancestors[mover] if mover >= 0 else 0
        for unit, taken in _taken(units, amount, moment, known):
            if unit.giver >= 0:
                found.append(Handover(number, unit.giver, unit.given, mover if mover >= 0 else None, moment))
            unit.amount -= taken
        units = [unit for unit in units if unit.amount > NEAR]
    return found


def _taken(units: list[_Unit], amount: float, moment: float, known: int) -> list[tuple[_Unit, float]]:
    """From whom to take an amount so that as little as can be is tied together that was not: (unit, how much).

    What changes nothing first: predecessors' units (`known`, as bits), and those that nobody can be late with. Where
    what has been idle is not enough besides, units given back now are waited for: all that their givers have.
    Then the longest idle.
    """
    found: list[tuple[_Unit, float]] = []

    def take(candidates: list[_Unit], left: float) -> float:
        for unit in candidates:
            if left <= NEAR:
                break
            taken = min(left, unit.amount)
            found.append((unit, taken))
            left -= taken
        return left

    tied = [unit for unit in units if unit.giver >= 0 and known >> unit.giver & 1]
    nobody = [unit for unit in units if unit.giver < 0]
    others = [unit for unit in units if unit.giver >= 0 and not known >> unit.giver & 1]
    left = take(nobody, take(tied, amount))
    idle = sorted((unit for unit in others if unit.given < moment - NEAR), key=lambda unit: unit.given)
    fresh = sorted((unit for unit in others if unit.given >= moment - NEAR), key=lambda unit: -unit.amount)
    waits = left - sum(unit.amount for unit in idle)
    for unit in fresh:
        if waits <= NEAR:
            break
        left = take([unit], left)
        waits -= unit.amount
    take(idle, left)
    return found


def _blocks(occupancy: Occupancy) -> tuple[float, list[tuple[float, float, float]]]:
    """The highest capacity, and what is missing to it over time. Where a burst is on, capacity is what it makes it."""
    free = occupancy.free
    edges = sorted(
        {*free.times, *(start for start, _, _ in occupancy.levels), *(end for _, end, _ in occupancy.levels)}
    )
    level = without(Steps([0.0], [0.0]), [(start, end, -amount) for start, end, amount in occupancy.levels])
    room = [max(free.at(moment), level.at(moment)) for moment in edges]
    highest = max(room)
    found: list[tuple[float, float, float]] = []
    for place, moment in enumerate(edges):
        if highest - room[place] > NEAR:
            found.append((moment, edges[place + 1] if place + 1 < len(edges) else inf, highest - room[place]))
    return highest, found
