"""Why there is no roster: what has to give, named with numbers.

Twice the rules are bent as little as possible: once every post is covered and the rules about each resident's hours
give way; once these are kept and posts stay empty. What the two rosters break is then named by the same checks that
every roster goes through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from longpole import PermanentFailure, step
from residency.compliance import check
from residency.conflicts import detect, hard
from residency.duty_rules import Rule
from residency.problem import Duty, Problem
from residency.roster_model import BENDABLE, RosterModel
from residency.search import Effort, search

MOST_TOLD = 12


@dataclass(frozen=True)
class Way:
    """One way out: what would be broken, each as JSON with `rule` and `text`; None: there is no such way."""

    question: str
    broken: list[dict[str, Any]] | None
    proven: bool
    """Whether nothing less would do."""
    roster: list[Duty]
    """The duties of these days that it was seen on."""

    def text(self) -> str:
        """For people."""
        if self.broken is None:
            return f"{self.question}: {'not even then' if self.proven else 'no roster was found in the time given'}"
        least = "at least" if self.proven else "in the best roster found in the time given (less may do)"
        lines = [f"  - {each['text']}" for each in self.broken[:MOST_TOLD]]
        more = len(self.broken) - len(lines)
        return "\n".join([f"{self.question}, {least}:", *lines, *([f"  - and {more} more"] if more > 0 else [])])


class Infeasible(PermanentFailure):
    """No roster keeps all hard rules (`proven`), or none was found. `ways` has what would be broken; the message tells
    it."""

    def __init__(self, ways: Sequence[Way], *, proven: bool) -> None:
        self.ways = list(ways)
        rules = ", ".join(sorted({each["rule"] for way in ways for each in way.broken or ()}))
        remedy = "need fewer residents in coverage.csv, move leave, or open rotations to more levels"
        if proven:
            outcome = f"no roster keeps all rules; what clashes is: {rules}"
        else:
            outcome = "no roster that keeps all rules was found in the time given, nor a proof that there is none"
            outcome += f"; hardest to meet together: {rules}" if rules else ""
            remedy = f"give the run more `time_limit_seconds`, or {remedy}"
        super().__init__("\n".join([outcome, *(way.text() for way in ways), remedy]), error_class="infeasible")

    def output(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [{"question": way.question, "proven": way.proven, "broken": way.broken} for way in self.ways]


def explain(problem: Problem, first: date, last: date, before: Sequence[Duty], effort: Effort) -> list[Way]:
    """Both ways out for these days. Takes as long again as the search at most."""
    half = replace(effort, seconds=effort.seconds / 2)
    posts = _way(
        problem, first, last, before, half, "if the residents' rules are kept, posts stay empty", {Rule.COVERAGE}
    )
    people = _way(problem, first, last, before, half, "if every post is filled, residents' rules are broken", BENDABLE)
    return [posts, people]


def _way(
    problem: Problem,
    first: date,
    last: date,
    before: Sequence[Duty],
    effort: Effort,
    question: str,
    bend: set[Rule] | frozenset[Rule],
) -> Way:
    model = RosterModel(problem, first, last, before, frozenset(bend))
    model.cp.minimize(sum(model.bent))
    solver, found = search(model.cp, effort, label=question)
    if found.objective is None:
        step.log.info(question, status=found.status)
        return Way(question, None, found.status == "infeasible", [])
    # Later days are not planned yet: they would be understaffed, every one of them.
    so_far = problem.changed(end=last)
    planned = model.roster(solver)
    roster = [*before, *planned]
    duty_hours = [finding.output(so_far) for finding in check(so_far, roster) if not finding.kept]
    return Way(question, [*hard(detect(so_far, roster)), *duty_hours], found.status == "optimal", planned)
