"""What expressions look into: it has to be at hand whenever a run goes on, while the rest can only be handed on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile

from definitions.block import Block
from definitions.expressions import Expression, compile_expression
from definitions.model import Step
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
        if compiled.control is not None:
            found.update(_looked_into_by(compiled.step))
    return frozenset(found)


def _looked_into_by(step: Step) -> Iterator[str]:
    """What the expressions of a control step and of the steps in it look into."""
    texts = [control.test for control in (step.branch, step.loop) if control is not None]
    items = step.loop.iterate_over if step.loop is not None else None
    if isinstance(items, str) and only_reference(items) is None:
        texts.append(items)
    for text in texts:
        if text is not None:
            yield from _asked_for(compile_expression(text))
    for _, steps in step.blocks:
        for each in steps:
            if each.condition is not None:
                yield from _asked_for(compile_expression(each.condition))
            yield from _looked_into_by(each)


def _asked_for(expression: Expression) -> Iterator[str]:
    yield from expression.step_ids
    for path in expression.loop_paths:
        if next(dropwhile(lambda key: key == "parent", path), None) != "index":
            yield LOOP
