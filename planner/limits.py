"""How long a search may go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """When a search ends, whichever comes first. With `work` the same problem and seed give the same plan each time."""

    seconds: float | None = 10.0
    """Wall-clock seconds; ignored where `work` is given."""
    workers: int = 2
    """Threads that may compute at once."""
    gap: float = 0.0
    """End when (objective - bound) / objective is not above this share."""
    seed: int = 0
    work: float | None = None
    """Deterministic units, about a second each on one core (CP-SAT's deterministic time; iterations elsewhere)."""
    cancelled: Callable[[], bool] | None = None
    """Asked now and then from any thread; true ends the search with the best plan so far."""
