"""Changing a run that goes on: only what has not started, and only as a whole.

Whoever drives the runner asks with `change_run`; what is refused says why and changes nothing. Inside of blocks the
change is of every instance: of a step that has begun in some iterations, those stay as they are, and all others go by
the change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from definitions.block import Block, BranchProgram
from definitions.calls import FINAL_STEP_STATUSES
from definitions.changed_steps import BRANCHES
from definitions.changes import ChangedDefinition, RunChange, changed_definition, run_change
from definitions.errors import ChangeRefused, Problem
from definitions.json_values import field_path
from definitions.program import Program, programs
from workflows.frames import Frame
from workflows.runner import Runner

CHANGES_INSIDE_SINCE = 3
"""The interpreter version from which blocks that are under way can be changed."""


class Changed(NamedTuple):
    """What was asked for, and what came of it."""

    change: RunChange
    definition: ChangedDefinition | None
    """None: it is as it was, but for the limit that the run's state keeps (`definitions.changes`)."""


def check_change(runner: Runner, asked: object, *, interpreter: int = CHANGES_INSIDE_SINCE) -> Changed:
    """What would come of it. Raises `ChangeRefused` with every problem, and changes nothing."""
    change = run_change(asked)
    if runner.stopping is not None or runner.finished:
        said = f"the run is being ended ({runner.stop_reason})" if runner.stopping is not None else "the run is over"
        raise ChangeRefused([Problem("invalid_status", "", f"{said}: nothing new starts", "rerun it with the change")])
    if not change.is_of_the_definition:
        return Changed(change, None)
    if change.inside and interpreter < CHANGES_INSIDE_SINCE:
        message = "a run that began with an earlier version of Longpole can't be changed inside of blocks"
        raise ChangeRefused([Problem("unknown_step", at, message, "edit outermost steps") for _, at in change.inside])
    problems = _started(runner, change)
    try:
        changed = changed_definition(runner.program.definition, change)
    except ChangeRefused as refused:
        raise ChangeRefused([*problems, *refused.problems]) from None
    if not problems and changed is not None:
        root = _program(changed).root
        frames = list(runner.controls.frames_by(root)) if change.inside else [(runner.root, root)]
        problems = [each for frame, block in frames for each in (*_begun_too_early(frame, block), *_gone(frame, block))]
    if problems:
        raise ChangeRefused(problems)
    return Changed(change, changed)


def change_run(runner: Runner, asked: object, now: float, *, interpreter: int = CHANGES_INSIDE_SINCE) -> Changed:
    """Let the run go by the changed definition from now on; tells the event `run.changed`. Raises `ChangeRefused`."""
    changed = check_change(runner, asked, interpreter=interpreter)
    if changed.definition is not None:
        runner.go_by(_program(changed.definition), now, inside=bool(changed.change.inside))
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
    remedy = "inject another step, or rerun the run from there"
    concerned = [(step_id, field_path(("edit", step_id))) for step_id in change.edit]
    concerned += [(step_id, f"skip[{place}]") for place, step_id in enumerate(change.skip)]
    problems = []
    for step_id, path in concerned:
        step = runner.state.steps.get(step_id)
        if step is None or step.status == "pending":
            continue
        said = "has ended" if step.status in FINAL_STEP_STATUSES else "has started"
        message = f"`{step_id}` {said} ({step.status}): only what has not started can be changed"
        problems.append(Problem("already_started", path, message, remedy))
    for step_path, path in change.inside:
        if not _may_begin(runner.root, step_path.split(".")):
            message = f"nothing of `{step_path}` is still to begin: what it is in has ended, or is past it"
            problems.append(Problem("already_started", path, message, remedy))
    return problems


def _may_begin(frame: Frame, parts: Sequence[str]) -> bool:
    """Whether the step, or one that is to be added, may still begin in some instance of its block. Of what there is
    not, somebody else says so."""
    head, *rest = parts
    step = frame.state.steps.get(head)
    if frame.closed or (step is not None and step.status in FINAL_STEP_STATUSES):
        return False
    if step is None or step.status == "pending":
        return True
    if not rest:
        return False
    opened = frame.opened.get(head)
    if opened is None:
        return True
    if opened.closing:
        return False
    loop, control = opened.state.loop, opened.compiled.control
    if loop is not None and (loop.total is None or loop.next < loop.total):
        return True
    frames = list(opened.frames.values())
    if isinstance(control, BranchProgram):
        listed = {*control.then.order, *(control.otherwise.order if control.otherwise is not None else ())}
        if rest[0] in listed:
            frames = [each for each in frames if rest[0] in each.block.steps]
        elif rest[0] in BRANCHES and len(rest) > 1:
            name, *rest = rest
            frames = [each for each in frames if each.name == name]
        else:
            return True
    return any(_may_begin(each, rest) for each in frames)


def _begun_too_early(frame: Frame, block: Block) -> Iterator[Problem]:
    """What is under way can't wait for anything more."""
    for step_id in frame.opened:
        for other in block.steps[step_id].requires:
            step = frame.state.steps.get(other)
            if step is None or not step.settled:
                message = (
                    f"`{frame.prefix}{step_id}` has begun, and would have to wait for `{other}`, which has not ended"
                )
                yield Problem("already_started", "", message, "refer to what has ended only")


def _gone(frame: Frame, block: Block) -> Iterator[Problem]:
    """Outputs that the run had no more need of may be gone; nobody can ask for them now."""
    steps, outputs = frame.state.steps, frame.state.outputs
    for compiled in block.steps.values():
        step = steps.get(compiled.step.id)
        if step is not None and step.settled:
            wanted: tuple[str, ...] = (compiled.step.id,) if compiled.is_sink else ()
        else:
            wanted = compiled.sources
        for other in wanted:
            if other in steps and steps[other].status == "completed" and other not in outputs:
                needed_by = f"{frame.prefix}{compiled.step.id}"
                message = (
                    f"the output of `{frame.prefix}{other}`, which `{needed_by}` needs now, is no longer with the run"
                )
                yield Problem("output_gone", "", message, "rerun the run with the change instead")
