"""Into blob storage when a run goes on in a new history: values that it still needs, or all that it goes on with.

What a history starts with may take 2 MB in all; values that were small enough one by one may not be so together.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity

from activities.outputs import put
from definitions.calls import OFFLOAD_OUTPUTS, STORE_CHECKPOINT
from definitions.values import contains_deferred, json_size, pack, unpack
from store.blobs import BlobStore

KEPT_BYTES = 1024
"""Values up to this size stay at hand, for conditions."""
KEPT_OUTPUT_BYTES = 8 * 1024


class OffloadActivities:
    """A local activity: what it is given never passes the server."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    @activity.defn(name=OFFLOAD_OUTPUTS)
    async def offload_outputs(self, outputs: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Packed values by name, in and out (`offload`). Raises `OSError`, which the workflow retries."""
        return await asyncio.to_thread(offload, outputs, self._blobs)

    @activity.defn(name=STORE_CHECKPOINT)
    async def store_checkpoint(self, checkpoint: dict[str, Any]) -> str:
        """The digest of the checkpoint, which is in blob storage from now on. Raises `OSError`, too."""
        return (await asyncio.to_thread(put, checkpoint, self._blobs)).digest


def offload(values: dict[str, list[Any]], blobs: BlobStore) -> dict[str, list[Any]]:
    """Those of the packed values of which a part is in blob storage now: what was large, and what was there before.
    Raises `OSError`."""
    moved = {}
    for name, packed in values.items():
        lighter = pack(_moved(unpack(*packed), blobs))
        if lighter.slots:
            moved[name] = list(lighter)
    return moved


def _moved(output: Any, blobs: BlobStore) -> Any:
    if isinstance(output, dict):
        output = {key: _moved_if_over(KEPT_BYTES, value, blobs) for key, value in output.items()}
    return _moved_if_over(KEPT_OUTPUT_BYTES, output, blobs)


def _moved_if_over(limit: int, value: Any, blobs: BlobStore) -> Any:
    return value if contains_deferred(value) or json_size(value) <= limit else put(value, blobs)
