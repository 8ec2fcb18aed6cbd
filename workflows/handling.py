"""Failed steps whose error handlers are to begin: the outermost steps only have such."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from definitions.block import StepProgram
from workflows.frames import Frame


class Handling:
    """In the order in which they failed. An error handler that is a control step deals with one at a time."""

    __slots__ = ("_held", "failed")

    def __init__(self) -> None:
        self.failed: deque[str] = deque()
        self._held: dict[str, deque[str]] = {}
        """By error handler: steps that wait until it has ended for another."""

    def extend(self, step_ids: Iterable[str]) -> None:
        """These have failed for good."""
        self.failed.extend(step_ids)

    def take(self, root: Frame) -> tuple[StepProgram, str] | None:
        """The error handler that is to begin, and for which step."""
        steps = root.block.steps
        failed = self.failed.popleft()
        handler = steps[steps[failed].error_handler or ""]
        if handler.step.id in root.opened:
            self._held.setdefault(handler.step.id, deque()).append(failed)
            return None
        return handler, failed

    def ended(self, handler: str) -> None:
        """A control step that handles errors has ended: it begins for the next failure."""
        held = self._held.get(handler)
        if held:
            self.failed.append(held.popleft())

    def give_up(self) -> list[str]:
        """No error handler begins any more. Returns the steps that waited for one."""
        waiting = [*self.failed, *(failed for held in self._held.values() for failed in held)]
        self.failed.clear()
        self._held.clear()
        return waiting
