"""Deliveries give way to runs: both need the same processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_SECONDS_EACH = 0.15
"""Between messages while steps come and go: one costs about 5 ms of a processor, so they use about 3 % of it."""
_FIRST_SECONDS = 1.0
"""How long the first messages wait: most runs whose steps are that quick are over by then."""
_LONGEST_WAIT = timedelta(minutes=5)
"""Messages that have waited so long give way no more: on a worker that is always busy they would wait for ever."""


class GivingWay:
    """How many messages a process may send now, to all receivers together. `busy`: whether steps come and go in it."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._next_at = 0.0

    def pause(self) -> float:
        """Seconds until more may be claimed."""
        if not self._busy():
            self._next_at = 0.0
            return 0.0
        now = time.monotonic()
        if not self._next_at:
            self._next_at = now + _FIRST_SECONDS
        return max(0.0, self._next_at - now)

    def sent(self, count: int, oldest: datetime) -> None:
        """So many are being sent, of which the oldest was made then."""
        if self._next_at and datetime.now(UTC) - oldest < _LONGEST_WAIT:
            self._next_at = max(self._next_at, time.monotonic()) + count * _SECONDS_EACH
