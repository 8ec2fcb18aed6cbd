"""The two grids of the page: residents by days, and posts by days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from residency.compliance import check_resident
from residency.conflicts import is_unmet
from residency.duty_rules import Rule
from residency.problem import Duty, Post, Problem, Request

KINDS = 6
"""Shifts look different from each other up to this many; the letter tells them apart beyond."""
TOTALS = {
    "h/wk": "hours a week",
    "N": "nights",
    "WE": "weekend duties",
    "free": "free days",
    "other": "outside own rotation",
}


def short_names(ids: Iterable[str]) -> dict[str, str]:
    """The shortest beginning of each, two letters at least, that no other has."""
    known = list(ids)
    return {
        each: next(
            (
                each[:size]
                for size in range(2, len(each))
                if not any(other != each and other.startswith(each[:size]) for other in known)
            ),
            each,
        )
        for each in known
    }


def letters(ids: Iterable[str]) -> dict[str, str]:
    """A capital letter for each, or more where that is taken."""
    found: dict[str, str] = {}
    for each in ids:
        sizes = (each[:size].upper() for size in range(1, len(each) + 1))
        found[each] = next((text for text in sizes if text not in found.values()), each)
    return found


def legend(problem: Problem) -> str:
    """What letters and colours mean."""
    marks = letters(problem.shift)
    shifts = [
        f'<li><span class="k{number % KINDS}">{escape(marks[each.id])}</span>{escape(each.name)}, from '
        f"{each.start // 60:02}:{each.start % 60:02}, {each.minutes / 60:g} h</li>"
        for number, each in enumerate(problem.shifts)
    ]
    rotations = short_names(problem.rotation)
    names = ", ".join(f"{escape(rotations[each.id])} {escape(each.name)}" for each in problem.rotations)
    return "".join(
        [
            *shifts,
            '<li><span class="away">A</span>away on leave</li>',
            '<li><span class="asked">✓</span>request met</li>',
            '<li><span class="unmet">!</span>request not met</li>',
            '<li><span class="unmet">✗</span>breaks a rule</li>',
            f"<li>Small: {names}</li>",
        ]
    )


def day_heads(problem: Problem) -> str:
    """A column for each day."""
    return "".join(
        f'<th scope="col"{_weekend(day)}><abbr title="{day:%A} {day}">{f"{day:%a}"[:2]}<br>{day.day}</abbr></th>'
        for day in problem.days
    )


def total_heads() -> str:
    """A column for each total."""
    return "".join(
        f'<th scope="col" class="total"><abbr title="{meaning}">{name}</abbr></th>' for name, meaning in TOTALS.items()
    )


def roster_rows(problem: Problem, roster: Sequence[Duty], wrong: Set[tuple[str, str]]) -> str:
    """A row for each resident; `wrong` has resident and date of duties that break a rule."""
    own: dict[str, list[Duty]] = defaultdict(list)
    for duty in roster:
        own[duty.resident].append(duty)
    looks = _Looks(problem, letters(problem.shift), short_names(problem.rotation), wrong)
    requests = {(each.resident, each.day): each for each in problem.requests}
    rows = []
    for each in problem.residents:
        cells = [looks.cell(each.id, day, requests.get((each.id, day)), own[each.id]) for day in problem.days]
        label = f"PGY {each.pgy}" + (f", {escape(each.rotation)}" if each.rotation else "")
        who = f'<th class="who" scope="row">{escape(each.name)}<small>{label}</small></th>'
        totals = "".join(f'<td class="total">{total}</td>' for total in _totals(problem, each.id, own[each.id]))
        rows.append(f"<tr>{who}{''.join(cells)}{totals}</tr>")
    return "\n".join(rows)


def heat_rows(problem: Problem, absences: Iterable[dict[str, Any]]) -> str:
    """A row for each post: of its duties on a day, the fewest replacements that one of them has."""
    fewest: dict[tuple[Post, date], int] = {}
    for each in absences:
        place = (Post(each["rotation"], each["shift"]), date.fromisoformat(each["date"]))
        fewest[place] = min(fewest.get(place, each["replacements"]), each["replacements"])
    rows = []
    for post in problem.posts:
        cells = []
        for day in problem.days:
            count = fewest.get((post, day))
            shown = "" if count is None else f'<b class="h{min(count, 3)}">{count}</b>'
            cells.append(f"<td{_weekend(day)}>{shown}</td>")
        name = f"{escape(problem.rotation[post.rotation].name)}<small>{escape(problem.shift[post.shift].name)}</small>"
        rows.append(f'<tr><th class="who" scope="row">{name}</th>{"".join(cells)}</tr>')
    return "\n".join(rows)


@dataclass(frozen=True)
class _Looks:
    """How a cell of the roster looks."""

    problem: Problem
    letters: Mapping[str, str]
    rotations: Mapping[str, str]
    wrong: Set[tuple[str, str]]

    def cell(self, resident: str, day: date, request: Request | None, own: Sequence[Duty]) -> str:
        """A resident's day."""
        unmet = request is not None and is_unmet(self.problem, request, own)
        asked = f"; asked for {request.want}, {'not met' if unmet else 'met'}" if request else ""
        mark = "!" if unmet else "✓" if request else ""
        parts = [self._duty(duty, mark, asked) for duty in own if duty.date == day]
        if not parts and day in self.problem.days_of_leave[resident]:
            parts.append(f'<b class="away" title="{day}: on leave">A</b>')
        elif not parts and request:
            parts.append(f'<b class="{"unmet" if unmet else "asked"}" title="{day}: free{escape(asked)}">{mark}</b>')
        return f"<td{_weekend(day)}>{''.join(parts)}</td>"

    def _duty(self, duty: Duty, mark: str, asked: str) -> str:
        problem = self.problem
        begin, end = problem.span(duty.shift, duty.date)
        times = f"{begin:%H:%M} to {end:%H:%M}"
        meaning = f"{problem.shift[duty.shift].name}, {problem.rotation[duty.rotation].name}, {times}{asked}"
        edge = " unmet" if mark == "!" else ""
        if (duty.resident, duty.date.isoformat()) in self.wrong:
            mark, edge, meaning = "✗", " unmet", f"{meaning}; breaks a rule"
        kind = f"k{list(problem.shift).index(duty.shift) % KINDS}"
        return (
            f'<b class="{kind}{edge}" title="{duty.date}: {escape(meaning)}">'
            f"{escape(self.letters[duty.shift])}{mark}<small>{escape(self.rotations[duty.rotation])}</small></b>"
        )


def _totals(problem: Problem, resident: str, own: Sequence[Duty]) -> list[str]:
    measured = {finding.rule: finding.measured for finding in check_resident(problem, resident, own)}
    home = problem.resident[resident].rotation
    touched = {day for duty in own for day in problem.touched(duty.shift, duty.date)}
    free = sum(1 for day in problem.days if day not in touched and day not in problem.days_of_leave[resident])
    return [
        f"{measured.get(Rule.WEEKLY_HOURS, 0):.1f}",
        str(sum(1 for duty in own if problem.shift[duty.shift].is_night)),
        str(sum(1 for duty in own if duty.date.weekday() >= 5)),
        str(free),
        str(sum(1 for duty in own if duty.rotation != home)) if home else "–",
    ]


def _weekend(day: date) -> str:
    return ' class="weekend"' if day.weekday() >= 5 else ""
