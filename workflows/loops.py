"""Loops: one iteration after the other, or several at once. Only those under way have frames.

Results of iterations that are done without a gap from the first on are put into blob storage in chunks; at the end the
chunks become one list. Items that are in blob storage are read a few at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from definitions.block import LoopProgram
from definitions.calls import StepFailure, brief, failed_by
from definitions.errors import LongpoleError
from definitions.messages import ReadItems, StoreValue
from definitions.open_state import LoopState
from definitions.values import BlobRef, json_size, pack, unpack
from workflows.frames import Frame, OpenStep

if TYPE_CHECKING:
    from workflows.controls import Controls

CHUNK_BYTES = 64 * 1024
"""Results of this size in all are put into blob storage."""
MAX_KEPT_BYTES = 512 * 1024
"""With results of more than this outside of blob storage no iteration starts, until some are there or others end."""
READ_AHEAD = 200
"""How many items are asked for at once, at least."""


class Loops:
    """The loops of one run that are open."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._stepping = controls.stepping
        self.requests: dict[str, OpenStep] = {}
        """What was asked of blob storage and not answered yet."""

    # -- iterations ------

    def begin(self, opened: OpenStep, control: LoopProgram) -> None:
        """Begin with what there is to go through. Raises `LongpoleError` for what is no list, and for too long ones."""
        opened.state.loop = loop = LoopState()
        self._take_over(opened, loop)
        if control.items is not None:
            loop.items = items = _list(control.items(opened.frame.scope))
            if isinstance(items, BlobRef):
                self._read(opened, loop, items)
                return
            self._learn_total(control, loop, len(items))
        self._queue(opened)

    def _take_over(self, opened: OpenStep, loop: LoopState) -> None:
        """The results that were there before it began are there now."""
        begun = opened.begun
        if begun is not None and begun.loop is not None:
            done, begun.loop = begun.loop, None
            loop.results, loop.chunks, loop.stored = done.results, done.chunks, done.stored
            loop.previous = done.previous
            self._count_anew(opened, loop)
            self._pass_over(opened, loop)

    @staticmethod
    def _pass_over(opened: OpenStep, loop: LoopState) -> None:
        """What has a result already is not begun."""
        while loop.next < opened.ready or loop.next in loop.results:
            if opened.items:
                opened.items.popleft()
            loop.next += 1

    def advance(self, opened: OpenStep, now: float) -> None:
        """Start the next iteration of a loop, where there is one and room for it, or end it; from `advancing` only."""
        opened.queued = False
        control, loop = opened.compiled.control, opened.state.loop
        if opened.ended or opened.closing or loop is None or not isinstance(control, LoopProgram):
            return
        width = min(control.width or self._stepping.max_parallel, self._stepping.max_parallel)
        if len(opened.frames) >= width:
            return
        if opened.kept_bytes > MAX_KEPT_BYTES and (opened.frames or self._store_id(opened) in self.requests):
            return
        self._pass_over(opened, loop)
        try:
            more = self._has_more(opened, control, loop)
        except LongpoleError as error:
            self._controls.fail(opened, failed_by(error), now)
            return
        if more:
            self._start_next(opened, control, loop, now)
        elif not opened.frames:
            self._finish(opened, loop, now)

    def _has_more(self, opened: OpenStep, control: LoopProgram, loop: LoopState) -> bool:
        if control.test is None:
            return loop.total is None or loop.next < loop.total
        scope = opened.frame.scope
        values = self.values(opened, control, loop.next, loop.previous)
        if not control.test.test(scope.within_loop(values)):
            return False
        if loop.next >= control.most:
            raise _too_many(f"`while` still holds after {loop.next} iterations, {control.most} are allowed")
        return True

    def _start_next(self, opened: OpenStep, control: LoopProgram, loop: LoopState, now: float) -> None:
        index = loop.next
        if control.test is not None:
            given = loop.previous
        elif isinstance(loop.items, BlobRef):
            if not opened.items:
                self._read(opened, loop, loop.items)
                return
            given = opened.items.popleft()
        else:
            given = (loop.items or [])[index]
        loop.next += 1
        self._queue(opened)
        loop_values = self.values(opened, control, index, given)
        self._controls.open_frame(opened, control.body, str(index), now, place=index, given=given, loop=loop_values)

    def values(self, opened: OpenStep, control: LoopProgram, index: int, given: Any) -> Mapping[str, Any]:
        """What `loop` is in an iteration."""
        name = "previous" if control.test is not None else "current_item"
        return {"index": index, name: given, "parent": opened.frame.scope.loop}

    def iteration_ended(self, opened: OpenStep, control: LoopProgram, frame: Frame, now: float) -> None:
        """All of an iteration has ended. With a failure it comes here only in a loop that goes on after one."""
        loop = opened.state.loop
        if loop is None:
            return
        index = int(frame.name)
        result = None
        if frame.state.failures:
            step_id = frame.state.failures[0]
            error = frame.state.steps[step_id].error or StepFailure()
            at = error.get("at", frame.prefix + step_id)
            self._stepping.tell("loop.iteration_failed", now, opened.path, iteration=index, at=at, **brief(error))
        else:
            result = frame.block.result(frame.state.outputs)
        loop.results[index] = result
        self._measure(opened, index, result)
        if control.test is not None:
            loop.previous = result
        self._count_results(opened, loop)
        self._queue(opened)

    def _queue(self, opened: OpenStep) -> None:
        if not opened.queued:
            opened.queued = True
            self._stepping.advancing.append(opened)

    # -- results ------

    @staticmethod
    def _measure(opened: OpenStep, index: int, result: Any) -> None:
        size = opened.sizes[index] = json_size(result) + 1
        opened.kept_bytes += size

    def _count_results(self, opened: OpenStep, loop: LoopState) -> None:
        while opened.ready in opened.sizes:
            opened.prefix_bytes += opened.sizes.pop(opened.ready)
            opened.ready += 1
        if opened.prefix_bytes > CHUNK_BYTES and self._store_id(opened) not in self.requests:
            self._store(opened, loop, ())

    def _count_anew(self, opened: OpenStep, loop: LoopState) -> None:
        opened.ready = loop.stored
        for index, result in loop.results.items():
            self._measure(opened, index, result)
        self._count_results(opened, loop)

    def _finish(self, opened: OpenStep, loop: LoopState, now: float) -> None:
        if self._store_id(opened) in self.requests:
            return  # goes on when it is stored
        if len(loop.chunks) == 1 and loop.stored == loop.next:
            self._controls.finish(opened, loop.chunks[0], now)
        elif loop.chunks:
            self._store(opened, loop, tuple(loop.chunks))
        else:
            self._controls.finish(opened, [loop.results[index] for index in range(loop.next)], now)

    def _store(self, opened: OpenStep, loop: LoopState, after: tuple[BlobRef, ...]) -> None:
        value, slots = pack([loop.results[index] for index in range(loop.stored, opened.ready)])
        request_id = self._store_id(opened)
        self.requests[request_id] = opened
        self._stepping.outbox.append(StoreValue(request_id, value, slots, after, opened.prefix_bytes))
        opened.storing = (opened.ready, opened.prefix_bytes, bool(after))
        opened.prefix_bytes = 0

    def stored(self, request_id: str, ref: BlobRef, now: float) -> None:
        """What was to be put into blob storage is there."""
        opened = self.requests.pop(request_id, None)
        loop = opened.state.loop if opened is not None else None
        if opened is None or loop is None or opened.ended or opened.closing:
            return
        upto, size, is_whole = opened.storing
        if is_whole:
            self._controls.finish(opened, ref, now)
            return
        for index in range(loop.stored, upto):
            del loop.results[index]
        loop.chunks.append(ref)
        loop.stored = upto
        opened.kept_bytes -= size
        self._count_results(opened, loop)
        self._queue(opened)

    # -- items ------

    def _read(self, opened: OpenStep, loop: LoopState, ref: BlobRef) -> None:
        request_id = f"{opened.path}:items"
        if request_id in self.requests:
            return
        self.requests[request_id] = opened
        self._stepping.outbox.append(ReadItems(request_id, ref, loop.next, READ_AHEAD))

    def read(self, request_id: str, length: int, items: list[Any], slots: list[Any], now: float) -> None:
        """Some items of a list in blob storage, and how long it is."""
        opened = self.requests.pop(request_id, None)
        control, loop = (opened.compiled.control, opened.state.loop) if opened is not None else (None, None)
        if opened is None or loop is None or opened.ended or opened.closing or not isinstance(control, LoopProgram):
            return
        if not items and loop.next < length:
            message = f"no item {loop.next} of {length} could be read"
            self._controls.fail(opened, StepFailure(message=message, error_class="items_lost"), now)
            return
        try:
            self._learn_total(control, loop, length)
        except LongpoleError as error:
            self._controls.fail(opened, failed_by(error), now)
            return
        opened.items.extend(unpack(items, slots))
        self._queue(opened)

    def request_failed(self, request_id: str, failure: StepFailure, now: float) -> None:
        """Blob storage can't do what it was asked for."""
        opened = self.requests.pop(request_id, None)
        if opened is not None:
            self._controls.fail(opened, failure, now)

    @staticmethod
    def _learn_total(control: LoopProgram, loop: LoopState, total: int) -> None:
        if total > control.most:
            raise _too_many(f"there are {total} items, {control.most} iterations are allowed")
        loop.total = total

    # -- going on from a checkpoint ------

    def restore(self, opened: OpenStep) -> None:
        """Go on with the next iteration."""
        loop = opened.state.loop
        if loop is not None and not opened.closing:
            self._count_anew(opened, loop)
            if isinstance(loop.items, BlobRef) and loop.total is None:
                self._read(opened, loop, loop.items)
            else:
                self._queue(opened)

    @staticmethod
    def _store_id(opened: OpenStep) -> str:
        return f"{opened.path}:results"


def _list(items: Any) -> list[Any] | BlobRef:
    if isinstance(items, list | tuple):
        return list(items)
    if isinstance(items, BlobRef):
        return items
    raise LongpoleError(
        f"what is to be gone through is {_kind(items)}, not a list",
        code="not_a_list",
        remedy="let `iterate_over` lead to a list",
    )


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {dict: "a mapping", str: "a text", bool: "a truth value"}.get(type(value), "a number")


def _too_many(message: str) -> LongpoleError:
    return LongpoleError(message, code="too_many_iterations", remedy="raise `max_iterations`, or go through less")
