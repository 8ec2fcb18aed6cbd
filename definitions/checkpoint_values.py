"""Which values of a checkpoint may be kept outside of it: taken from their places, and put back there.

Not those that an expression may look into: what is kept outside can only be handed on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import dropwhile
from typing import Any

from definitions.expressions import Expression, compile_expression
from definitions.model import Step
from definitions.program import Program
from definitions.references import only_reference
from definitions.values import json_size

LOOP = "loop"
"""No step has this id: it stands for what a loop gives its iterations."""

Place = tuple[str, dict[str, Any], str]
"""A name of its own, and the holder and the key of a packed value (`definitions.values`)."""


def looked_into(program: Program) -> frozenset[str]:
    """The ids of steps, wherever they are, whose outputs some expression looks into, and `LOOP` for items."""
    found: set[str] = set()
    for compiled in program.steps.values():
        if compiled.condition is not None:
            found.update(_asked_for(compiled.condition))
        if compiled.step.is_control:
            found.update(_looked_into_by(compiled.step))
    return frozenset(found)


def movable(checkpoint: Mapping[str, Any], kept: Collection[str]) -> dict[str, list[Any]]:
    """Packed values by the names of their places: outputs of the outermost steps by their ids, and what the instances
    of blocks and the loops that are under way hold; but those of `kept` (`looked_into`)."""
    return {name: holder[key] for name, holder, key in _places(checkpoint, kept)}


def put_back(checkpoint: Mapping[str, Any], moved: Mapping[str, list[Any]]) -> None:
    """What has become of some of these values takes their places."""
    for name, holder, key in list(_places(checkpoint, ())):
        if name in moved:
            holder[key] = moved[name]


def batches(values: Mapping[str, list[Any]], most: int) -> Iterator[dict[str, list[Any]]]:
    """The same values, together at most so many bytes at a time where they are not larger each."""
    batch: dict[str, list[Any]] = {}
    size = 0
    for name, packed in values.items():
        more = json_size(packed)
        if batch and size + more > most:
            yield batch
            batch, size = {}, 0
        batch[name] = packed
        size += more
    if batch:
        yield batch


def _places(checkpoint: Mapping[str, Any], kept: Collection[str]) -> Iterator[Place]:
    yield from _outputs("", checkpoint["outputs"], kept)
    for part in ("open", "begun"):
        for path, opened in checkpoint[part].items():
            for name, block in opened.get("blocks", {}).items():
                inside = f"{part}/{path}/{name}/"
                yield from _outputs(inside, block["outputs"], kept)
                if LOOP not in kept:
                    yield f"{inside}:given", block, "given"
            if "loop" in opened:
                yield from _of_loop(f"{part}/{path}/:", path, opened["loop"], kept)


def _outputs(inside: str, outputs: dict[str, Any], kept: Collection[str]) -> Iterator[Place]:
    for step_id in outputs:
        if step_id not in kept:
            yield f"{inside}{step_id}", outputs, step_id


def _of_loop(inside: str, path: str, loop: dict[str, Any], kept: Collection[str]) -> Iterator[Place]:
    if path.rpartition(".")[2] not in kept:
        for index in loop["results"]:
            yield f"{inside}results/{index}", loop["results"], index
    if LOOP not in kept:
        yield f"{inside}previous", loop, "previous"
        yield f"{inside}items", loop, "items"


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
