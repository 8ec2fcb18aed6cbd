"""What control steps of a rerun find done in them, in as little room as it takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import count
from typing import Any

from activities.outputs import load, put
from definitions.block import Block, LoopProgram, around, block_named, step_at
from definitions.block_state import PENDING, BlockState
from definitions.open_state import LoopState, OpenState
from definitions.values import BlobRef, contains_deferred, json_size, look_up, resolve_deferred
from engine.done_steps import Attempts
from store.blobs import BlobStore

CHUNK_BYTES = 64 * 1024
"""Results of a loop over this size in all are kept in blob storage, as the loop itself does."""
_VALUE_BYTES = 8 * 1024


def reading(blobs: BlobStore) -> Callable[[BlobRef], Any]:
    """Reads what is kept in blob storage. Raises `BlobMissing`."""
    return lambda ref: look_up(load(ref.digest, blobs), ref.path)


def kept_outside(begun: Mapping[str, OpenState], blobs: BlobStore) -> Mapping[str, OpenState]:
    """The same, with what is large in blob storage. Raises `BlobMissing`, `OSError`."""
    for opened in begun.values():
        if opened.loop is not None:
            _chunk(opened.loop, blobs)
        for block in opened.blocks.values():
            block.outputs = {step_id: _kept(output, blobs) for step_id, output in block.outputs.items()}
    return begun


def with_starts(
    root: Block, begun: Mapping[str, OpenState], attempts: Attempts, done: Collection[str]
) -> dict[str, OpenState]:
    """For a run that goes on: what has begun inside of control steps that are not `done` has a start of its own where
    it begins again, so that its records, and the workflows that are steps, are not those of the earlier start."""
    found = dict(begun)
    for path, attempt in attempts.items():
        parent, _, step_id = path.rpartition(".")
        if not parent or not attempt.starts or around(path)[0] in done:
            continue
        place = _place(root, parent, step_id)
        if place is None:
            continue
        control, name, block = place
        opened = found.setdefault(control, OpenState())
        loop = opened.loop
        if loop is not None and (int(name) in loop.results or int(name) < loop.stored):
            continue
        state = opened.blocks.setdefault(name, BlockState(dict.fromkeys(block.order, PENDING)))
        step = state.own(step_id)
        step.starts = attempt.starts
        if step.status == "completed":
            step.attempts, step.reason = attempt.attempt, attempt.reason
            step.started_at = attempt.started_at.timestamp() if attempt.started_at else None
        else:
            step.earlier_starts = attempt.starts
    return found


def _place(root: Block, parent: str, step_id: str) -> tuple[str, str, Block] | None:
    """The control step, the name of the instance in it, and the block, that a step is in."""
    step = step_at(root, parent)
    if step is None:
        return None
    control = step.control
    if isinstance(control, LoopProgram):
        path, _, index = parent.removesuffix("]").rpartition("[")
        names = [(path, index)]
    else:
        names = [(parent, name) for name in ("steps", "then", "else")]
    for path, name in names:
        block = block_named(control, name)
        if block is not None and step_id in block.steps:
            return path, name, block
    return None


def _chunk(loop: LoopState, blobs: BlobStore) -> None:
    """The results before the first that is missing as one list, the others one by one."""
    first = next(index for index in count() if index not in loop.results)
    done = [loop.results[index] for index in range(first)]
    if json_size(done) > CHUNK_BYTES:
        loop.chunks = [put(resolve_deferred(done, lambda digest: load(digest, blobs)), blobs)]
        loop.stored = first
    loop.results = {index: _kept(result, blobs) for index, result in loop.results.items() if index >= loop.stored}
    loop.previous = _kept(loop.previous, blobs)


def _kept(value: object, blobs: BlobStore) -> object:
    return value if contains_deferred(value) or json_size(value) <= _VALUE_BYTES else put(value, blobs)
