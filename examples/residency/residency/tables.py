"""CSV files read cell by cell. Nothing raises: whatever is wrong is a `Mistake`, and reading goes on."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path

MOST_ROWS = 20_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Mistake:
    """Something wrong with the input. `row` as a spreadsheet counts it: the header is row 1; 0 is the whole file."""

    file: str
    row: int
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, f"row {self.row}" * bool(self.row), self.field) if part)
        return f"{place}: {self.problem} ({self.remedy})"


@dataclass
class Mistakes:
    """All that were found, in the order in which they were."""

    found: list[Mistake] = field(default_factory=list)

    def add(self, file: str, row: int, column: str, problem: str, remedy: str) -> None:
        """One more."""
        self.found.append(Mistake(file, row, column, problem, remedy))


@dataclass(frozen=True)
class Row:
    """One line of a file. What can't be read gives None, and a mistake."""

    file: str
    number: int
    cells: dict[str, str]
    mistakes: Mistakes

    def wrong(self, column: str, problem: str, remedy: str) -> None:
        """A mistake in a cell of this row."""
        self.mistakes.add(self.file, self.number, column, problem, remedy)

    def text(self, column: str) -> str | None:
        """What is there, which must be something."""
        value = self.cells[column]
        if not value:
            self.wrong(column, "it is empty", "fill it in")
        return value or None

    def whole(self, column: str, low: int, high: int) -> int | None:
        """A whole number between two others."""
        value = self.number_of(column, low, high)
        if value is not None and value != int(value):
            self.wrong(column, f"`{self.cells[column]}` is no whole number", f"write one from {low} to {high}")
            return None
        return None if value is None else int(value)

    def number_of(self, column: str, low: float, high: float) -> float | None:
        """A number between two others."""
        if self.text(column) is None:
            return None
        try:
            value = float(self.cells[column])
        except ValueError:
            self.wrong(column, f"`{self.cells[column]}` is no number", f"write one from {low:g} to {high:g}")
            return None
        if not low <= value <= high:
            self.wrong(column, f"{self.cells[column]} is not from {low:g} to {high:g}", "write a number that is")
            return None
        return value

    def day(self, column: str) -> date | None:
        """A date, e.g. 2026-01-31."""
        if self.text(column) is None:
            return None
        try:
            return date.fromisoformat(self.cells[column])
        except ValueError:
            self.wrong(column, f"`{self.cells[column]}` is no date", "write one like 2026-01-31")
            return None

    def clock(self, column: str) -> int | None:
        """A time of day, in minutes after midnight."""
        if self.text(column) is None:
            return None
        match = _CLOCK.fullmatch(self.cells[column])
        if match is None:
            self.wrong(column, f"`{self.cells[column]}` is no time of day", "write one like 07:00")
            return None
        return int(match[1]) * 60 + int(match[2])

    def one_of(self, column: str, known: Sequence[str], where: str, *, optional: bool = False) -> str | None:
        """An id that must be known."""
        if optional and not self.cells[column]:
            return None
        value = self.text(column)
        if value is None or value in known:
            return value
        close = get_close_matches(value, known, n=1)
        hint = f": did you mean `{close[0]}`?" if close else ""
        self.wrong(column, f"there is no `{value}`", f"write one that is in {where}{hint}")
        return None

    def span(self, column: str) -> tuple[int, ...] | None:
        """Whole numbers, one by one or from-to: `1-3`, `1 3`."""
        if self.text(column) is None:
            return None
        numbers: set[int] = set()
        for part in self.cells[column].split():
            low, dash, high = part.partition("-")
            if not low.isdigit() or (dash and not high.isdigit()) or (dash and int(high) < int(low)) or len(part) > 5:
                self.wrong(column, f"`{part}` is no level", "write levels like `1-3` or `2 3`")
                return None
            numbers.update(range(int(low), int(high or low) + 1))
        return tuple(sorted(numbers))

    def weekdays(self, column: str) -> tuple[int, ...] | None:
        """Days of the week, 0 for Monday: `daily`, `mon-fri`, `sat sun`."""
        text = self.cells[column].lower()
        if text == "daily":
            return tuple(range(7))
        days: set[int] = set()
        for part in text.split():
            low, dash, high = part.partition("-")
            if low not in WEEKDAYS or (dash and high not in WEEKDAYS):
                break
            first, last = WEEKDAYS.index(low), WEEKDAYS.index(high or low)
            days.update(day % 7 for day in range(first, last + 1 + 7 * (last < first)))
        else:
            if days:
                return tuple(sorted(days))
        remedy = "write `daily`, `mon-fri`, `sat sun` or a date like 2026-01-31"
        self.wrong(column, f"`{self.cells[column]}` is no days", remedy)
        return None


def read(
    folder: Path,
    file: str,
    columns: Sequence[str],
    mistakes: Mistakes,
    *,
    extra: Sequence[str] = (),
    needed: bool = True,
) -> list[Row]:
    """The rows of a file; `extra` columns may be missing and are then empty, as may the file if it is not `needed`."""
    path = folder / file
    if not path.is_file():
        if needed:
            mistakes.add(file, 0, "", f"there is no such file in {folder}", f"make it, with {', '.join(columns)}")
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream, strict=True))
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        mistakes.add(file, 0, "", f"it can't be read: {error}", "save it as CSV in UTF-8, with commas")
        return []
    header = [cell.strip() for cell in lines[0]] if lines else []
    known = [*columns, *extra]
    remedy = f"the header is {','.join(known)}"
    for column in columns:
        if column not in header:
            mistakes.add(file, 1, column, "this column is missing", remedy)
    for column in header:
        if column not in known or header.count(column) > 1:
            mistakes.add(file, 1, column, "this column is not known, or there twice", remedy)
    if len(lines) > MOST_ROWS:
        mistakes.add(file, 0, "", f"it has {len(lines):,} rows", f"leave at most {MOST_ROWS:,}")
        return []
    if not set(columns) <= set(header):
        return []
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(header):
            mistakes.add(file, number, "", f"it has {len(line)} cells", f"give it {len(header)}, as the header has")
            continue
        cells = {column: cell.strip() for column, cell in zip(header, line, strict=True)}
        rows.append(Row(file, number, {column: cells.get(column, "") for column in known}, mistakes))
    if needed and not rows:
        mistakes.add(file, 0, "", "it has no rows", "add at least one")
    return rows
