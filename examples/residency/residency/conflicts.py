"""What is wrong with a roster apart from duty hours.

Who is in two places, on leave or not eligible; what is understaffed; which requests are not met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from residency.duty_rules import Rule
from residency.problem import OFF, Duty, Problem, Request

Found = dict[str, Any]


def detect(problem: Problem, roster: Sequence[Duty]) -> dict[str, list[Found]]:
    """Each kind of conflict with all that were found: JSON with a `text` for people."""
    return {
        "double_bookings": list(_double_bookings(problem, roster)),
        "leave_clashes": list(_leave_clashes(problem, roster)),
        "not_eligible": list(_not_eligible(problem, roster)),
        "understaffed": list(_staffing(problem, roster, short=True)),
        "overstaffed": list(_staffing(problem, roster, short=False)),
        "requests_not_met": [
            _about_request(problem, request) for request in problem.requests if is_unmet(problem, request, roster)
        ],
    }


def hard(found: dict[str, list[Found]]) -> list[Found]:
    """Those that no roster may have; requests may stay open."""
    return [conflict for kind, conflicts in found.items() if kind != "requests_not_met" for conflict in conflicts]


def is_unmet(problem: Problem, request: Request, roster: Iterable[Duty]) -> bool:
    """Whether the request is within the roster's days and not what the roster has."""
    if not problem.start <= request.day <= problem.end:
        return False
    own = [duty for duty in roster if duty.resident == request.resident]
    if request.want == OFF:
        return any(request.day in problem.touched(duty.shift, duty.date) for duty in own)
    return not any(duty.date == request.day and duty.shift == request.want for duty in own)


def _double_bookings(problem: Problem, roster: Iterable[Duty]) -> Iterable[Found]:
    ordered = sorted(roster, key=lambda duty: (duty.resident, *problem.span(duty.shift, duty.date)))
    for before, after in pairwise(ordered):
        if before.resident != after.resident:
            continue
        end, begin = problem.span(before.shift, before.date)[1], problem.span(after.shift, after.date)[0]
        if begin < end:
            hours = (end - begin).total_seconds() / 3600
            yield _found(
                problem,
                after,
                Rule.ONE_AT_A_TIME,
                f"is on `{after.shift}` of {after.date} in {after.rotation} while still on `{before.shift}` of "
                f"{before.date} in {before.rotation}, {hours:g} h at once",
            )


def _leave_clashes(problem: Problem, roster: Iterable[Duty]) -> Iterable[Found]:
    for duty in roster:
        away = [day for day in problem.touched(duty.shift, duty.date) if day in problem.days_of_leave[duty.resident]]
        if away:
            text = f"works `{duty.shift}` of {duty.date} in {duty.rotation}, and is on leave on {away[0]}"
            yield _found(problem, duty, Rule.LEAVE, text)


def _not_eligible(problem: Problem, roster: Iterable[Duty]) -> Iterable[Found]:
    for duty in roster:
        if not problem.is_eligible(duty.resident, duty.post):
            pgy = problem.resident[duty.resident].pgy
            levels = ", ".join(map(str, problem.rotation[duty.rotation].levels))
            text = f"works in {duty.rotation} on {duty.date} as PGY {pgy}; it is open to PGY {levels}"
            yield _found(problem, duty, Rule.ELIGIBILITY, text)


def _staffing(problem: Problem, roster: Iterable[Duty], *, short: bool) -> Iterable[Found]:
    there = Counter((duty.date, duty.post) for duty in roster)
    wanted = Counter({(day, post): count for day, needed in problem.needed.items() for post, count in needed.items()})
    differences = wanted - there if short else there - wanted
    for (day, post), count in sorted(differences.items()):
        needed, has = wanted[day, post], there[day, post]
        yield {
            "rule": str(Rule.COVERAGE),
            "date": day.isoformat(),
            "rotation": post.rotation,
            "shift": post.shift,
            "needed": needed,
            "there": has,
            "text": f"`{post.rotation}` on `{post.shift}` of {_day(day)} needs {needed} and has {has}: "
            f"{count} {'missing' if short else 'too many'}",
        }


def _about_request(problem: Problem, request: Request) -> Found:
    name = problem.resident[request.resident].name
    want = "the day off" if request.want == OFF else f"`{request.want}`"
    return {
        "resident": request.resident,
        "date": request.day.isoformat(),
        "want": request.want,
        "weight": request.weight,
        "text": f"{name} ({request.resident}) asked for {want} on {_day(request.day)} (weight {request.weight})",
    }


def _found(problem: Problem, duty: Duty, rule: Rule, text: str) -> Found:
    return {
        "rule": str(rule),
        **duty.model_dump(mode="json"),
        "text": f"{problem.resident[duty.resident].name} ({duty.resident}) {text}",
    }


def _day(day: date) -> str:
    return f"{day:%a} {day}"
