"""What the runner wants read from blob storage, or put there: local activities."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.calls import READ_ITEMS, STORE_LIST
    from definitions.messages import ReadItems, StoreValue
    from definitions.values import BlobRef, pack, unpack

from workflows.failures import failure_of
from workflows.runner import Runner
from workflows.timing import RECORD_RETRY, RECORD_TIMEOUT


class BlobRequests:
    """Requests by id, each answered once."""

    def __init__(self, runner: Runner, woken: Callable[[], None]) -> None:
        self._runner = runner
        self._woken = woken
        self._open: set[asyncio.Task[Any]] = set()

    @property
    def busy(self) -> bool:
        """Whether one is still to be answered."""
        return bool(self._open)

    def read(self, request: ReadItems) -> None:
        """Read a part of a list."""
        self._ask(READ_ITEMS, [_slot(request.ref), request.start, request.count], request.request_id, self._was_read)

    def store(self, request: StoreValue) -> None:
        """Put a list together."""
        after = [_slot(ref) for ref in request.after]
        self._ask(STORE_LIST, [request.value, request.slots, after], request.request_id, self._was_stored)

    def _ask(self, name: str, arguments: list[Any], request_id: str, answered: Callable[[str, Any], None]) -> None:
        task = workflow.start_local_activity(
            name, args=arguments, start_to_close_timeout=RECORD_TIMEOUT, retry_policy=RECORD_RETRY
        )
        self._open.add(task)
        task.add_done_callback(partial(self._ended, request_id, answered))

    def _ended(self, request_id: str, answered: Callable[[str, Any], None], task: asyncio.Task[Any]) -> None:
        self._open.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            answered(request_id, task.result())
        else:
            self._runner.request_failed(request_id, failure_of(error), workflow.time())
        self._woken()

    def _was_read(self, request_id: str, answer: dict[str, Any]) -> None:
        self._runner.items_read(request_id, answer["length"], answer["items"], answer["slots"], workflow.time())

    def _was_stored(self, request_id: str, slot: dict[str, Any]) -> None:
        self._runner.value_stored(request_id, unpack(None, [slot]), workflow.time())


def _slot(ref: BlobRef) -> dict[str, Any]:
    slot: dict[str, Any] = pack(ref).slots[0]
    return slot
