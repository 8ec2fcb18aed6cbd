"""What a search decides, without judging it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Part = tuple[float, float]
"""Start and end of one uninterrupted piece of work, in seconds."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Starts, ends and modes by position in `Problem.tasks`, in seconds; what is unusual only where it is."""

    starts: Sequence[float]
    ends: Sequence[float]
    modes: Sequence[int]
    amounts: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    """Task -> the amount chosen for each demand of its mode, where one is malleable."""
    parts: Mapping[int, tuple[Part, ...]] = field(default_factory=dict)
    """Task -> its parts, where there is more than one."""
    moved: Mapping[int, float] = field(default_factory=dict)
    """Reservation -> its new start, where it was moved."""
