"""The events that webhooks tell, and which events of runs they come from."""

from __future__ import annotations

from collections.abc import Iterable

from definitions.errors import LongpoleError

EXECUTION_STARTED = "workflow.execution.started"
EXECUTION_COMPLETED = "workflow.execution.completed"
EXECUTION_FAILED = "workflow.execution.failed"
STEP_COMPLETED = "workflow.step.completed"
STEP_FAILED = "workflow.step.failed"

WEBHOOK_EVENTS = (EXECUTION_STARTED, EXECUTION_COMPLETED, EXECUTION_FAILED, STEP_COMPLETED, STEP_FAILED)
"""All that there are, as they are documented."""

CANCELLED = "run.cancelled"
TOLD_AS = {
    "run.completed": EXECUTION_COMPLETED,
    "run.failed": EXECUTION_FAILED,
    "run.timed_out": EXECUTION_FAILED,
    # However an execution ends, one event tells its end: `status` says how.
    CANCELLED: EXECUTION_FAILED,
    "step.completed": STEP_COMPLETED,
    "step.failed": STEP_FAILED,
}
"""Type of a run's event -> the webhook event that tells of it. That a run has started is told by its first attempt."""


def checked_events(names: Iterable[str]) -> list[str]:
    """The names without repetitions, in the documented order; none given: all of them.

    Raises `LongpoleError` (`unknown_event`)."""
    wanted = set(names)
    if unknown := sorted(wanted - set(WEBHOOK_EVENTS)):
        raise LongpoleError(
            f"{unknown[0][:80]!r} is no webhook event",
            code="unknown_event",
            remedy=f"there are {', '.join(WEBHOOK_EVENTS)}",
        )
    return [name for name in WEBHOOK_EVENTS if name in wanted or not wanted]
