"""Why a step is not running now: what the query `explain` answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from definitions.calls import FINAL_STEP_STATUSES, StepExplanation
from definitions.nearest import did_you_mean
from definitions.wording import named
from workflows.runner import Runner

MOST_STEPS = 500
"""How many steps are explained in one answer."""


def explanation(runner: Runner, step_id: object = None) -> dict[str, Any]:
    """Why the step is where it is; without one, why each step is that has not ended, the first 500.

    `{"steps": [StepExplanation, ...], "more": how many were left out}`; for an id that the definition does not have
    `{"error": ...}`, since a query that raises shows an operator nothing but a stack."""
    if step_id is None:
        open_steps = [name for name, step in runner.state.steps.items() if step.status not in FINAL_STEP_STATUSES]
        shown = open_steps[:MOST_STEPS]
        return {"steps": [explain(runner, each) for each in shown], "more": len(open_steps) - len(shown)}
    if step_id not in runner.state.steps:
        near = did_you_mean(str(step_id), runner.state.steps) or "the query `progress` lists the steps"
        return {"error": f"the definition has no step {str(step_id)[:128]!r}: {near}"}
    return {"steps": [explain(runner, str(step_id))], "more": 0}


def explain(runner: Runner, step_id: str) -> StepExplanation:
    """Why one step is where it is, by what the runner knows."""
    step = runner.state.steps[step_id]
    if step.status in FINAL_STEP_STATUSES and step.settled:
        because = f": {step.reason.replace('_', ' ')}" if step.reason else ""
        return _told(runner, step_id, "ended", f"it is {step.status}{because}")
    if step.status == "running":
        return _told(runner, step_id, "running", "it runs, or waits between two attempts")
    if runner.stopping is not None:
        return _told(runner, step_id, "stopping", f"the run is being ended ({runner.stop_reason}): nothing new starts")
    return _of_pending(runner, step_id)


def _of_pending(runner: Runner, step_id: str) -> StepExplanation:
    compiled, steps = runner.program.steps[step_id], runner.state.steps
    if steps[step_id].status == "failed":
        handler = compiled.error_handler or ""
        return _told(runner, step_id, "error_handler", f"it failed, and {named([handler])} deals with that", [handler])
    if compiled.handles:
        waits_for = [each for each in compiled.handles if not steps[each].settled]
        if not any(steps[each].status == "failed" for each in waits_for):
            return _told(
                runner, step_id, "not_needed_yet", f"it runs only if {named(waits_for, 'or')} fails", waits_for
            )
    else:
        waits_for = [each for each in compiled.requires if not steps[each].settled]
        if waits_for:
            return _told(runner, step_id, "dependencies", f"it waits for {named(waits_for)}", waits_for)
        if compiled.after is not None and not steps[compiled.after].settled:
            said = f"it runs after {named([compiled.after])}: both say `execution_mode: sequential`"
            return _told(runner, step_id, "sequential", said, [compiled.after])
    if runner.state.paused:
        return _told(
            runner, step_id, "paused", "its turn has come, but the run is paused: the signal `resume` starts it"
        )
    if runner.running >= runner.max_parallel:
        said = f"its turn has come, but {runner.max_parallel} steps run, as many as may at once"
        return _told(runner, step_id, "parallel_limit", said, runner.running_steps)
    return _told(runner, step_id, "starting", "its turn has come: it starts now")


def _told(runner: Runner, step_id: str, why: str, message: str, waits_for: Iterable[str] = ()) -> StepExplanation:
    status = runner.state.steps[step_id].status
    return StepExplanation(step_id=step_id, status=status, why=why, message=message, waits_for=list(waits_for))
