"""Lists in blob storage: read in parts, and put together from parts. Local activities."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from threading import Lock
from typing import Any

from temporalio import activity

from activities.outputs import OUTPUT_LIMIT, keep, load, put, too_large
from activities.typed_failures import typed_failures
from definitions.calls import READ_ITEMS, STORE_LIST
from definitions.errors import LongpoleError
from definitions.values import BlobRef, json_size, look_up, pack, resolve_deferred, unpack
from store.blobs import BlobStore

MOST_READ_BYTES = 256 * 1024
"""Bytes of items that one answer holds at most, but for one item that is larger by itself."""
MOST_KEPT = 4
"""Lists kept in memory: one that is gone through in parts is read from disk once."""


class ListActivities:
    """The activities. Raise `OSError`, which the workflow retries; fail for good when a blob is lost or no list."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._lock = Lock()

    @activity.defn(name=READ_ITEMS)
    async def read_items(self, ref: dict[str, Any], start: int, count: int) -> dict[str, Any]:
        """`{"length": of the whole list, "items": from `start` on, "slots": ...}`; `ref`: the slot of a `BlobRef`."""
        with typed_failures():
            return await asyncio.to_thread(self._read, unpack(None, [ref]), start, count)

    @activity.defn(name=STORE_LIST)
    async def store_list(self, value: list[Any], slots: list[Any], after: list[dict[str, Any]]) -> dict[str, Any]:
        """The slot of the list that has the items of the lists `after` (slots, too), then those of `value`."""
        with typed_failures():
            return await asyncio.to_thread(self._store, unpack(value, slots), [unpack(None, [ref]) for ref in after])

    def _read(self, ref: BlobRef, start: int, count: int) -> dict[str, Any]:
        found = self._list(ref)
        items: list[Any] = []
        size = 0
        for item in found[start : start + count]:
            kept = keep(item, self._blobs, origin="item")
            size += json_size(kept)
            if items and size > MOST_READ_BYTES:
                break
            items.append(kept)
        packed, slots = pack(items)
        return {"length": len(found), "items": packed, "slots": slots}

    def _store(self, value: list[Any], after: list[BlobRef]) -> dict[str, Any]:
        items = [item for ref in after for item in self._list(ref)]
        items += resolve_deferred(value, lambda digest: load(digest, self._blobs))
        size = json_size(items)
        if size > OUTPUT_LIMIT:
            raise too_large(f"{size:,}", OUTPUT_LIMIT, "result", "let the steps of the loop return less")
        slot: dict[str, Any] = pack(put(items, self._blobs)).slots[0]
        return slot

    def _list(self, ref: BlobRef) -> list[Any]:
        found = look_up(self._value(ref.digest), ref.path)
        if not isinstance(found, list):
            raise LongpoleError(
                f"what is to be gone through is a {type(found).__name__}, not a list",
                code="not_a_list",
                remedy="let `iterate_over` lead to a list",
            )
        return found

    def _value(self, digest: str) -> Any:
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        value = load(digest, self._blobs)
        with self._lock:
            self._kept[digest] = value
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return value
