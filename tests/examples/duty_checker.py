"""A second opinion on duty rosters: the hard rules, counted on a grid of quarter hours.

Reads the CSV files itself and shares nothing with the example but their meaning.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

QUARTERS = 4 * 24
"""In a day."""
WEEKDAYS = {
    "daily": range(7),
    "mon-fri": range(5),
    "sat sun": (5, 6),
    **{name: (number,) for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))},
}


def broken(files: Mapping[str, str], roster: Sequence[Mapping[str, Any]], first: date, last: date) -> list[str]:
    """Every hard rule that the roster breaks, in words; empty when it is legal."""
    tables = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}
    shifts = {row["id"]: row for row in tables["shifts.csv"]}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    found = [*_coverage(tables["coverage.csv"], roster, days), *_eligibility(tables, roster)]
    for row in tables["residents.csv"]:
        own = [duty for duty in roster if duty["resident"] == row["id"]]
        leave = {
            day
            for each in tables["leave.csv"]
            if each["resident"] == row["id"]
            for day in days
            if each["first_day"] <= day.isoformat() <= each["last_day"]
        }
        found += [f"{row['id']}: {problem}" for problem in _resident(shifts, own, days, leave)]
    return found


def _coverage(
    coverage: Sequence[Mapping[str, str]], roster: Sequence[Mapping[str, Any]], days: Sequence[date]
) -> list[str]:
    there = Counter((duty["date"], duty["rotation"], duty["shift"]) for duty in roster)
    wanted: Counter[tuple[str, str, str]] = Counter()
    for day in days:
        for row in coverage:
            if day.weekday() in WEEKDAYS[row["days"]]:
                wanted[day.isoformat(), row["rotation"], row["shift"]] += int(row["residents"])
    return [
        f"{place} has {there[place]}, not {wanted[place]}" for place in wanted | there if wanted[place] != there[place]
    ]


def _eligibility(tables: Mapping[str, list[dict[str, str]]], roster: Sequence[Mapping[str, Any]]) -> list[str]:
    pgy = {row["id"]: int(row["pgy"]) for row in tables["residents.csv"]}
    bounds = {row["id"]: [int(level) for level in row["levels"].split("-")] for row in tables["rotations.csv"]}
    return [
        f"{duty['resident']} may not work in {duty['rotation']}"
        for duty in roster
        if not bounds[duty["rotation"]][0] <= pgy[duty["resident"]] <= bounds[duty["rotation"]][-1]
    ]


def _resident(
    shifts: Mapping[str, Mapping[str, str]], own: Sequence[Mapping[str, Any]], days: Sequence[date], leave: set[date]
) -> list[str]:
    grid = [0] * (QUARTERS * (len(days) + 3))
    calls = []
    for duty in own:
        shift = shifts[duty["shift"]]
        hour, minute = shift["start"].split(":")
        number = (date.fromisoformat(duty["date"]) - days[0]).days
        begin = number * QUARTERS + int(hour) * 4 + int(minute) // 15
        length = round((float(shift["hours"]) + float(shift["handover_hours"])) * 4)
        for quarter in range(begin, begin + length):
            grid[quarter] += 1
        calls += [number] * (length >= QUARTERS)
    found = []
    if max(grid) > 1:
        found.append("two shifts at once")
    found += [
        f"on duty on {day}, on leave" for number, day in enumerate(days) if day in leave and any(_day(grid, number))
    ]
    found += _stretches(grid)
    size = min(len(days), 28)
    for opening in range(len(days) - size + 1):
        numbers = range(opening, opening + size)
        counted = [number for number in numbers if days[number] not in leave]
        # What runs on after the last day of all is the last window's.
        end = len(grid) if numbers[-1] == len(days) - 1 else (numbers[-1] + 1) * QUARTERS
        hours = sum(grid[opening * QUARTERS : end]) / 4
        free = sum(1 for number in counted if not any(_day(grid, number)))
        if hours * 7 > 80 * len(counted):
            found.append(f"{hours} hours in {len(counted)} days from {days[opening]}")
        if free * 7 < len(counted):
            found.append(f"{free} free days of {len(counted)} from {days[opening]}")
        if sum(1 for call in calls if call in numbers) > max(len(counted) / 3, 1):
            found.append(f"calls more often than every third night from {days[opening]}")
    return found


def _stretches(grid: Sequence[int]) -> list[str]:
    """Time on duty, and off between two times on duty, each as long as it is."""
    runs = [(bool(on), len(list(quarters))) for on, quarters in groupby(grid, bool)]
    found = [f"{length / 4} hours on" for on, length in runs if on and length > 28 * 4]
    for (_, before), (off, length), _ in zip(runs, runs[1:], runs[2:], strict=False):
        if not off and length < (14 * 4 if before >= 24 * 4 else 8 * 4):
            found.append(f"{length / 4} hours of rest after {before / 4}")
    return found


def _day(grid: Sequence[int], number: int) -> Sequence[int]:
    return grid[number * QUARTERS : (number + 1) * QUARTERS]
