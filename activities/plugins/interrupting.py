"""Calls into libraries that block, ended when the step is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from activities import step

_LOOK_SECONDS = 0.25


@contextmanager
def interrupting(interrupt: Callable[[], None]) -> Iterator[None]:
    """Inside the block, `interrupt` is called from another thread when the step is told to end. What the block then
    fails with is replaced by `StepCancelled`."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            if step.cancelled:
                interrupt()
                return

    watcher = threading.Thread(target=step.bound(watch), name="longpole-interrupt", daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        step.raise_if_cancelled()
        raise
    finally:
        over.set()
        watcher.join()
