"""Writes the CSV files that a roster is made from: a hospital's residents, rotations and wishes, drawn by a seed.

    python make_data.py --seed 7 --residents 24 --weeks 4 --start 2026-01-05 --out data

The same arguments give the same files. The coverage is for 24 residents and is scaled to other numbers.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

START = date(2026, 1, 5)
FIRST_NAMES = """
    Ada Ben Carmen Dario Elif Farid Grace Hana Ivan Jonas Kemi Lena Marco Nadia Omar Priya Quinn Rosa Samir Tara
    Umut Vera Wanja Xin Yara Zeno Aiko Bruno Chiara Dev Esra Felix Gita Hugo Ines Jamal Klara Levi Mina Noah
""".split()  # noqa: SIM905 - a list of them would be a page long
LAST_NAMES = """
    Abebe Bauer Castro Diallo Eriksen Fischer Garcia Haddad Ito Jensen Kaya Lindqvist Moreau Novak Okafor Patel
    Quist Rossi Silva Tanaka Ueda Varga Weber Xu Yilmaz Zeller Almeida Brandt Costa Dimitrov Endo Ferrari Gupta
    Horvat Ivanova Jovanovic Kim Larsen Mbeki Nguyen
""".split()  # noqa: SIM905
SHIFTS = [
    ("day", "Day", "07:00", "10", "0"),
    ("late", "Late", "12:00", "10", "0"),
    ("night", "Night", "20:00", "11", "1"),
    ("call", "24 h call", "07:00", "24", "2"),
]
ROTATIONS = [
    ("ward", "Ward", "1-3"),
    ("lead", "Ward lead", "2-3"),
    ("icu", "Intensive care", "2-3"),
    ("ed", "Emergency", "1-3"),
    ("clinic", "Clinic", "1-3"),
]
COVERAGE = [
    ("ward", "day", "mon-fri", 4),
    ("ward", "day", "sat sun", 2),
    ("ward", "night", "daily", 2),
    ("lead", "day", "mon-fri", 1),
    ("icu", "day", "mon-fri", 2),
    ("icu", "day", "sat sun", 1),
    ("icu", "call", "daily", 1),
    ("ed", "day", "daily", 2),
    ("ed", "late", "daily", 1),
    ("ed", "night", "daily", 2),
    ("clinic", "day", "mon-fri", 2),
]
USUAL_RESIDENTS = 24
HOMES = {1: ("ward", "ward", "ed", "clinic"), 2: ("ward", "icu", "ed", "clinic"), 3: ("lead", "icu", "icu", "ed")}
Person = tuple[str, str, int, str, str]
"""Id, name, PGY level, home rotation, preferred shift."""
LEAVE = (("vacation", 7), ("vacation", 5), ("conference", 3), ("parental", 10))


def make(seed: int = 7, residents: int = USUAL_RESIDENTS, weeks: int = 4, start: date = START) -> dict[str, str]:
    """The text of each file, by its name."""
    draw = random.Random(seed)
    people = _people(draw, residents)
    days = [start + timedelta(days=offset) for offset in range(7 * weeks)]
    leave = _leave(draw, people, days)
    scaled = [(*row[:3], max(round(row[3] * residents / USUAL_RESIDENTS), 1)) for row in COVERAGE]
    return {
        "residents.csv": _table("id name pgy rotation prefers", people),
        "shifts.csv": _table("id name start hours handover_hours", SHIFTS),
        "rotations.csv": _table("id name levels", ROTATIONS),
        "coverage.csv": _table("rotation shift days residents", scaled),
        "leave.csv": _table("resident first_day last_day kind", leave),
        "requests.csv": _table("resident date want weight", _requests(draw, people, leave, days)),
    }


def _people(draw: random.Random, count: int) -> list[Person]:
    firsts, lasts = draw.sample(FIRST_NAMES, len(FIRST_NAMES)), draw.sample(LAST_NAMES, len(LAST_NAMES))
    people = []
    for number in range(count):
        pgy = number * 3 // count + 1
        name = f"{firsts[number % len(firsts)]} {lasts[number % len(lasts)]}"
        home = HOMES[pgy][number % 4]
        prefers = draw.choice(("", "", "", "day", "night"))
        people.append((f"R{number + 1:02}", name, pgy, home, prefers))
    return people


def _leave(draw: random.Random, people: list[Person], days: list[date]) -> list[tuple[str, ...]]:
    """One resident in three is away once, never more than two of a level at a time."""
    away: dict[tuple[int, date], int] = {}
    rows = []
    for resident, _, pgy, *_ in draw.sample(people, max(len(people) // 3, 1)):
        kind, length = draw.choice(LEAVE)
        starts = [
            first
            for first in days[: len(days) - length + 1]
            if all(away.get((pgy, first + timedelta(days=offset)), 0) < 2 for offset in range(length))
        ]
        if not starts:
            continue
        first = draw.choice(starts)
        for offset in range(length):
            away[pgy, first + timedelta(days=offset)] = away.get((pgy, first + timedelta(days=offset)), 0) + 1
        rows.append((resident, first.isoformat(), (first + timedelta(days=length - 1)).isoformat(), kind))
    return sorted(rows)


def _requests(
    draw: random.Random,
    people: list[Person],
    leave: list[tuple[str, ...]],
    days: list[date],
) -> list[tuple[str, str, str, int]]:
    """Up to four for each resident: mostly days off, mostly on weekends; none on leave.

    Half of them want the same Saturday off, more than can have it."""
    rows = []
    wedding = draw.choice([day for day in days if day.weekday() == 5])
    for resident, *_ in people:
        gone = [(first, last) for who, first, last, _ in leave if who == resident]
        there = [day for day in days if not any(first <= day.isoformat() <= last for first, last in gone)]
        likely = [4 if day.weekday() >= 5 else 1 for day in there]
        chosen = set(draw.choices(there, likely, k=3))
        invited = wedding in there and draw.random() < 0.5
        for day in sorted(chosen | {wedding} if invited else chosen):
            want = "off" if day == wedding else draw.choices(("off", "day", "night"), (8, 1, 1))[0]
            if want == "night" and day + timedelta(days=1) not in there:
                # It would run into leave.
                want = "day"
            rows.append((resident, day.isoformat(), want, draw.choice((1, 1, 2, 3))))
    return rows


def _table(columns: str, rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns.split())
    writer.writerows(rows)
    return text.getvalue()


def write(files: Mapping[str, str], folder: Path) -> None:
    """Put the files into the folder, replacing what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the CSV files that a roster is made from.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--residents", type=int, default=USUAL_RESIDENTS)
    parser.add_argument("--weeks", type=int, default=4)
    parser.add_argument("--start", type=date.fromisoformat, default=START)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("data"))
    chosen = parser.parse_args()
    write(make(chosen.seed, chosen.residents, chosen.weeks, chosen.start), chosen.out)


if __name__ == "__main__":
    main()
