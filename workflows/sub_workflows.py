"""Steps that are other workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from definitions.calls import MOST_RUNS_ABOVE, ChildCall, StepFailure
from definitions.messages import StartChild
from definitions.values import json_size, pack
from workflows.frames import OpenStep

if TYPE_CHECKING:
    from workflows.controls import Controls


class SubWorkflows:
    """Starts them; how they end is told like that of an activity."""

    def __init__(self, controls: Controls) -> None:
        self._stepping = controls.stepping

    def start(self, opened: OpenStep, run_input: Any, now: float) -> StartChild | None:
        """Start it; one that would be too deep fails."""
        if self._stepping.depth >= MOST_RUNS_ABOVE:
            message = f"workflows are nested deeper than {MOST_RUNS_ABOVE} levels"
            failure = StepFailure(message=message, error_class="too_deep")
            self._stepping.step_failed(opened.state.child, failure, now)
            return None
        packed, slots = pack(run_input)
        return StartChild(opened.state.child, self._call(opened, packed, slots), json_size(packed))

    def restore(self, opened: OpenStep) -> None:
        """It was started in an earlier history."""
        child = opened.state.child
        self._stepping.running_activities[child] = (opened.frame, opened.step_id, opened.state.handled)
        self._stepping.outbox.append(StartChild(child, self._call(opened, None, []), 0, attach=True))

    def _call(self, opened: OpenStep, packed: Any, slots: list[Any]) -> ChildCall:
        step = opened.compiled.step
        named = step.workflow
        return ChildCall(
            execution_id=self._stepping.execution_id,
            step_id=opened.path,
            start=opened.frame.state.steps[step.id].starts,
            workflow=named.name if named is not None else "",
            version=named.version if named is not None else None,
            input=packed,
            slots=slots,
            depth=self._stepping.depth + 1,
            title=step.title,
        )
