"""Steps whose outcome is in the store while the run goes on: a large run keeps only how each of them ended."""

from __future__ import annotations

from collections.abc import Iterable

from definitions.block_state import StepState, recorded_state
from definitions.calls import StepFailure
from definitions.run_state import RunState

KEPT_WHOLE = 200
"""In runs of up to so many steps their times stay at hand, for whoever looks at the run."""
KEPT_FAILURES = 20
"""Of larger runs so many failed steps stay, with what they failed with."""


def unrecorded(state: RunState) -> list[str]:
    """The steps that have ended for good and whose outcome is not known to be in the store, in their order."""
    return [step_id for step_id, step in state.steps.items() if step.settled and not step.recorded]


def mark_recorded(state: RunState, step_ids: Iterable[str]) -> None:
    """The store has the outcome of these steps, which have settled."""
    shown = set(state.failures[:KEPT_FAILURES])
    whole = len(state.steps) <= KEPT_WHOLE
    for step_id in step_ids:
        step = state.steps[step_id]
        if whole or step_id in shown:
            step.recorded = True
            if not whole:
                _shorten(step)
        else:
            state.steps[step_id] = recorded_state(step.status, step.reason)


def _shorten(step: StepState) -> None:
    step.usage, step.artifacts = {}, []
    if step.error is not None:
        error = step.error
        step.error = StepFailure(message=error.get("message", ""), error_class=error.get("error_class", "error"))
