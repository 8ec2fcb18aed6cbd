"""Keeps the parts of a service running: what dies is started again, and it says so; at the end all stop in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from definitions.errors import LongpoleError

_POLL_SECONDS = 0.2
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0
"""A part that ran this long is taken for healthy: the pauses begin anew."""


class Part(Protocol):
    """Something that runs beside us."""

    name: str
    log_path: Path

    @property
    def running(self) -> bool: ...
    @property
    def exit_code(self) -> int | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class Supervisor:
    """Watches parts that run already; each has a thread, as starting one may take its time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._watched: list[tuple[Part, threading.Thread]] = []
        self._stopping = threading.Event()

    def watch(self, part: Part) -> None:
        """From now on `part` is started again when it ends, and stopped by `stop`: the last one added first."""
        thread = threading.Thread(target=self._watch, args=(part,), name=f"watch {part.name}", daemon=True)
        self._watched.append((part, thread))
        thread.start()

    def stop(self) -> None:
        """Stop all parts, the last one added first, each after the one before has ended."""
        self._stopping.set()
        for part, thread in reversed(self._watched):
            part.stop()
            thread.join()
            part.stop()  # it may have been about to start again
        self._watched.clear()

    def _watch(self, part: Part) -> None:
        pause, started = _FIRST_PAUSE, time.monotonic()
        while not self._stopping.wait(_POLL_SECONDS):
            if part.running:
                continue
            if time.monotonic() - started > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            self._say(
                f"the {part.name} ended unexpectedly ({_ending(part.exit_code)}); starting it again in {pause:g} s"
                f" (its log: {part.log_path})"
            )
            if self._stopping.wait(pause):
                return
            pause, started = min(pause * 2, _LONGEST_PAUSE), time.monotonic()
            try:
                part.start()
            except LongpoleError as error:
                if not self._stopping.is_set():
                    self._say(f"the {part.name} could not be started again: {error}")
            else:
                self._say(f"the {part.name} is started again")


def _ending(exit_code: int | None) -> str:
    if exit_code is None:
        return "not started"
    return f"signal {exit_code - 128}" if exit_code > 128 else f"exit code {exit_code}"
