"""How a run ended, from the states of its steps."""

from __future__ import annotations

from definitions.block_state import UPSTREAM_FAILED
from definitions.calls import FINAL_STEP_STATUSES, StepFailure, StepStatus
from definitions.messages import Ending, Stop
from definitions.program import Program
from definitions.run_state import RunState


def settle_unstarted(program: Program, state: RunState, reason: str, now: float) -> None:
    """In a run that was stopped, what never started is skipped when it depends on a failed step, else cancelled."""
    failed = [step_id for step_id, step in state.steps.items() if step.fails_dependants]
    while failed:
        for other in program.steps[failed.pop()].required_by:
            if not state.steps[other].settled:
                _settle(state, other, "skipped", UPSTREAM_FAILED, now)
                failed.append(other)
    for step_id, step in state.steps.items():
        if step.status not in FINAL_STEP_STATUSES:
            _settle(state, step_id, "cancelled", reason, now)
        elif not step.settled:
            step.settled = True


def _settle(state: RunState, step_id: str, status: StepStatus, reason: str, now: float) -> None:
    step = state.set_status(step_id, status)
    step.reason = reason
    step.completed_at = now
    step.settled = True


def ending(
    program: Program, state: RunState, stop: Stop | None, *, reason: str, save_partial: bool, fails_as: str = ""
) -> Ending:
    """The run's status, output and error. `output` may hold deferred values (`definitions.values`)."""
    if stop == "timed_out":
        limit = program.definition.timeout
        error = StepFailure(
            message=f"the run took longer than its timeout of {limit:g} seconds", error_class="run_timeout"
        )
        return Ending("timed_out", dict(state.outputs), error)
    if stop == "cancelled":
        error = StepFailure(message=reason, error_class=fails_as or "cancelled")
        return Ending("failed" if fails_as else "cancelled", dict(state.outputs) if save_partial else None, error)
    if state.failures:
        return Ending("failed", None, _first_failure(state))
    return Ending("completed", program.root.result(state.outputs))


def _first_failure(state: RunState) -> StepFailure:
    step_id = state.failures[0]
    error = state.steps[step_id].error or StepFailure()
    more = f" (and {len(state.failures) - 1} more)" if len(state.failures) > 1 else ""
    return StepFailure(
        message=f"step {step_id!r} failed{more}: {error.get('message', 'no reason was given')}",
        error_class=error.get("error_class", "error"),
    )
