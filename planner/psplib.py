"""Reads project scheduling files: PSPLIB's `.sm` and `.mm`, and MMLIB's `.mm`.

Kolisch and Sprecher, PSPLIB - a project scheduling problem library, EJOR 96 (1996); Van Peteghem and Vanhoucke, An
experimental investigation of metaheuristics for the multi-mode RCPSP on new dataset instances, EJOR 235 (2014).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from definitions.errors import DocumentUnreadable
from planner.makespan.instance import Instance

_COUNT = re.compile(r"-\s*(renewable|nonrenewable|doubly constrained)\s*:\s*(\d+)", re.IGNORECASE)


def read_instance(path: Path) -> Instance:
    """The instance in a file, without its two dummy jobs. Raises DocumentUnreadable."""
    return parse_instance(path.read_text(encoding="ascii", errors="replace"))


def parse_instance(text: str) -> Instance:
    """The instance in a file's text; job k becomes task k - 2. Raises DocumentUnreadable."""
    counts = {kind.lower(): int(number) for kind, number in _COUNT.findall(text)}
    if counts.get("doubly constrained"):
        raise DocumentUnreadable(
            "doubly constrained resources can't be read", remedy="split each into one of each kind"
        )
    renewable = counts.get("renewable", 0)
    following = {row[0]: row[3:] for row in _rows(text, "PRECEDENCE RELATIONS")}
    modes: dict[int, list[list[int]]] = {}
    width = renewable + counts.get("nonrenewable", 0)
    job = 0
    for row in _rows(text, "REQUESTS/DURATIONS"):
        if len(row) == width + 3:
            job = row[0]
            row = row[1:]
        if len(row) != width + 2 or not job:
            raise DocumentUnreadable(f"job {job} has a mode of {len(row)} numbers where {width + 2} are due")
        modes.setdefault(job, []).append(row[1:])
    available = next(_rows(text, "RESOURCE ?AVAILABILITIES"), [])
    jobs = sorted(following)
    if len(available) != width or jobs != sorted(modes) or jobs != list(range(1, len(jobs) + 1)):
        raise DocumentUnreadable("jobs, modes and resources don't fit together", remedy="check that the file is whole")
    sink = jobs[-1]
    real = jobs[1:-1]
    return Instance(
        durations=tuple(tuple(mode[0] for mode in modes[job]) for job in real),
        demands=tuple(tuple(tuple(mode[1 : renewable + 1]) for mode in modes[job]) for job in real),
        capacities=tuple(available[:renewable]),
        successors=tuple(tuple(after - 2 for after in following[job] if after != sink) for job in real),
        consumptions=tuple(tuple(tuple(mode[renewable + 1 :]) for mode in modes[job]) for job in real),
        budgets=tuple(available[renewable:]),
    )


def _rows(text: str, section: str) -> Iterator[list[int]]:
    """The lines of numbers under a heading, to the next line of stars."""
    parts = re.split(rf"^[ \t]*{section}.*$", text, maxsplit=1, flags=re.MULTILINE)
    if len(parts) < 2:
        raise DocumentUnreadable(f"there is no section {section}", remedy="check that it is a PSPLIB file")
    for line in parts[1].splitlines()[1:]:
        if line.startswith("*"):
            return
        words = line.split()
        if words and all(word.isdigit() for word in words):
            yield [int(word) for word in words]
