"""A roster for all days: as one model, or, when they are many, a few weeks after a few weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from longpole import step
from residency.infeasibility import Infeasible, explain
from residency.problem import Duty, Problem
from residency.roster_model import RosterModel
from residency.search import Effort, Found, search
from residency.wishes import WEIGHTS, Wish, costs, count

MOST_AT_ONCE = 35
"""Days that are planned at once. Of more, some are planned and most of these kept, and so on."""
PLANNED = 28
KEPT = 21
"""The rest of what is planned is thrown away and planned again: it makes sure that what is kept can be gone on with."""


class Block(NamedTuple):
    """Days that are planned at once, from `first` to `last`; those after `kept` are planned again."""

    first: date
    kept: date
    last: date


@dataclass(frozen=True)
class Solved:
    """A roster that keeps every hard rule, and what is known about how good it is."""

    roster: list[Duty]
    found: Found
    """For several blocks without a bound: each is only as good as what was settled before lets it be."""
    amounts: dict[Wish, int]
    blocks: list[dict[str, Any]]


def solve(problem: Problem, effort: Effort) -> Solved:
    """Search for the roster that costs least, within the time of `effort` for each block.

    Raises `Infeasible`, which says what can't be met together; `StepCancelled`."""
    parts = blocks(problem.days)
    roster: list[Duty] = []
    founds: list[Found] = []
    for number, block in enumerate(parts):
        share = (number / len(parts), (number + 1) / len(parts))
        duties, found = _plan(problem, block, roster, effort, share)
        roster += [duty for duty in duties if duty.date <= block.kept]
        founds.append(found)
    amounts = count(problem, roster)
    cost = sum(WEIGHTS[wish] * amount for wish, amount in amounts.items())
    together = Found("feasible", sum(each.seconds for each in founds), cost)
    if len(founds) == 1 and founds[0].bound is not None:
        together = founds[0]
    told = [
        {"first": block.first.isoformat(), "last": block.last.isoformat(), **found.facts()}
        for block, found in zip(parts, founds, strict=True)
    ]
    return Solved(roster, together, amounts, told)


def blocks(days: Sequence[date]) -> list[Block]:
    """What is planned at once, one after the other."""
    found = []
    while len(days) > MOST_AT_ONCE:
        found.append(Block(days[0], days[KEPT - 1], days[PLANNED - 1]))
        days = days[KEPT:]
    return [*found, Block(days[0], days[-1], days[-1])]


def _plan(
    problem: Problem, block: Block, before: Sequence[Duty], effort: Effort, share: tuple[float, float]
) -> tuple[list[Duty], Found]:
    label = f"{block.first} to {block.last}"
    model = RosterModel(problem, block.first, block.last, before)
    model.cp.minimize(costs(model))
    step.log.info("model built", days=label, variables=len(model.works), seconds=effort.seconds)
    solver, found = search(model.cp, effort, label=label, share=share)
    if found.objective is not None:
        return model.roster(solver), found
    step.log.warning(f"{label}: no roster found, looking for what is in its way", status=found.status)
    ways = explain(problem, block.first, block.last, before, effort)
    for way in ways:
        if way.broken == []:
            # Bending rules is a roundabout way to a roster that breaks none, but sometimes gets there first.
            return way.roster, Found("feasible", found.seconds)
    raise Infeasible(ways, proven=found.status == "infeasible")
