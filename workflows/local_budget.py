"""How many local steps one workflow task may hold."""

from __future__ import annotations

from typing import Any

from definitions.calls import StepResult
from definitions.values import json_size

MAX_LOCAL_STEPS = 32
"""All that one workflow task holds runs again when its worker is lost in the middle of it. What they return, 80 KiB at
most each, goes to the server at the end of the task, in one message: gRPC refuses 4 MiB, beside what is scheduled."""
MAX_LOCAL_BYTES = 512 * 1024
"""What may have been returned before another starts in the same task."""


class LocalBudget:
    """What the present workflow task has left for local steps."""

    def __init__(self) -> None:
        self._steps = 0
        self._bytes = 0

    @property
    def used_up(self) -> bool:
        """Whether the next local step belongs into another workflow task."""
        return self._steps >= MAX_LOCAL_STEPS or self._bytes >= MAX_LOCAL_BYTES

    def started(self) -> None:
        """A local step more."""
        self._steps += 1

    def returned(self, result: StepResult) -> None:
        """What it has told."""
        told: Any = result
        self._bytes += json_size(told)

    def renew(self) -> None:
        """Another workflow task has begun."""
        self._steps = self._bytes = 0
