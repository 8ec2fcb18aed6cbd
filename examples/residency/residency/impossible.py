"""Coverage that can't be met whatever the roster, found by counting, before any search.

Two counts: at any moment, those on duty or resting from it are all different people (Hall's theorem on a bipartite
matching of residents and turns); over the whole time, nobody may average more than 80 hours a week.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations, groupby

from residency.clashes import Turn, clashing
from residency.duty_rules import Rule, most_minutes
from residency.problem import Problem
from residency.tables import Mistakes

FILE = "coverage.csv"
MOST_NAMES = 12


def find_impossible(problem: Problem, mistakes: Mistakes) -> None:
    """Add a mistake for each shortage: which rule, when, how many are needed, and who there is."""
    told: set[frozenset[tuple[str, str]]] = set()
    turns = [Turn(day, post) for day in problem.days for post in problem.needed[day]]
    for group in clashing(problem, turns):
        short = _shortage(problem, group)
        if short is None:
            continue
        # A shortage that comes back each week, or with more posts in it, is told once, where it first comes up.
        kinds = frozenset((turn.post.rotation, turn.post.shift) for turn in short)
        if not any(earlier <= kinds for earlier in told):
            told.add(kinds)
            _tell(problem, short, mistakes)
    _hours(problem, mistakes)


def _able(problem: Problem, turn: Turn) -> list[str]:
    return [resident for resident in problem.resident if problem.may_work(resident, turn.post, turn.day)]


def _shortage(problem: Problem, group: Sequence[Turn]) -> list[Turn] | None:
    """Of turns that need different people, some that have too few, and none of which can be left out of that; None when
    all can be met."""
    places = [turn for turn in group for _ in range(problem.needed[turn.day][turn.post])]
    able = {turn: _able(problem, turn) for turn in group}
    holder: dict[str, int] = {}

    def seat(place: int, tried: set[str]) -> bool:
        for resident in able[places[place]]:
            if resident not in tried:
                tried.add(resident)
                if resident not in holder or seat(holder[resident], tried):
                    holder[resident] = place
                    return True
        return False

    for place in range(len(places)):
        tried: set[str] = set()
        if not seat(place, tried):
            # Everyone who was tried is held by turns that nobody else can take: those and this one are too many.
            short = sorted({places[place], *(places[holder[resident]] for resident in tried)})
            for turn in tuple(short):
                others = [other for other in short if other != turn]
                if _lacking(problem, others) > 0:
                    short = others
            return short
    return None


def _lacking(problem: Problem, turns: Sequence[Turn]) -> int:
    """How many residents more turns that need different people need than there are."""
    return sum(problem.needed[turn.day][turn.post] for turn in turns) - len(_anyone(problem, turns))


def _anyone(problem: Problem, turns: Sequence[Turn]) -> list[str]:
    return sorted({resident for turn in turns for resident in _able(problem, turn)})


def _tell(problem: Problem, short: Sequence[Turn], mistakes: Mistakes) -> None:
    needed = sum(problem.needed[turn.day][turn.post] for turn in short)
    able = _anyone(problem, short)
    eligible = {resident for resident in problem.resident for turn in short if problem.is_eligible(resident, turn.post)}
    away = sorted(eligible - set(able))
    levels = sorted({level for turn in short for level in problem.rotation[turn.post.rotation].levels})
    posts = ", with ".join(
        " and ".join(f"`{turn.post.rotation}` on `{turn.post.shift}`" for turn in turns) + f" of {day:%a} {day}"
        for day, turns in groupby(short, lambda turn: turn.day)
    )
    together = " at once (on duty, or owed rest after it)" if len(short) > 1 else ""
    exist = f"{len(able)} exist{'' if len(able) != 1 else 's'}" + (f": {_names(able)}" if able else "")
    gone = f"; on leave: {_names(away)}" if away else ""
    mistakes.add(
        FILE,
        0,
        "residents",
        f"rules {Rule.COVERAGE} and {Rule.ELIGIBILITY}: {posts} {'needs' if len(short) == 1 else 'need'} {needed} "
        f"residents of PGY {', '.join(map(str, levels))}{together}, {exist}{gone}",
        "need fewer, open the rotation to more levels, or move leave",
    )


def _hours(problem: Problem, mistakes: Mistakes) -> None:
    levels = sorted({each.pgy for each in problem.residents})
    for size in range(1, len(levels) + 1):
        for chosen in combinations(levels, size):
            if _too_many_hours(problem, set(chosen), mistakes):
                return


def _too_many_hours(problem: Problem, levels: set[int], mistakes: Mistakes) -> bool:
    present = set(levels)
    only = [
        (problem.shift[post.shift].minutes * needed, post.rotation)
        for day in problem.days
        for post, needed in problem.needed[day].items()
        if set(problem.rotation[post.rotation].levels) & {each.pgy for each in problem.residents} <= present
    ]
    people = [each.id for each in problem.residents if each.pgy in levels]
    needed = sum(minutes for minutes, _ in only)
    allowed = sum(most_minutes(len(_days_present(problem, resident))) for resident in people)
    if needed <= allowed:
        return False
    rotations = ", ".join(sorted({f"`{rotation}`" for _, rotation in only}))
    mistakes.add(
        FILE,
        0,
        "residents",
        f"rule {Rule.WEEKLY_HOURS}: rotations {rotations} need {needed / 60:,.0f} hours from {problem.start} to "
        f"{problem.end}, and the {len(people)} {'resident' if len(people) == 1 else 'residents'} of PGY "
        f"{', '.join(map(str, sorted(levels)))} may work {allowed / 60:,.0f} at most: {_names(people)}",
        "need fewer, open the rotations to more levels, or move leave",
    )
    return True


def _days_present(problem: Problem, resident: str) -> list[date]:
    return [day for day in problem.days if day not in problem.days_of_leave[resident]]


def _names(residents: Iterable[str]) -> str:
    listed = list(residents)
    more = f" and {len(listed) - MOST_NAMES} more" if len(listed) > MOST_NAMES else ""
    return ", ".join(listed[:MOST_NAMES]) + more
