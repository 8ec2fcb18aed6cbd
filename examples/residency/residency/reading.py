"""From the CSV files of a folder to a `Problem`, with every mistake on the way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from residency import duty_rules
from residency.problem import OFF, Leave, Need, Post, Problem, Request, Resident, Rotation, Shift
from residency.tables import Mistakes, Row, read

HIGHEST_LEVEL = 9
HIGHEST_WEIGHT = 5
MOST_AT_A_POST = 200


def read_problem(folder: Path, start: date, end: date, mistakes: Mistakes) -> Problem:
    """What the files say. It is whole only if no mistakes were added."""
    shifts = _shifts(read(folder, "shifts.csv", ("id", "name", "start", "hours"), mistakes, extra=("handover_hours",)))
    rotations = _rotations(read(folder, "rotations.csv", ("id", "name", "levels"), mistakes))
    rows = read(folder, "residents.csv", ("id", "name", "pgy"), mistakes, extra=("rotation", "prefers"))
    residents = _residents(rows, rotations, shifts)
    people = {each.id: each for each in residents}
    needs = _needs(
        read(folder, "coverage.csv", ("rotation", "shift", "days", "residents"), mistakes), rotations, shifts
    )
    rows = read(folder, "leave.csv", ("resident", "first_day", "last_day"), mistakes, extra=("kind",), needed=False)
    leave = _leave(rows, list(people))
    problem = Problem(
        start=start,
        end=end,
        residents=tuple(residents),
        shifts=tuple(shifts),
        rotations=tuple(rotations),
        needs=tuple(needs),
        leave=tuple(leave),
    )
    rows = read(folder, "requests.csv", ("resident", "date", "want"), mistakes, extra=("weight",), needed=False)
    return problem.changed(requests=tuple(_requests(rows, problem)))


def _ids(rows: Iterable[Row]) -> Iterable[tuple[Row, str]]:
    """Rows with an id that no row before has."""
    seen: dict[str, int] = {}
    for row in rows:
        value = row.text("id")
        if value is None:
            continue
        if value in seen:
            row.wrong("id", f"`{value}` is already in row {seen[value]}", "give each an id of its own")
            continue
        seen[value] = row.number
        yield row, value


def _shifts(rows: Iterable[Row]) -> list[Shift]:
    found = []
    for row, shift in _ids(rows):
        name, start = row.text("name"), row.clock("start")
        clinical = row.number_of("hours", 0.25, duty_rules.LONGEST / 60)
        handover = (
            row.number_of("handover_hours", 0, duty_rules.LONGEST_HANDOVER / 60) if row.cells["handover_hours"] else 0
        )
        if shift == OFF:
            row.wrong("id", f"`{OFF}` means a day off in requests.csv", "call the shift something else")
        if name is None or start is None or clinical is None or handover is None:
            continue
        found.append(
            Shift(id=shift, name=name, start=start, clinical=round(clinical * 60), handover=round(handover * 60))
        )
    return found


def _rotations(rows: Iterable[Row]) -> list[Rotation]:
    found = []
    for row, rotation in _ids(rows):
        name, levels = row.text("name"), row.span("levels")
        if name is not None and levels is not None:
            found.append(Rotation(id=rotation, name=name, levels=levels))
    return found


def _residents(rows: Iterable[Row], rotations: list[Rotation], shifts: list[Shift]) -> list[Resident]:
    levels = {each.id: each.levels for each in rotations}
    found = []
    for row, resident in _ids(rows):
        name, pgy = row.text("name"), row.whole("pgy", 1, HIGHEST_LEVEL)
        rotation = row.one_of("rotation", list(levels), "rotations.csv", optional=True)
        prefers = row.one_of("prefers", [each.id for each in shifts], "shifts.csv", optional=True)
        if pgy is not None and rotation is not None and pgy not in levels[rotation]:
            problem = f"`{rotation}` is open to PGY {_listed(levels[rotation])}, and {resident} is PGY {pgy}"
            row.wrong("rotation", problem, "choose another rotation, or open it in rotations.csv")
        if name is not None and pgy is not None:
            found.append(Resident(id=resident, name=name, pgy=pgy, rotation=rotation, prefers=prefers))
    return found


def _needs(rows: Iterable[Row], rotations: list[Rotation], shifts: list[Shift]) -> list[Need]:
    found = []
    covered: dict[tuple[str, str, int | date], int] = {}
    for row in rows:
        rotation = row.one_of("rotation", [each.id for each in rotations], "rotations.csv")
        shift = row.one_of("shift", [each.id for each in shifts], "shifts.csv")
        residents = row.whole("residents", 0, MOST_AT_A_POST)
        if row.text("days") is None:
            continue
        day = row.day("days") if row.cells["days"][:1].isdigit() else None
        weekdays = () if row.cells["days"][:1].isdigit() else row.weekdays("days")
        if rotation is None or shift is None or residents is None or (day is None and not weekdays):
            continue
        for each in (day,) if day else weekdays or ():
            before = covered.setdefault((rotation, shift, each), row.number)
            if before != row.number:
                problem = f"row {before} already says how many `{rotation}` needs on `{shift}` then"
                row.wrong("days", problem, "let each day of the week, and each date, be in one row only")
                break
        else:
            found.append(Need(rotation=rotation, shift=shift, weekdays=weekdays or (), day=day, residents=residents))
    return found


def _leave(rows: Iterable[Row], residents: list[str]) -> list[Leave]:
    found: list[Leave] = []
    numbers: list[int] = []
    for row in rows:
        resident = row.one_of("resident", residents, "residents.csv")
        first, last = row.day("first_day"), row.day("last_day")
        if first is not None and last is not None and last < first:
            row.wrong("last_day", f"{last} is before {first}, its first day", "exchange the two")
            continue
        if resident is None or first is None or last is None:
            continue
        if last - first > timedelta(days=3660):
            row.wrong("last_day", f"the leave is longer than ten years, from {first} to {last}", "mend the dates")
            continue
        leave = Leave(resident=resident, first=first, last=last, kind=row.cells["kind"] or "leave")
        for number, other in zip(numbers, found, strict=True):
            if other.resident == resident and other.first <= last and first <= other.last:
                problem = (
                    f"{resident}'s leave from {first} to {last} overlaps row {number}, {other.first} to {other.last}"
                )
                row.wrong("first_day", problem, "join the two, or move one")
                break
        found.append(leave)
        numbers.append(row.number)
    return found


def _requests(rows: Iterable[Row], problem: Problem) -> list[Request]:
    found = []
    seen: dict[tuple[str, date], int] = {}
    for row in rows:
        resident = row.one_of("resident", list(problem.resident), "residents.csv")
        day = row.day("date")
        want = row.one_of("want", [OFF, *problem.shift], f"shifts.csv, or `{OFF}`")
        weight = row.whole("weight", 1, HIGHEST_WEIGHT) if row.cells["weight"] else 1
        if resident is None or day is None or want is None or weight is None:
            continue
        before = seen.setdefault((resident, day), row.number)
        if before != row.number:
            row.wrong("date", f"row {before} already has a request of {resident} for {day}", "keep one of them")
            continue
        if want != OFF and not _can_be_had(problem, resident, want, day):
            reason = f"{resident} can't have `{want}` on {day}: on leave then, or no rotation open to them needs it"
            row.wrong("want", reason, "ask for another shift or day")
            continue
        found.append(Request(resident=resident, day=day, want=want, weight=weight))
    return found


def _can_be_had(problem: Problem, resident: str, shift: str, day: date) -> bool:
    if not problem.start <= day <= problem.end:
        return True
    posts: Iterable[Post] = problem.needed[day]
    return any(post.shift == shift and problem.may_work(resident, post, day) for post in posts)


def _listed(levels: Iterable[int]) -> str:
    return ", ".join(map(str, levels))
