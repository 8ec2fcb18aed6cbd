"""What a handler logs and reports while it runs, masked and bounded, on its way to the recorder."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from activities.approximate import approximately_within
from activities.masking import Masker
from activities.recording import Recorder
from activities.step_context import Level
from definitions.bounded_text import bounded
from store.records import LogRecord, ProgressRecord

MESSAGE_LIMIT = 8 * 1024
METADATA_LIMIT = 16 * 1024
LABEL_LIMIT = 200
"""Bytes."""
MEASURED_SECONDS = 5.0
"""What is measured changes all the time."""
PROGRESS_SECONDS = 0.2
"""A handler may report each of a million rows; more often than this nobody looks."""


class AttemptReporter:
    """The reporter of one attempt (`activities.step_context.Reporter`). Thread-safe; deaf once it is closed."""

    def __init__(self, recorder: Recorder, masker: Masker, execution_id: str, step_id: str, attempt: int) -> None:
        self.latest: tuple[float, str] | None = None
        """The newest progress, masked."""
        self._recorder = recorder
        self._mask = partial(masker.text, execution_id)
        self._execution_id = execution_id
        self._step_id = step_id
        self._attempt = attempt
        self._lock = threading.Lock()
        self._closed = False
        self._used: dict[str, float] | None = None
        self._measured: dict[str, float] | None = None
        self._measured_at = float("-inf")
        self._recorded: tuple[tuple[float, str] | None, *tuple[dict[str, float] | None, ...]] = (None, None, None)
        self._recorded_at = float("-inf")

    def log(self, level: Level, message: str, metadata: dict[str, Any]) -> None:
        """One line of the step's log."""
        if self._closed:
            return
        # Masked before it is cut to length: half a secret would not be recognised.
        line = bounded(self._mask(message), MESSAGE_LIMIT)
        told = approximately_within(metadata, METADATA_LIMIT, self._mask) if metadata else {}
        at = datetime.now(UTC)
        self._recorder.log(LogRecord(self._execution_id, self._step_id, self._attempt, at, level, line, told))

    def progress(self, fraction: float, label: str) -> None:
        """How far the step is."""
        self.latest = (fraction, bounded(self._mask(label), LABEL_LIMIT))
        self._catch_up_soon()

    def usage(self, amounts: dict[str, float]) -> None:
        """What the step has used so far."""
        self._used = amounts
        self._catch_up_soon()

    def measured(self, amounts: dict[str, float] | None) -> None:
        """What the worker sees the step use now; recorded by the next `catch_up`, but not each time."""
        if time.monotonic() - self._measured_at >= MEASURED_SECONDS:
            self._measured, self._measured_at = amounts, time.monotonic()

    def _catch_up_soon(self) -> None:
        if time.monotonic() - self._recorded_at >= PROGRESS_SECONDS:
            self.catch_up()

    def catch_up(self) -> None:
        """Records the newest progress, usage and measures, if they are not recorded yet."""
        with self._lock:
            told = self.latest, self._used, self._measured
            if self._closed or told in ((None, None, None), self._recorded):
                return
            self._recorded, self._recorded_at = told, time.monotonic()
        fraction, label = told[0] or (None, "")
        at = datetime.now(UTC)
        self._recorder.progress(ProgressRecord(self._execution_id, self._step_id, fraction, label, at, *told[1:]))

    def close(self) -> None:
        """The attempt is over: what a handler that was left behind still says is not its step's any more."""
        self._closed = True
