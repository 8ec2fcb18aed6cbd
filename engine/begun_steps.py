"""What control steps of a rerun find done in them, in as little room as it takes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from activities.outputs import load, put
from definitions.open_state import LoopState, OpenState
from definitions.values import contains_deferred, json_size, resolve_deferred
from store.blobs import BlobStore

CHUNK_BYTES = 64 * 1024
"""Results of a loop over this size in all are kept in blob storage, as the loop itself does."""
_VALUE_BYTES = 8 * 1024


def kept_outside(begun: Mapping[str, OpenState], blobs: BlobStore) -> Mapping[str, OpenState]:
    """The same, with what is large in blob storage. Raises `BlobMissing`, `OSError`."""
    for opened in begun.values():
        if opened.loop is not None:
            _chunk(opened.loop, blobs)
        for block in opened.blocks.values():
            block.outputs = {step_id: _kept(output, blobs) for step_id, output in block.outputs.items()}
    return begun


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
