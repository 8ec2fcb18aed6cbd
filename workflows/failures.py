"""What failed in Temporal's words, told in ours."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

with workflow.unsafe.imports_passed_through():
    from definitions.calls import StepFailure
    from definitions.incoming import step_failure


def failure_of(error: BaseException) -> StepFailure:
    """What a failed activity tells: its own typed failure, or what the server says when it could tell nothing."""
    cause = error.__cause__ if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError):
        detail = cause.details[0] if cause.details else None
        return step_failure(detail, message=cause.message, error_class=cause.type or "error")
    if isinstance(cause, ActivityTimeoutError):
        if cause.type is TimeoutType.HEARTBEAT:
            return StepFailure(message="its worker was lost, as often as is allowed", error_class="worker_lost")
        return StepFailure(message=f"it did not end in time ({cause.message})", error_class="timeout")
    return StepFailure(message=str(cause), error_class="error")
