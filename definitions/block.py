"""A block of steps, compiled: what the runner counts with. A definition's outermost steps are a block, too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from definitions.expressions import Expression
from definitions.model import Approval, Step, SubWorkflow, Wait
from definitions.references import Template
from definitions.scope import Scope


@dataclass(frozen=True, slots=True)
class StepProgram:
    """One step, compiled. Ids are those of its own block, except where something else is said."""

    index: int
    step: Step
    requires: tuple[str, ...]
    """Steps that must have ended before this one starts, declared or referred to; an error handler waits for none."""
    reads: tuple[str, ...]
    """Steps, also of blocks around this one, whose outputs it is given."""
    sources: tuple[str, ...]
    """Steps whose outputs it, or what is inside of it, may look at in any way."""
    is_sink: bool
    required_by: tuple[str, ...]
    after: str | None
    """The sequential sibling that must have ended, well or not, before this one starts."""
    before: str | None
    """The sequential sibling that waits for this one."""
    handles: tuple[str, ...]
    """Steps whose final failure starts this one; a step that handles others runs for nothing else."""
    error_handler: str | None
    input: Template | None
    condition: Expression | None
    control: Control | None
    """What it is instead of a handler or a milestone."""

    @property
    def takes_slot(self) -> bool:
        """Whether it counts for `max_parallel_steps`: what only holds or waits for other things does not."""
        return self.control is None or isinstance(self.control, ChildProgram)


@dataclass(frozen=True, slots=True)
class Block:
    """Steps in the order in which they are listed."""

    steps: Mapping[str, StepProgram]
    order: tuple[str, ...]
    sinks: tuple[str, ...]
    """The steps whose outputs are the block's result; never error handlers."""

    def result(self, outputs: Mapping[str, Any]) -> Any:
        """The output of its only last step, or those of all of them by id; null where there is none."""
        if len(self.sinks) == 1:
            return outputs.get(self.sinks[0])
        return {step_id: outputs.get(step_id) for step_id in self.sinks}


@dataclass(frozen=True, slots=True)
class BranchProgram:
    """One of two blocks."""

    test: Expression
    then: Block
    otherwise: Block | None


@dataclass(frozen=True, slots=True)
class LoopProgram:
    """A block again and again: over `items`, or while `test` holds; one of them is None."""

    items: Callable[[Scope], Any] | None
    test: Expression | None
    most: int
    """With more iterations than this the step fails."""
    width: int | None
    """How many iterations may be under way at once; None: as many as steps may."""
    goes_on: bool
    """An iteration that failed is null in the results, and the others go on."""
    body: Block


@dataclass(frozen=True, slots=True)
class ParallelProgram:
    """A block with a limit of its own."""

    body: Block
    limit: int | None


@dataclass(frozen=True, slots=True)
class ChildProgram:
    """Another workflow."""

    workflow: SubWorkflow


@dataclass(frozen=True, slots=True)
class WaitProgram:
    """A time or an event."""

    wait: Wait
    until: Template | None


@dataclass(frozen=True, slots=True)
class ApprovalProgram:
    """A question to people."""

    approval: Approval
    message: Template
    values: Template


Control = BranchProgram | LoopProgram | ParallelProgram | ChildProgram | WaitProgram | ApprovalProgram


def path_prefix(control: Control | None, path: str, name: str) -> str:
    """What the path ids of an instance's steps begin with: `docs[3].` for an iteration of `docs`, else `route.`."""
    return f"{path}[{name}]." if isinstance(control, LoopProgram) else f"{path}."


def block_named(control: Control | None, name: str) -> Block | None:
    """The block that an instance of this name is of, None where there is none: `then` and `else` of a branch,
    `steps` of a parallel block, the number of the iteration for a loop."""
    if isinstance(control, LoopProgram):
        return control.body if name.isascii() and name.isdecimal() else None
    if isinstance(control, ParallelProgram):
        return control.body if name == "steps" else None
    if isinstance(control, BranchProgram):
        return control.then if name == "then" else control.otherwise if name == "else" else None
    return None


def around(path: str) -> list[str]:
    """The control steps and iterations that a path id is in, from the outside in: `docs`, `docs[3]`, `docs[3].route`
    for `docs[3].route.analyse`."""
    return [path[: match.start()] for match in _CUT.finditer(path) if match.start()]


def step_at(root: Block, path: str) -> StepProgram | None:
    """The step that a path id leads to (`docs[3].route.analyse`), None where it leads nowhere. An iteration stands for
    its loop (`docs[3]`)."""
    blocks: tuple[Block, ...] = (root,)
    step: StepProgram | None = None
    for part in path.split("."):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        step = next((block.steps[match[1]] for block in blocks if match[1] in block.steps), None)
        is_iteration = match[2] is not None
        if step is None or (is_iteration and not isinstance(step.control, LoopProgram)):
            return None
        # The steps of a loop are in its iterations.
        blocks = () if isinstance(step.control, LoopProgram) and not is_iteration else blocks_in(step.control)
    return step


_CUT = re.compile(r"[.\[]")
_PART = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?:\[([0-9]+)\])?")


def blocks_in(control: Control | None) -> tuple[Block, ...]:
    """The blocks that a control step has."""
    if isinstance(control, LoopProgram | ParallelProgram):
        return (control.body,)
    if isinstance(control, BranchProgram):
        return (control.then,) if control.otherwise is None else (control.then, control.otherwise)
    return ()
