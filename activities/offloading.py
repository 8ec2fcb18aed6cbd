"""Moving the outputs that a run still needs into blob storage, when it goes on in a new history.

What a history starts with may take 2 MB in all; outputs that were small enough one by one may not be so together.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity

from activities.outputs import put
from definitions.calls import OFFLOAD_OUTPUTS
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
        """Packed outputs by step id, in and out. Raises `OSError`, which the workflow retries."""
        return await asyncio.to_thread(self._offload, outputs)

    def _offload(self, outputs: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {step_id: list(pack(self._moved(unpack(*packed)))) for step_id, packed in outputs.items()}

    def _moved(self, output: Any) -> Any:
        if isinstance(output, dict):
            output = {key: self._moved_if_over(KEPT_BYTES, value) for key, value in output.items()}
        return self._moved_if_over(KEPT_OUTPUT_BYTES, output)

    def _moved_if_over(self, limit: int, value: Any) -> Any:
        return value if contains_deferred(value) or json_size(value) <= limit else put(value, self._blobs)
