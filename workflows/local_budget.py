"""How many local steps one workflow task may hold; those that it has no room for are run by the server, as others."""

from __future__ import annotations

from typing import Any

from definitions.calls import StepResult
from definitions.values import json_size

MAX_LOCAL_STEPS = 32
"""All that one workflow task holds runs again when its worker is lost in the middle of it. What they return, 80 KiB at
most each, goes to the server at the end of the task, in one message: gRPC refuses 4 MiB, beside what is scheduled."""
MAX_LOCAL_BYTES = 512 * 1024
"""What may have been returned before another starts in the same task."""


SPILLS_SINCE = 3
"""The interpreter version from which this is so. Before, the next task began by a timer: many servers take up to a
second to fire one."""


class LocalBudget:
    """What the present workflow task has left for local steps."""

    def __init__(self, interpreter: int = SPILLS_SINCE) -> None:
        self._spills = interpreter >= SPILLS_SINCE
        self._in_task: set[str] = set()
        self._steps = 0
        self._bytes = 0

    @property
    def used_up(self) -> bool:
        """Whether the next local step belongs into another workflow task."""
        return self._steps >= MAX_LOCAL_STEPS or self._bytes >= MAX_LOCAL_BYTES

    @property
    def ends_task(self) -> bool:
        """Whether nothing more may be started in this workflow task."""
        return not self._spills and self.used_up

    def takes(self, activity_id: str) -> bool:
        """Whether a local step is run within this workflow task."""
        if self.used_up:
            return False
        self._steps += 1
        self._in_task.add(activity_id)
        return True

    def returned(self, activity_id: str, result: StepResult) -> None:
        """What a step has told."""
        if activity_id in self._in_task:
            told: Any = result
            self._bytes += json_size(told)

    def ended(self, activity_id: str) -> None:
        """A step has ended, whichever it was: what the server tells of begins another workflow task."""
        if activity_id in self._in_task:
            self._in_task.remove(activity_id)
        elif self._spills:
            self.renew()

    def renew(self) -> None:
        """Another workflow task has begun."""
        self._steps = self._bytes = 0
