"""Why a step is not running now: what the query `explain` answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from definitions.block import step_at
from definitions.calls import FINAL_STEP_STATUSES, StepExplanation
from definitions.nearest import did_you_mean
from definitions.wording import named
from workflows.frames import Frame
from workflows.open_steps import kind_of, said_of, under_way
from workflows.runner import Runner

MOST_STEPS = 500
"""How many steps are explained in one answer."""
MOST_OF_A_PATH = 300


def explanation(runner: Runner, step_id: object = None) -> dict[str, Any]:
    """Why the step is where it is, by its path id; without one, why each step is that has not ended, the first 500.

    `{"steps": [StepExplanation, ...], "more": how many were left out}`; for an id that the definition does not have, or
    of a block that is not under way, `{"error": ..., "known": whether the definition has it}`, since a query that
    raises shows an operator nothing but a stack.
    """
    if step_id is None:
        paths = _all_open(runner)
        shown, members = list(islice(paths, MOST_STEPS)), _members(runner)
        return {"steps": [_explained(runner, each, members) for each in shown], "more": sum(1 for _ in paths)}
    path = str(step_id)
    if runner.find(path) is None:
        known = step_at(runner.program.root, path) is not None
        return {"error": _not_there(runner, path, known=known), "known": known}
    return {"steps": [explain(runner, path)], "more": 0}


def _all_open(runner: Runner) -> Iterator[str]:
    """The outermost steps that have not ended, each followed by those in it."""
    places: list[tuple[Frame, Iterator[str]]] = [(runner.root, iter(runner.root.block.order))]
    while places:
        frame, step_ids = places[-1]
        step_id = next(step_ids, None)
        if step_id is None:
            places.pop()
        elif frame.state.steps[step_id].status not in FINAL_STEP_STATUSES:
            yield frame.prefix + step_id
            opened = frame.opened.get(step_id)
            inside = reversed(opened.frames.values()) if opened is not None else ()
            places += [(inner, iter(inner.block.order)) for inner in inside]


def _not_there(runner: Runner, path: str, *, known: bool) -> str:
    shown = path[:MOST_OF_A_PATH]
    if not known:
        near = did_you_mean(shown, (*runner.program.order, *runner.controls.opened))
        return f"the definition has no step {shown!r}: {near or 'the query `progress` lists the steps'}"
    return f"step {shown!r} is not there now: what it is in has not begun, or has ended"


def _members(runner: Runner) -> dict[str, list[str]]:
    """The paths of the steps that run or are open, by what these begin with."""
    members: dict[str, list[str]] = {}
    for frame, step_id in under_way(runner):
        members.setdefault(frame.prefix, []).append(frame.prefix + step_id)
    return members


def explain(runner: Runner, path: str) -> StepExplanation:
    """Why one step is where it is, by what the runner knows. Raises `KeyError` for one that is not there."""
    return _explained(runner, path, _members(runner))


def _explained(runner: Runner, path: str, members: Mapping[str, list[str]]) -> StepExplanation:
    found = runner.find(path)
    if found is None:
        raise KeyError(path)
    frame, step_id = found
    step = frame.state.steps[step_id]
    if step.status in FINAL_STEP_STATUSES and step.settled:
        because = f": {step.reason.replace('_', ' ')}" if step.reason else ""
        return _told(frame, step_id, "ended", f"it is {step.status}{because}")
    opened = frame.opened.get(step_id)
    if opened is not None:
        inside = [member for inner in opened.frames.values() for member in members.get(inner.prefix, ())]
        said = said_of(opened)
        return _told(frame, step_id, kind_of(opened), said if said.startswith("the ") else f"it {_verb(said)}", inside)
    if step.status == "running":
        return _told(frame, step_id, "running", "it runs, or waits between two attempts")
    if runner.stopping is not None:
        return _told(frame, step_id, "stopping", f"the run is being ended ({runner.stop_reason}): nothing new starts")
    if frame.closed:
        return _told(frame, step_id, "stopping", "something around or beside it has failed: nothing new starts here")
    return _of_pending(runner, frame, step_id)


def _verb(said: str) -> str:
    return said if said.startswith(("waits", "ends")) else f"is under way: {said}"


def _of_pending(runner: Runner, frame: Frame, step_id: str) -> StepExplanation:
    compiled, steps = frame.block.steps[step_id], frame.state.steps
    if steps[step_id].status == "failed":
        handler = compiled.error_handler or ""
        return _told(frame, step_id, "error_handler", f"it failed, and {named([handler])} deals with that", [handler])
    if compiled.handles:
        waits_for = [each for each in compiled.handles if not steps[each].settled]
        if not any(steps[each].status == "failed" for each in waits_for):
            return _told(frame, step_id, "not_needed_yet", f"it runs only if {named(waits_for, 'or')} fails", waits_for)
    else:
        waits_for = [frame.prefix + each for each in compiled.requires if not steps[each].settled]
        if waits_for:
            return _told(frame, step_id, "dependencies", f"it waits for {named(waits_for)}", waits_for)
        if compiled.after is not None and not steps[compiled.after].settled:
            after = frame.prefix + compiled.after
            said = f"it runs after {named([after])}: both say `execution_mode: sequential`"
            return _told(frame, step_id, "sequential", said, [after])
    return _of_ready(runner, frame, step_id)


def _of_ready(runner: Runner, frame: Frame, step_id: str) -> StepExplanation:
    if runner.state.paused:
        said = "its turn has come, but the run is paused: the signal `resume` starts it"
        return _told(frame, step_id, "paused", said)
    if frame.limit is not None and step_id not in frame.admitted:
        said = f"its turn has come, but {frame.limit} steps of its block run, as many as may at once"
        return _told(frame, step_id, "parallel_limit", said, [frame.prefix + each for each in frame.admitted])
    if runner.running >= runner.max_parallel:
        said = f"its turn has come, but {runner.max_parallel} steps run, as many as may at once"
        return _told(frame, step_id, "parallel_limit", said, runner.running_steps)
    return _told(frame, step_id, "starting", "its turn has come: it starts now")


def _told(frame: Frame, step_id: str, why: str, message: str, waits_for: Iterable[str] = ()) -> StepExplanation:
    status, path = frame.state.steps[step_id].status, frame.prefix + step_id
    return StepExplanation(step_id=path, status=status, why=why, message=message, waits_for=list(waits_for))
