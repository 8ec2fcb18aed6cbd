"""Rates of one process: the generic cell rate algorithm (GCRA), one number for each user.

Not the library `limits`: its memory store starts a thread (or task) for nearly each request and walks all keys in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from definitions.errors import TooManyRequests

_SECONDS = 60.0
_SWEEP_AT = 10_000
"""Users that are remembered before those who have nothing to wait for are forgotten."""


class Rates:
    """How often each user may do each kind of thing in a minute: that often at once, then evenly."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[tuple[str, str], float] = {}
        self._sweep_at = _SWEEP_AT

    def count(self, subject: str, kind: str, per_minute: int) -> None:
        """One more. Raises `TooManyRequests`; 0 a minute is no limit."""
        if per_minute == 0:
            return
        now = self._clock()
        due = max(self._due.get((subject, kind), now), now) + _SECONDS / per_minute
        if due - now > _SECONDS + 1e-6:
            raise TooManyRequests(
                f"more than {per_minute} {kind}s a minute", retry_after=due - now - _SECONDS, remedy="try again later"
            )
        self._due[subject, kind] = due
        if len(self._due) >= self._sweep_at:
            self._due = {key: at for key, at in self._due.items() if at > now}
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._due))
