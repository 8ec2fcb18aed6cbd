"""Records that wait to be written, bounded: what matters least is dropped first."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from store.records import AttemptRecord, EventRecord, LogRecord, ProgressRecord, Record

MOST_RECORDS = 20_000
MOST_WITH_DATA = 1_000
"""With more records than this waiting, attempts wait without inputs and outputs, which may be 64 KiB each: the end of
the run writes the outputs again."""

_DROP_ORDER = (LogRecord, ProgressRecord, EventRecord, AttemptRecord)


class WaitingRecords:
    """A queue in order of arrival. Not thread-safe: the recorder holds its lock around it."""

    def __init__(self, most: int = MOST_RECORDS, most_with_data: int = MOST_WITH_DATA) -> None:
        self._most = most
        self._most_with_data = most_with_data
        self._records: deque[Record] = deque()
        self._pending: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._records)

    def concerns(self, execution_id: str) -> bool:
        """Whether anything of the run is waiting."""
        return self._pending[execution_id] > 0

    def add(self, record: Record) -> None:
        """At the end; may drop what waits longest of what matters least."""
        if isinstance(record, AttemptRecord) and len(self._records) >= self._most_with_data:
            record = replace(record, input_data=None, input_slots=[], output_data=None, output_slots=[])
        self._records.append(record)
        self._pending[record.execution_id] += 1
        if len(self._records) > self._most:
            self._make_room()

    def take(self, most: int) -> list[Record]:
        """The first ones, out of the queue; in front of them, a line for each run about lines that were dropped."""
        notes: list[Record] = [_note(execution_id, count) for execution_id, count in self._dropped.items()]
        self._dropped.clear()
        taken = [self._records.popleft() for _ in range(min(most, len(self._records)))]
        for record in taken:
            self._forget(record)
        return notes + taken

    def take_of(self, execution_id: str) -> list[Record]:
        """Everything of one run, out of the queue."""
        if not self.concerns(execution_id):
            return []
        taken = [record for record in self._records if record.execution_id == execution_id]
        self._records = deque(record for record in self._records if record.execution_id != execution_id)
        del self._pending[execution_id]
        return taken

    def put_back(self, records: list[Record]) -> None:
        """What was taken, in front of all that waits."""
        self._records.extendleft(reversed(records))
        self._pending.update(record.execution_id for record in records)

    def _make_room(self) -> None:
        """Drops a tenth at once: looking through the queue for each new record would take longer and longer."""
        excess = len(self._records) - self._most * 9 // 10
        for kind in _DROP_ORDER:
            kept: deque[Record] = deque()
            for record in self._records:
                if excess > 0 and isinstance(record, kind):
                    excess -= 1
                    self._forget(record)
                    if isinstance(record, LogRecord):
                        self._dropped[record.execution_id] += 1
                else:
                    kept.append(record)
            self._records = kept
            if excess <= 0:
                return

    def _forget(self, record: Record) -> None:
        self._pending[record.execution_id] -= 1
        if self._pending[record.execution_id] <= 0:
            del self._pending[record.execution_id]


def _note(execution_id: str, count: int) -> Record:
    message = f"{count:,} log lines were dropped: they came faster than the database took them"
    metadata: dict[str, Any] = {"dropped": count}
    return LogRecord(execution_id, None, None, datetime.now(UTC), "WARN", message, metadata)
