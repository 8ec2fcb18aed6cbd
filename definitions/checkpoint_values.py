"""Which values of a checkpoint may be kept outside of it: taken from their places, and put back there.

Not those that an expression may look into: what is kept outside can only be handed on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from definitions.looked_into import LOOP
from definitions.values import json_size

Place = tuple[str, dict[str, Any], str]
"""A name of its own, and the holder and the key of a packed value (`definitions.values`)."""


def movable(checkpoint: Mapping[str, Any], kept: Collection[str]) -> dict[str, list[Any]]:
    """Packed values by the names of their places: outputs of the outermost steps by their ids, and what the instances
    of blocks and the loops that are under way hold; but those of `kept` (`definitions.looked_into`)."""
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
