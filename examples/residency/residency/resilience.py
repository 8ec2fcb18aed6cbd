"""What a roster can bear: for each duty, what happens when its resident is absent that day.

A replacement is legal when the rotation is open to their level, they are not on leave, and with the duty added none of
the duty-hour rules is broken for them. They come from those who are off; nobody is moved from another post.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from longpole import step
from residency.clashes import Turn, clashing
from residency.compliance import check_resident
from residency.problem import OFF, Duty, Post, Problem


def resilience(problem: Problem, roster: Sequence[Duty]) -> dict[str, Any]:
    """Score, fragile duties, and what each absence comes to, as JSON.

    `score`: the percentage of single absences (resident and day) after which a legal replacement still leaves every
    post covered. `absences`: one for each resident and day with a duty, with `replacements` (how many are legal),
    `best` (who should be asked first) and `missing` (how many residents the post lacks after that)."""
    own: dict[str, list[Duty]] = defaultdict(list)
    for duty in roster:
        own[duty.resident].append(duty)
    there = Counter((duty.date, duty.post) for duty in roster)
    turns = sorted({Turn(duty.date, duty.post) for duty in roster})
    legal: dict[Turn, list[str]] = {}
    for number, turn in enumerate(turns, start=1):
        step.raise_if_cancelled()
        legal[turn] = _replacements(problem, turn, own)
        step.progress(number / len(turns), f"{turn.day}, {turn.post.rotation} {turn.post.shift}")
    absences = [_absence(problem, duty, legal[Turn(duty.date, duty.post)], there, own) for duty in roster]
    absences.sort(key=lambda each: (each["date"], each["rotation"], each["shift"], each["resident"]))
    covered = sum(1 for each in absences if each["missing"] == 0)
    return {
        "score": round(100 * covered / len(absences), 1) if absences else 100.0,
        "absences": absences,
        "breaking": [each for each in absences if each["missing"]],
        "fragile": sum(1 for each in absences if each["replacements"] == 1),
        "average_replacements": round(sum(each["replacements"] for each in absences) / max(len(absences), 1), 1),
    }


def _replacements(problem: Problem, turn: Turn, own: dict[str, list[Duty]]) -> list[str]:
    """Who may legally step in: first those whose request it does not go against, then those with the fewest hours."""
    found = []
    for resident in problem.resident:
        if not problem.may_work(resident, turn.post, turn.day):
            continue
        near = [Turn(duty.date, duty.post) for duty in own[resident] if abs((duty.date - turn.day).days) <= 2]
        if any(len(group) > 1 for each in near for group in clashing(problem, (each, turn))):
            continue
        added = Duty(resident=resident, date=turn.day, rotation=turn.post.rotation, shift=turn.post.shift)
        # A rule that the roster breaks already is not this replacement's fault.
        before = {
            finding.rule: finding.breaches
            for finding in check_resident(problem, resident, own[resident], around=turn.day)
        }
        after = check_resident(problem, resident, [*own[resident], added], around=turn.day)
        if all(finding.breaches <= before.get(finding.rule, 0) for finding in after):
            found.append(resident)
    return sorted(
        found, key=lambda resident: (_wants_off(problem, resident, turn.day), _minutes(problem, own[resident]))
    )


def _absence(
    problem: Problem,
    duty: Duty,
    legal: Sequence[str],
    there: Counter[tuple[date, Post]],
    own: dict[str, list[Duty]],
) -> dict[str, Any]:
    others = [resident for resident in legal if resident != duty.resident]
    needed = problem.needed.get(duty.date, {}).get(duty.post, 0)
    # Without the absent resident; a replacement brings one back.
    left = there[duty.date, duty.post] - 1 + bool(others)
    return {
        **duty.model_dump(mode="json"),
        "replacements": len(others),
        "best": others[0] if others else None,
        "missing": max(needed - left, 0),
    }


def _wants_off(problem: Problem, resident: str, day: date) -> bool:
    return any(
        request.resident == resident and request.day == day and request.want == OFF for request in problem.requests
    )


def _minutes(problem: Problem, duties: Sequence[Duty]) -> int:
    return sum(problem.shift[duty.shift].minutes for duty in duties)
