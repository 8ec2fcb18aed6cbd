"""The timers of control steps. What only limits how long something may take stands still while a run is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from definitions.calls import StepFailure
from definitions.messages import CancelTimer, StartTimer
from definitions.open_state import Timer
from workflows.frames import OpenStep

if TYPE_CHECKING:
    from workflows.controls import Controls

_STANDS_STILL = ("timeout", "expires")


class Timers:
    """The timers that run, by their ids."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._stepping = controls.stepping
        self._running: dict[str, tuple[OpenStep, str]] = {}

    def begin(self, opened: OpenStep, kind: str, seconds: float, now: float) -> None:
        """Start the timer of that kind of a control step."""
        opened.state.timers[kind] = Timer(due=now + seconds)
        self._start(opened, kind, seconds)

    def end_all(self, opened: OpenStep) -> None:
        """A control step has ended: nothing waits for its timers any more."""
        for kind in opened.state.timers:
            self._cancel(opened, kind)
        opened.state.timers.clear()

    def fired(self, timer_id: str, now: float) -> None:
        """A timer has ended. One that is not known was cancelled at the same moment."""
        opened, kind = self._running.pop(timer_id, (None, ""))
        if opened is None:
            return
        del opened.state.timers[kind]
        if kind == "timeout":
            limit = opened.compiled.step.timeout
            failure = StepFailure(message=f"it took longer than its timeout of {limit:g} s", error_class="timeout")
            self._controls.fail(opened, failure, now, cancel="timeout")
        elif opened.state.approval is not None:
            self._controls.approvals.expired(opened, now)
        elif kind == "expires":
            self._controls.waits.expired(opened, now)
        else:
            self._controls.finish(opened, None, now)

    def pause(self, now: float) -> None:
        """What stands still while the run is paused does so from now on."""
        for opened, kind in list(self._running.values()):
            timer = opened.state.timers[kind]
            if kind in _STANDS_STILL:
                timer.left = max(0.0, timer.due - now)
                self._cancel(opened, kind)

    def resume(self, now: float) -> None:
        """It goes on."""
        for opened in self._controls.opened.values():
            for kind, timer in opened.state.timers.items():
                if timer.left is not None:
                    timer.due, seconds, timer.left = now + timer.left, timer.left, None
                    self._start(opened, kind, seconds)

    def restore(self, opened: OpenStep, now: float) -> None:
        """Start again, for the time that is left, what ran when a checkpoint was taken."""
        for kind, timer in opened.state.timers.items():
            if timer.left is None:
                self._start(opened, kind, max(0.0, timer.due - now))

    def _start(self, opened: OpenStep, kind: str, seconds: float) -> None:
        timer_id = f"{opened.path}:{kind}"
        self._running[timer_id] = (opened, kind)
        self._stepping.outbox.append(StartTimer(timer_id, seconds))

    def _cancel(self, opened: OpenStep, kind: str) -> None:
        timer_id = f"{opened.path}:{kind}"
        if self._running.pop(timer_id, None) is not None:
            self._stepping.outbox.append(CancelTimer(timer_id))
