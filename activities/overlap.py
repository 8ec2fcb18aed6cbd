"""Whose turn it is among the runs of one schedule. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from definitions.schedules import OverlapPolicy

OVERLAP = "overlap"
TOO_MANY = "max_concurrent_executions"
BUFFER_FULL = "buffer_full"
SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a start that is due is to do now."""

    action: Literal["start", "wait", "skip"]
    reason: str = ""
    message: str = ""
    to_end: tuple[str, ...] = ()
    """Runs that have to end first, and are to be made to."""


def turn(
    policy: OverlapPolicy,
    most_open: int | None,
    open_runs: Sequence[str],
    *,
    before: int,
    after: int,
    waits: bool,
) -> Turn:
    """`open_runs`: execution ids, the oldest first; `most_open` None: any number. `before`, `after`: how many other
    starts wait that are due earlier and later; `waits`: this one has been told to wait."""
    room = most_open is None or len(open_runs) < most_open
    said = f"{len(open_runs)} run{' is' if len(open_runs) == 1 else 's are'} open: {', '.join(open_runs[:3])}"
    if policy in ("cancel_other", "terminate_other"):
        if after:
            return Turn("skip", SUPERSEDED, "a later start took its place while it waited for the run before to end")
        if room or most_open is None:
            return Turn("start")
        return Turn("wait", OVERLAP, said, tuple(open_runs[: len(open_runs) - most_open + 1]))
    if policy in ("buffer_one", "buffer_all"):
        if room and not before:
            return Turn("start")
        if policy == "buffer_one" and not waits and before + after:
            return Turn("skip", BUFFER_FULL, f"{said}; and another start waits for its turn")
        return Turn("wait", OVERLAP, said)
    if room:
        return Turn("start")
    return Turn("skip", TOO_MANY if policy == "allow_all" else OVERLAP, said)
