"""Which outputs of a run a rerun of it may reuse, and why it runs the rest. Pure.

A step is reused when it would do the same again: it completed, its handler and its resolved input are what they were,
and nothing that it waits for runs again (`docs/decisions/0012-what-a-rerun-reuses.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from definitions.block import around, step_at
from definitions.errors import LongpoleError
from definitions.nearest import did_you_mean
from definitions.open_state import OpenState
from definitions.program import Program
from definitions.scope import Scope
from definitions.values import BlobRef
from engine.done_steps import Attempts
from engine.rerun_blocks import BlockPlan, Wish
from engine.sameness import same
from store.continuing import LastAttempt

T = TypeVar("T")


def _nothing_to_read(ref: BlobRef) -> Any:
    raise LongpoleError(f"{ref.digest} can't be read here", code="blob_missing")


@dataclass(frozen=True)
class RunAsItWas:
    """A run that is over: what it went by, and what its records say."""

    execution_id: str
    program: Program
    attempts: Attempts
    """The last ones, by path id."""
    input: Any
    context: Mapping[str, Any]
    """The shared context at its end."""
    read: Callable[[BlobRef], Any] = _nothing_to_read
    """A value that is kept outside. Raises `LongpoleError`."""


@dataclass(frozen=True)
class RerunPlan:
    """Each of the outermost steps is in one of the three, in the definition's order; what is inside of them comes after
    all of these."""

    reused: Mapping[str, LastAttempt]
    """As the rerun has them: attempt 0, never started. By path id."""
    why: Mapping[str, str]
    """The steps that run, and why: `chosen`, `has no output`, `definition changed`, `downstream of X`, `input changed`;
    of control steps also which part. An iteration that runs as a whole is told as such (`docs[3]`)."""
    decided_again: tuple[str, ...]
    """What was skipped and will be again, and error handlers: they run only if what they handle fails."""
    context: Mapping[str, Any]
    """What the rerun begins with in its shared context."""
    begun: Mapping[str, OpenState]
    """What control steps that run in part will find done in them, by path id."""


def rerun_plan(before: RunAsItWas, program: Program, run_input: Any, chosen: Collection[str] = ()) -> RerunPlan:
    """What a rerun by that program and input reuses. `chosen`: path ids of steps, and of iterations (`docs[3]`), that
    run again whatever their records say.

    Raises `LongpoleError` (`unknown_step`, `error_handler_chosen`)."""
    for path in chosen:
        _require_choosable(program, path)
    wish = Wish(
        before=before,
        chosen=frozenset(chosen),
        same_input=same(before.input, run_input),
        same_context=before.program.definition.context == program.definition.context,
        error_handlers=program.definition.error_handlers,
        recorded=sorted(path for path in before.attempts if "." in path),
    )
    outputs: dict[str, Any] = {}
    skipped: set[str] = set()
    unavailable = {
        step_id for step_id, each in before.attempts.items() if each.status in ("skipped", "failed", "cancelled")
    }
    plan = BlockPlan(
        wish,
        before.program.root,
        program.root,
        _scope(before, before.program, before.input, outputs, unavailable),
        _scope(before, program, run_input, outputs, skipped),
        outputs=[outputs],
        skipped=skipped,
    ).plan()
    for path in chosen:
        _require_found(plan, path)
    return RerunPlan(
        reused=_in_order(program, plan.reused),
        why=_in_order(program, plan.why),
        decided_again=tuple(each for each in program.order if each not in plan.reused and each not in plan.why),
        context=_context(before, program, plan),
        begun=plan.begun,
    )


def _scope(
    before: RunAsItWas, program: Program, run_input: Any, outputs: dict[str, Any], skipped: Collection[str]
) -> Scope:
    return Scope(
        input_data=run_input,
        context=before.context,
        step_outputs=outputs,
        skipped=skipped,
        # That a rerun has an id of its own changes no input.
        workflow={"input": run_input, "id": before.execution_id, "name": program.definition.name},
    )


def _require_choosable(program: Program, path: str) -> None:
    step = step_at(program.root, path)
    if step is None:
        raise LongpoleError(
            f"the definition has no step {path[:128]!r} to run again from",
            code="unknown_step",
            remedy=did_you_mean(path, program.order)
            or "`longpole show` lists the steps; in a loop, name an iteration: docs[3].analyse",
        )
    if step.handles:
        raise LongpoleError(
            f"{path!r} is an error handler: it runs only when a step fails",
            code="error_handler_chosen",
            remedy=f"choose the step whose failure it handles: {', '.join(step.handles[:5])}",
        )


def _require_found(plan: BlockPlan, path: str) -> None:
    """What was chosen inside of blocks runs, or something around it does as a whole."""
    runs_whole = any(each in plan.why and each not in plan.begun for each in around(path))
    if path not in plan.why and not runs_whole:
        raise LongpoleError(
            f"the run has not come to {path[:128]!r}, and would not",
            code="unknown_step",
            remedy="choose an iteration that there is, or a step of the branch that is taken",
        )


def _in_order(program: Program, found: Mapping[str, T]) -> dict[str, T]:
    return {each: found[each] for each in program.order if each in found} | dict(found)


def _context(before: RunAsItWas, program: Program, plan: BlockPlan) -> Mapping[str, Any]:
    """The definition's, and what reused steps added. Where the records don't tell who added what: as at the end."""
    completed = sorted(
        (each for each in before.attempts.values() if each.status == "completed" and each.completed_at is not None),
        key=lambda each: each.completed_at.timestamp() if each.completed_at else 0.0,
    )
    told, begun = dict(before.program.definition.context), dict(program.definition.context)
    for each in completed:
        told.update(each.context or {})
        if each.step_id in plan.reused:
            begun.update(each.context or {})
    return begun if told == before.context else before.context
