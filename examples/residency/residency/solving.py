"""A roster for all days: as one model, or, when they are many, four weeks after four weeks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from longpole import PermanentFailure, step
from residency.infeasibility import Infeasible, explain
from residency.problem import Duty, Problem
from residency.roster_model import RosterModel
from residency.search import Effort, Found, search
from residency.wishes import Wish, amounts, costs

LONGEST_BLOCK = 42
"""Days that are planned at once. More are planned in blocks, each after the one before it is settled."""
USUAL_BLOCK = 28


@dataclass(frozen=True)
class Solved:
    """A roster that keeps every hard rule, and what is known about how good it is."""

    roster: list[Duty]
    found: Found
    """For several blocks, the sum of their costs; a bound only if there is one block, as blocks are settled in turn."""
    amounts: dict[Wish, int]
    blocks: list[dict[str, Any]]


def solve(problem: Problem, effort: Effort) -> Solved:
    """Search for the roster that costs least, within the time of `effort`.

    Raises `Infeasible`, which says what can't be met together; `PermanentFailure` when the time was too short to tell;
    `StepCancelled`."""
    parts = blocks(problem.days)
    roster: list[Duty] = []
    founds: list[Found] = []
    totals: Counter[Wish] = Counter(dict.fromkeys(Wish, 0))
    told: list[dict[str, Any]] = []
    for number, (first, last) in enumerate(parts):
        share = (number / len(parts), (number + 1) / len(parts))
        part_effort = replace(effort, seconds=effort.seconds / len(parts))
        duties, found, part_amounts = _block(problem, first, last, roster, part_effort, share)
        roster += duties
        founds.append(found)
        totals.update(part_amounts)
        told.append({"first": first.isoformat(), "last": last.isoformat(), **found.facts()})
    return Solved(roster, _together(founds), dict(totals), told)


def blocks(days: Sequence[date]) -> list[tuple[date, date]]:
    """First and last day of what is planned at once."""
    if len(days) <= LONGEST_BLOCK:
        return [(days[0], days[-1])]
    starts = list(range(0, len(days), USUAL_BLOCK))
    if len(days) - starts[-1] <= LONGEST_BLOCK - USUAL_BLOCK:
        starts.pop()
    ends = [start - 1 for start in starts[1:]] + [len(days) - 1]
    return [(days[start], days[end]) for start, end in zip(starts, ends, strict=True)]


def _block(
    problem: Problem, first: date, last: date, before: Sequence[Duty], effort: Effort, share: tuple[float, float]
) -> tuple[list[Duty], Found, dict[Wish, int]]:
    label = f"{first} to {last}"
    model = RosterModel(problem, first, last, before)
    wished = costs(model)
    model.cp.minimize(sum(cost.weighted for cost in wished))
    step.log.info("model built", days=label, variables=len(model.works), seconds=effort.seconds)
    solver, found = search(model.cp, effort, label=label, share=share)
    if found.status == "infeasible":
        raise Infeasible(explain(problem, first, last, before, effort))
    if found.status == "unknown":
        raise PermanentFailure(
            f"no roster for {label} was found in {effort.seconds:g} s, nor a proof that there is none: give the run "
            f"more `time_limit_seconds`"
        )
    return model.roster(solver), found, amounts(wished, solver)


def _together(founds: Sequence[Found]) -> Found:
    if len(founds) == 1:
        return founds[0]
    return Found("feasible", sum(each.seconds for each in founds), sum(each.objective or 0 for each in founds))
