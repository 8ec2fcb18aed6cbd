"""What a roster should be like beyond the hard rules, as costs: requests, fair shares, preferences.

Said twice: as terms of the solver's objective (`costs`), and counted over a finished roster (`count`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from ortools.sat.python.cp_model import LinearExpr, LinearExprT

from residency.clashes import Turn
from residency.conflicts import is_unmet
from residency.problem import OFF, Duty, Post, Problem
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
"""The cost of one. A request counts as often as its own weight (1 to 5) says."""
SHARED = (Wish.NIGHTS, Wish.WEEKENDS, Wish.HOURS)
UNITS = {Wish.NIGHTS: 1, Wish.WEEKENDS: 1, Wish.HOURS: 60}
TOLERANCES = {Wish.NIGHTS: 0, Wish.WEEKENDS: 0, Wish.HOURS: 8}
"""How many more or fewer than the fair share cost nothing."""


@dataclass(frozen=True)
class Share:
    """From how many to how many a resident has a fair share, in the wish's units."""

    least: int
    most: int


def shares(problem: Problem, wish: Wish, last: date) -> dict[str, Share]:
    """The fair shares of everybody who can have one, from the roster's first day to `last`.

    In proportion to the days on which a resident is there, and rounded outwards, so that there is a roster in which all
    have theirs wherever only divisibility is in its way."""
    days = [day for day in problem.days if day <= last]
    sized = {
        Turn(day, post): (amount, needed)
        for day in days
        for post, needed in problem.needed[day].items()
        if (amount := _amount(problem, wish, day, post))
    }
    present = {
        resident: sum(1 for day in days if day not in problem.days_of_leave[resident])
        for resident in problem.resident
        if any(problem.may_work(resident, turn.post, turn.day) for turn in sized)
    }
    everything, everybody = sum(amount * needed for amount, needed in sized.values()), sum(present.values())
    found = {}
    for resident, there in present.items():
        fair = Fraction(everything * there, everybody * UNITS[wish])
        found[resident] = Share(floor(fair) - TOLERANCES[wish], ceil(fair) + TOLERANCES[wish])
    return found


def count(problem: Problem, roster: Sequence[Duty]) -> dict[Wish, int]:
    """How much of what is not wished for a finished roster has."""
    totals = dict.fromkeys(Wish, 0)
    totals[Wish.REQUESTS] = sum(each.weight for each in problem.requests if is_unmet(problem, each, roster))
    for wish in SHARED:
        has = _had(problem, wish, roster)
        for resident, share in shares(problem, wish, problem.end).items():
            unit = UNITS[wish]
            totals[wish] += max(ceil(has[resident] / unit) - share.most, share.least - has[resident] // unit, 0)
    for duty in roster:
        for wish in _unwanted(problem, duty.resident, duty.post):
            totals[wish] += 1
    return totals


def costs(model: RosterModel) -> LinearExprT:
    """What the roster should have little of: the sum of all costs on the model's days.

    Shares are counted from the roster's first day, so that what was unfair before is made up for."""
    terms: list[LinearExprT] = [WEIGHTS[Wish.REQUESTS] * unmet for unmet in _unmet(model)]
    for wish in SHARED:
        terms += [WEIGHTS[wish] * away for away in _away(model, wish)]
    for (resident, turn), works in model.works.items():
        terms += [WEIGHTS[wish] * works for wish in _unwanted(model.problem, resident, turn.post)]
    return LinearExpr.sum(terms)


def _unmet(model: RosterModel) -> Iterable[LinearExprT]:
    for request in model.problem.requests:
        if not model.first <= request.day <= model.last:
            continue
        turns = model.turns(request.resident)
        if request.want == OFF:
            unmet = model.cp.new_bool_var(f"{request.resident} is not off on {request.day}")
            for turn, works in turns.items():
                if request.day in model.problem.touched(turn.post.shift, turn.day):
                    model.cp.add_implication(works, unmet)
            yield request.weight * unmet
        else:
            wanted = [
                works for turn, works in turns.items() if turn.day == request.day and turn.post.shift == request.want
            ]
            yield request.weight * (1 - LinearExpr.sum(wanted))


def _away(model: RosterModel, wish: Wish) -> Iterable[LinearExprT]:
    problem, unit = model.problem, UNITS[wish]
    had = _had(problem, wish, model.fixed)
    for resident, share in shares(problem, wish, model.last).items():
        amounts = {turn: _amount(problem, wish, turn.day, turn.post) for turn in model.turns(resident)}
        has = LinearExpr.weighted_sum(list(model.turns(resident).values()), list(amounts.values())) + had[resident]
        largest = sum(amounts.values()) + had[resident] + unit * (abs(share.least) + share.most)
        away = model.cp.new_int_var(0, largest // unit + 1, f"{resident}: {wish}")
        model.cp.add(unit * away >= has - unit * share.most)
        model.cp.add(unit * away >= unit * share.least - has)
        yield away


def _had(problem: Problem, wish: Wish, roster: Iterable[Duty]) -> dict[str, int]:
    found = dict.fromkeys(problem.resident, 0)
    for duty in roster:
        found[duty.resident] += _amount(problem, wish, duty.date, duty.post)
    return found


def _amount(problem: Problem, wish: Wish, day: date, post: Post) -> int:
    """What a duty counts for a share: one, or its minutes."""
    shift = problem.shift[post.shift]
    if wish == Wish.HOURS:
        return shift.minutes
    return int(shift.is_night if wish == Wish.NIGHTS else day.weekday() >= 5)


def _unwanted(problem: Problem, resident: str, post: Post) -> Iterable[Wish]:
    wants = problem.resident[resident]
    if wants.rotation and wants.rotation != post.rotation:
        yield Wish.ROTATION
    if wants.prefers and wants.prefers != post.shift:
        yield Wish.SHIFT
