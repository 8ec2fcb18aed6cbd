"""What a step's activity is called with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.block_state import StepState
from definitions.calls import StepCall, StepFailure, brief
from definitions.model import Step
from definitions.values import pack


def step_call(
    step: Step, path: str, step_input: Any, *, execution_id: str, context: Mapping[str, Any], start: int
) -> StepCall:
    """The argument of a step's activity; `step_input` may hold deferred values (`definitions.values`)."""
    packed, slots = pack(step_input)
    retry = step.retry
    return StepCall(
        execution_id=execution_id,
        step_id=path,
        handler=step.handler or "",
        input=packed,
        slots=slots,
        title=step.title,
        start=start,
        timeout=step.attempt_seconds,
        max_attempts=retry.max_attempts,
        initial_interval=retry.initial_interval,
        backoff_coefficient=retry.backoff_coefficient,
        max_interval=retry.max_interval,
        retry_on_timeout=retry.retry_on_timeout,
        retry_on_errors=list(retry.retry_on_errors) if retry.retry_on_errors is not None else None,
        at_most_once=step.at_most_once,
        context=dict(context) if context else None,
    )


def error_handler_input(step_input: Any, failing: str, step: StepState) -> dict[str, Any]:
    """An error handler's input: its own, and under `error` what is known of the step that failed.

    A run's input that is no dictionary is given to it under `input`.
    """
    error = step.error or StepFailure()
    told = {
        "step_id": failing,
        **brief(error),
        "attempts": error.get("attempts", step.attempts),
    }
    if step_input is None:
        return {"error": told}
    return {**(step_input if isinstance(step_input, Mapping) else {"input": step_input}), "error": told}
