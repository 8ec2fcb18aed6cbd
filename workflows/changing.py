"""Changing a run that goes on: only what has not started, and only as a whole.

Whoever drives the runner asks with `change_run`; what is refused says why and changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from definitions.calls import FINAL_STEP_STATUSES
from definitions.changes import ChangedDefinition, RunChange, changed_definition, run_change
from definitions.errors import ChangeRefused, Problem
from definitions.json_values import field_path
from definitions.program import Program, programs
from workflows.runner import Runner


class Changed(NamedTuple):
    """What was asked for, and what came of it."""

    change: RunChange
    definition: ChangedDefinition | None
    """None: it is as it was, but for the limit that the run's state keeps (`definitions.changes`)."""


def check_change(runner: Runner, asked: object) -> Changed:
    """What would come of it. Raises `ChangeRefused` with every problem, and changes nothing."""
    change = run_change(asked)
    if runner.stopping is not None or runner.finished:
        said = f"the run is being ended ({runner.stop_reason})" if runner.stopping is not None else "the run is over"
        raise ChangeRefused([Problem("invalid_status", "", f"{said}: nothing new starts", "rerun it with the change")])
    if not change.is_of_the_definition:
        return Changed(change, None)
    problems = _started(runner, change)
    try:
        changed = changed_definition(runner.program.definition, change)
    except ChangeRefused as refused:
        raise ChangeRefused([*problems, *refused.problems]) from None
    if not problems and changed is not None:
        problems = _without_output(runner, _program(changed))
    if problems:
        raise ChangeRefused(problems)
    return Changed(change, changed)


def change_run(runner: Runner, asked: object, now: float) -> Changed:
    """Let the run go by the changed definition from now on; tells the event `run.changed`. Raises `ChangeRefused`."""
    changed = check_change(runner, asked)
    if changed.definition is not None:
        runner.go_by(_program(changed.definition), now)
    elif changed.change.max_parallel_steps is not None:
        runner.limit_to(changed.change.max_parallel_steps)
    runner.tell("run.changed", now, digest=runner.program.digest, **changed.change.told)
    return changed


def refuse_change(runner: Runner, refused: ChangeRefused, now: float) -> None:
    """Tell the event `run.change_refused`: whoever sent a signal has no other answer."""
    runner.tell("run.change_refused", now, problems=[problem.as_dict() for problem in refused.problems[:20]])


def _program(changed: ChangedDefinition) -> Program:
    return programs.get(changed.document, changed.digest)


def _started(runner: Runner, change: RunChange) -> list[Problem]:
    """What has started or ended stays as it was."""
    concerned = [(step_id, field_path(("edit", step_id))) for step_id in change.edit]
    concerned += [(step_id, f"skip[{place}]") for place, step_id in enumerate(change.skip)]
    problems = []
    for step_id, path in concerned:
        step = runner.state.steps.get(step_id)
        if step is None or step.status == "pending":
            continue
        said = "has ended" if step.status in FINAL_STEP_STATUSES else "has started"
        message = f"`{step_id}` {said} ({step.status}): only what has not started can be changed"
        problems.append(Problem("already_started", path, message, "inject another step, or rerun the run from there"))
    return problems


def _without_output(runner: Runner, program: Program) -> list[Problem]:
    """Outputs that the run had no more need of may be gone; nobody can ask for them now."""
    steps, outputs = runner.state.steps, runner.state.outputs
    problems = []
    for compiled in program.steps.values():
        step = steps.get(compiled.step.id)
        if step is not None and step.settled:
            wanted: tuple[str, ...] = (compiled.step.id,) if compiled.is_sink else ()
        else:
            wanted = compiled.sources
        for other in wanted:
            if other in steps and steps[other].status == "completed" and other not in outputs:
                message = f"the output of `{other}`, which `{compiled.step.id}` needs now, is no longer with the run"
                problems.append(Problem("output_gone", "", message, "rerun the run with the change instead"))
    return problems
