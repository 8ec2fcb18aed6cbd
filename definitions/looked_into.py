"""What expressions look into: it has to be at hand whenever a run goes on, while the rest can only be handed on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile

from definitions.block import Block, BranchProgram, LoopProgram, blocks_in
from definitions.expressions import Expression, compile_expression
from definitions.references import only_reference

LOOP = "loop"
"""No step has this id: it stands for what a loop gives its iterations."""


def looked_into(block: Block) -> frozenset[str]:
    """The ids of steps, in the block or in those inside of it, whose outputs some expression looks into, and `LOOP` for
    items."""
    found: set[str] = set()
    for compiled in block.steps.values():
        if compiled.condition is not None:
            found.update(_asked_for(compiled.condition))
        control = compiled.control
        if isinstance(control, BranchProgram | LoopProgram) and control.test is not None:
            found.update(_asked_for(control.test))
        items = compiled.step.loop.iterate_over if compiled.step.loop is not None else None
        if isinstance(items, str) and only_reference(items) is None:
            found.update(_asked_for(compile_expression(items)))
        for inner in blocks_in(control):
            found |= looked_into(inner)
    return frozenset(found)


def _asked_for(expression: Expression) -> Iterator[str]:
    yield from expression.step_ids
    for path in expression.loop_paths:
        if next(dropwhile(lambda key: key == "parent", path), None) != "index":
            yield LOOP
