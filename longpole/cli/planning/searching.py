"""Planning in a thread of its own while the terminal shows the best plan so far; Ctrl-C ends it with that plan."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Generic, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from longpole.cli.display import seconds_text
from planner import Limits

Found = TypeVar("Found")
Find = Callable[[Limits, Callable[[Found], None]], Found]
"""A search within limits that tells of each better result."""

_LOOK_EVERY = 0.05
_FRAMES_A_SECOND = 4
_SHOWN_AFTER = 0.4
"""Seconds; what is answered sooner needs no display."""


class Search(Generic[Found]):
    """One search and the best that it has found so far."""

    def __init__(self, find: Find[Found], limits: Limits) -> None:
        self._find = find
        self._stop = threading.Event()
        self._limits = replace(limits, cancelled=self._stop.is_set)
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._result: list[Found] = []
        self._best: Found | None = None
        self.interrupted = False
        """Whether Ctrl-C ended it."""

    def run(self, console: Console, draw: Callable[[Found], RenderableType]) -> Found:
        """The result; `draw` shows the best so far where the console is a terminal.

        Raises what the search raises, and `KeyboardInterrupt` when Ctrl-C comes a second time.
        """
        with _interrupts_held_back() as interrupted:
            threading.Thread(target=self._work, name="planning", daemon=True).start()
            if console.is_terminal and not self._done.wait(_SHOWN_AFTER):
                self._watch(console, draw, interrupted)
            else:
                self._wait(interrupted, lambda: None)
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _work(self) -> None:
        try:
            self._result.append(self._find(self._limits, self._better))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        finally:
            self._done.set()

    def _better(self, found: Found) -> None:
        self._best = found

    def _watch(
        self, console: Console, draw: Callable[[Found], RenderableType], interrupted: Callable[[], bool]
    ) -> None:
        began, drawn, picture = time.monotonic(), None, None
        with Live(console=console, auto_refresh=False, transient=True) as live:

            def show() -> None:
                nonlocal drawn, picture
                best = self._best
                if best is not None and best is not drawn:
                    drawn, picture = best, draw(best)
                state = "ending" if self.interrupted else "Ctrl-C keeps the best plan so far"
                line = Text(f"planning for {seconds_text(time.monotonic() - began)}  ({state})", style="dim")
                live.update(Group(line, picture) if picture is not None else line, refresh=True)

            self._wait(interrupted, show)

    def _wait(self, interrupted: Callable[[], bool], show: Callable[[], None]) -> None:
        frame = 0.0
        while not self._done.wait(_LOOK_EVERY):
            if interrupted():
                if self.interrupted:
                    raise KeyboardInterrupt
                self.interrupted = True
                self._stop.set()
            if time.monotonic() - frame > 1 / _FRAMES_A_SECOND:
                show()
                frame = time.monotonic()


@contextmanager
def _interrupts_held_back() -> Iterator[Callable[[], bool]]:
    """Ctrl-C interrupts nothing in here; what is given tells whether it came since it was last asked.

    Held back by the signal mask, and not by a handler: CP-SAT sets a handler of its own while it solves.
    """
    handler = signal.getsignal(signal.SIGINT)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def came() -> bool:
        if signal.SIGINT not in signal.sigpending():
            return False
        signal.sigwait({signal.SIGINT})
        return True

    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
