"""Attempts, log lines, events and progress into the store: batched, beside the step, never failing or repeating it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from activities.waiting import WaitingRecords
from store.database import Database, Session, StoreUnavailable
from store.recording import Beside
from store.recording import record as store_records
from store.records import AttemptRecord, EventRecord, LogRecord, ProgressRecord, Record

log = structlog.get_logger(__name__)

BATCH_SECONDS = 0.05
"""So long the first record waits for others."""
BUSY_BATCH_SECONDS = 0.25
"""While records keep coming, batches are so far apart: one of a few records costs as much as one of fifty."""
BATCH_RECORDS = 500
_HAND_OVER_SECONDS = 2.0
"""How long `write_with` waits for a batch that is just being written. Nothing is lost where that is not enough."""
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Recorder:
    """Writes records in a thread of its own. All methods can be called from any thread and, but for `flush` and
    `close`, return at once. What can't be written is tried again until it can, in memory that is bounded
    (`WaitingRecords`)."""

    def __init__(self, database: Database, *, waiting: WaitingRecords | None = None) -> None:
        self._database = database
        self._waiting = waiting or WaitingRecords()
        self._in_hand: list[Record] = []
        self._handed_over: set[str] = set()
        self._changed = threading.Condition()
        self._hurry = 0
        self._closing = False
        self._give_up_at = float("inf")
        self._written_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="longpole-recorder", daemon=True)
        self._thread.start()

    def attempt_started(self, record: AttemptRecord, data: dict[str, Any] | None = None) -> None:
        """The attempt, and an event `step.started`; `data` is added to what the event says."""
        self._add(record, _attempt_event(record, "step.started", record.started_at, data))

    def attempt_ended(self, record: AttemptRecord, data: dict[str, Any] | None = None) -> None:
        """The attempt, and an event `step.completed`, `step.retrying`, `step.failed` or `step.cancelled`."""
        kind = "step.retrying" if record.will_retry else f"step.{record.status}"
        told = {"error_class": record.error_class, "error_message": record.error_message} if record.error_class else {}
        at = record.completed_at or record.started_at
        self._add(record, _attempt_event(record, kind, at, {**told, **(data or {})}))

    def log(self, record: LogRecord) -> None:
        """One line of a step's log."""
        self._add(record)

    def event(self, record: EventRecord) -> None:
        """Something that happened in the run."""
        self._add(record)

    def progress(self, record: ProgressRecord) -> None:
        """How far a step is."""
        self._add(record)

    def flush(self, execution_id: str | None = None, timeout: float = 5.0) -> bool:
        """Waits until what is waiting of the run (None: of all runs) is written. False: it was not within that many
        seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            if not self._concerned(execution_id):
                return True
            self._hurry += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(
                    lambda: not self._concerned(execution_id), max(0.0, deadline - time.monotonic())
                )
            finally:
                self._hurry -= 1

    def write_with(self, execution_id: str, write: Beside) -> None:
        """Runs `write(session, runs)` in one transaction with what is waiting of the run, so that events are in order.

        Blocks. Raises `StoreUnavailable`; what was waiting then waits again."""

        def store(session: Session, records: Sequence[Record]) -> None:
            store_records(session, records, execution_id=execution_id, beside=write)

        try:
            with self._handing_over(execution_id) as records:
                self._database.run_write(lambda session: store(session, records))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - no record may keep out what the caller has to write
            log.warning("records were refused beside others; each is tried alone", error=repr(error)[:500])
            self.flush(execution_id, _HAND_OVER_SECONDS)
            self._database.run_write(lambda session: store(session, ()))

    @contextmanager
    def _handing_over(self, execution_id: str) -> Iterator[list[Record]]:
        """What is waiting of the run, for another transaction. When the block raises, it waits again: for the next one
        that writes of the same run, which waits for this one, so that it comes with all that was before it."""
        with self._changed:
            self._changed.wait_for(lambda: execution_id not in self._handed_over)
            self._handed_over.add(execution_id)
            self._changed.wait_for(lambda: not _any_of(self._in_hand, execution_id), _HAND_OVER_SECONDS)
            records = self._waiting.take_of(execution_id)
        try:
            yield records
        except BaseException:
            with self._changed:
                self._waiting.put_back(records)
            raise
        finally:
            with self._changed:
                self._handed_over.discard(execution_id)
                self._changed.notify_all()

    def close(self, timeout: float = 5.0) -> bool:
        """Writes what is waiting and ends the thread. False: something was left unwritten after that many seconds."""
        with self._changed:
            self._closing = True
            self._give_up_at = time.monotonic() + timeout
            self._changed.notify_all()
        self._thread.join(timeout + 1.0)
        with self._changed:
            left = len(self._waiting) + len(self._in_hand)
        if left:
            log.error("records were left unwritten", records=left)
        return not left

    def _add(self, *records: Record) -> None:
        with self._changed:
            was_idle = not len(self._waiting)
            for record in records:
                self._waiting.add(record)
            if was_idle or len(self._waiting) >= BATCH_RECORDS:
                self._changed.notify_all()

    def _concerned(self, execution_id: str | None) -> bool:
        if execution_id is None:
            return bool(len(self._waiting) or self._in_hand)
        return self._waiting.concerns(execution_id) or _any_of(self._in_hand, execution_id)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while self._take_in_hand():
            try:
                self._write_in_hand()
            except StoreUnavailable as error:
                with self._changed:
                    log.warning("records can't be written now and wait", error=str(error), records=len(self._in_hand))
                    # Not in hand while nothing is tried: who can write sooner (`write_with`) takes them along.
                    self._waiting.put_back(self._in_hand)
                    self._in_hand = []
                    self._changed.notify_all()
                    if time.monotonic() + pause >= self._give_up_at:
                        return
                    self._changed.wait_for(lambda: self._closing, pause)
                pause = min(pause * 2, _LONGEST_PAUSE) if not self._closing else _FIRST_PAUSE
            else:
                pause = _FIRST_PAUSE

    def _take_in_hand(self) -> bool:
        """Waits for records, and for others to go with them. False: closing, and all is written."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) or self._closing)
            if not len(self._waiting):
                return False
            since_last = time.monotonic() - self._written_at
            self._changed.wait_for(
                lambda: len(self._waiting) >= BATCH_RECORDS or self._hurry or self._closing,
                max(BATCH_SECONDS, BUSY_BATCH_SECONDS - since_last),
            )
            self._in_hand = self._waiting.take(BATCH_RECORDS)  # nothing, where all of it was handed over meanwhile
            return True

    def _write_in_hand(self) -> None:
        """Raises `StoreUnavailable`; what is not written then remains in hand.

        When the database answers but refuses a batch, the one record it can't hold must not keep the others out:
        batches become smaller until it is alone."""
        size = len(self._in_hand)
        while self._in_hand:
            batch = self._in_hand[:size]
            try:
                self._write(batch)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - a failing write must not fail anything else
                if len(batch) > 1:
                    size = len(batch) // 2
                    continue
                _tell_refused(batch[0], error)
            size *= 2
            with self._changed:
                del self._in_hand[: len(batch)]
                self._written_at = time.monotonic()
                self._changed.notify_all()

    def _write(self, records: Sequence[Record]) -> None:
        with self._database.write() as session:
            recorded = store_records(session, records)
        if recorded.dropped:
            log.warning("records of executions that the store does not have were dropped", records=recorded.dropped)


def _tell_refused(record: Record, error: Exception) -> None:
    """Without the record itself: it may be large, and is nobody's business but its owner's."""
    log.error("a record was refused and is dropped", kind=type(record).__name__, error=repr(error)[:500])


def _any_of(records: Sequence[Record], execution_id: str) -> bool:
    return any(record.execution_id == execution_id for record in records)


def _attempt_event(record: AttemptRecord, kind: str, at: Any, data: dict[str, Any] | None) -> EventRecord:
    number = f"{record.step_id}#{record.start}/{record.attempt}"
    told = {"attempt": record.attempt, "max_attempts": record.max_attempts, **(data or {})}
    return EventRecord(record.execution_id, kind, at, record.step_id, told, key=f"{number}/{kind}")
