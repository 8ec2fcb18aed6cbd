"""The terms of deliveries, by themselves: settings name them, and must not load what databases are spoken to with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Terms:
    """When to try again, and when to stop. `pauses`: seconds before the second attempt, the third, ..."""

    pauses: tuple[float, ...]
    disable_after: timedelta
