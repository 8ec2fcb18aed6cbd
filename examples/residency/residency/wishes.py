"""What a roster should be like beyond the hard rules, as costs: requests, fair shares, preferences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model import LinearExpr, LinearExprT

from residency.clashes import Turn
from residency.problem import OFF, Problem
from residency.roster_model import RosterModel


class Wish(StrEnum):
    """What costs are counted by."""

    REQUESTS = "requests not met"
    NIGHTS = "nights beyond the fair share"
    WEEKENDS = "weekend duties beyond the fair share"
    HOURS = "hours beyond the fair share"
    ROTATION = "duties outside the resident's rotation"
    SHIFT = "duties on other shifts than preferred"


WEIGHTS = {Wish.REQUESTS: 10, Wish.NIGHTS: 6, Wish.WEEKENDS: 6, Wish.HOURS: 1, Wish.ROTATION: 2, Wish.SHIFT: 1}
"""The cost of one. A request's own weight (1 to 5) multiplies its cost."""
HOURS_TOLERANCE = 8
"""Hours that a resident's total may be away from the fair share at no cost."""


@dataclass(frozen=True)
class Cost:
    """How many there are of what is not wished for, and what one costs."""

    wish: Wish
    amount: LinearExprT

    @property
    def weighted(self) -> LinearExprT:
        """Its share of the objective."""
        return WEIGHTS[self.wish] * self.amount


def costs(model: RosterModel) -> list[Cost]:
    """Every cost of the model's days; their sum is what the roster should have little of."""
    problem = model.problem
    found = _requests(model)
    found += _shares(model, Wish.NIGHTS, lambda turn: int(problem.shift[turn.post.shift].is_night))
    found += _shares(model, Wish.WEEKENDS, lambda turn: int(turn.day.weekday() >= 5))
    found += _shares(
        model, Wish.HOURS, lambda turn: problem.shift[turn.post.shift].minutes, unit=60, tolerance=HOURS_TOLERANCE
    )
    for (resident, turn), works in model.works.items():
        wants = problem.resident[resident]
        if wants.rotation and wants.rotation != turn.post.rotation:
            found.append(Cost(Wish.ROTATION, works))
        if wants.prefers and wants.prefers != turn.post.shift:
            found.append(Cost(Wish.SHIFT, works))
    return found


def amounts(found: list[Cost], solver: cp_model.CpSolver) -> dict[Wish, int]:
    """What the solution has of each."""
    totals = dict.fromkeys(Wish, 0)
    for cost in found:
        totals[cost.wish] += solver.value(cost.amount)
    return totals


def _requests(model: RosterModel) -> list[Cost]:
    found = []
    for request in model.problem.requests:
        if not model.first <= request.day <= model.last:
            continue
        turns = model.turns(request.resident)
        if request.want == OFF:
            touching = [
                variable
                for turn, variable in turns.items()
                if request.day in model.problem.touched(turn.post.shift, turn.day)
            ]
            unmet = model.cp.new_bool_var(f"{request.resident} is not off on {request.day}")
            for variable in touching:
                model.cp.add_implication(variable, unmet)
            found.append(Cost(Wish.REQUESTS, request.weight * unmet))
        else:
            wanted = [
                variable
                for turn, variable in turns.items()
                if turn.day == request.day and turn.post.shift == request.want
            ]
            found.append(Cost(Wish.REQUESTS, request.weight * (1 - LinearExpr.sum(wanted))))
    return found


def _shares(
    model: RosterModel, wish: Wish, size: Callable[[Turn], int], *, unit: int = 1, tolerance: int = 0
) -> list[Cost]:
    """A cost for each unit by which somebody has more or less than their share.

    Shares are in proportion to the days on which a resident is there, counted from the roster's first day: what was
    unfair before is made up for. Rounded outwards, so that there is a roster without this cost wherever only
    divisibility is in its way."""
    problem = model.problem
    able = {
        resident: {turn: size(turn) for turn in model.turns(resident) if size(turn)} for resident in problem.resident
    }
    sharing = [resident for resident, turns in able.items() if turns]
    present = {resident: _days_present(problem, model, resident) for resident in sharing}
    had = {
        resident: sum(size(Turn(duty.date, duty.post)) for duty in model.fixed if duty.resident == resident)
        for resident in sharing
    }
    to_do = sum(
        size(Turn(day, post)) * needed
        for day in problem.days
        if model.first <= day <= model.last
        for post, needed in problem.needed[day].items()
    )
    everything, everybody = sum(had.values()) + to_do, sum(present.values())
    found = []
    for resident in sharing:
        share = Fraction(everything * present[resident], everybody * unit) - Fraction(had[resident], unit)
        least, most = floor(share) - tolerance, ceil(share) + tolerance
        turns = able[resident]
        has = LinearExpr.weighted_sum([model.turns(resident)[turn] for turn in turns], list(turns.values()))
        away = model.cp.new_int_var(0, sum(turns.values()) // unit + abs(least) + abs(most) + 1, f"{resident}: {wish}")
        model.cp.add(unit * away >= has - unit * most)
        model.cp.add(unit * away >= unit * least - has)
        found.append(Cost(wish, away))
    return found


def _days_present(problem: Problem, model: RosterModel, resident: str) -> int:
    leave = problem.days_of_leave[resident]
    return sum(1 for day in problem.days if day <= model.last and day not in leave)
