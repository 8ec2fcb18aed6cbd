"""Waits: for a time, or for an event that somebody sends to the run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from definitions.block import WaitProgram
from definitions.calls import StepFailure
from definitions.durations import MAX_SECONDS
from definitions.errors import EventRefused, ReferenceUnresolved
from definitions.model import zoned_moment
from definitions.values import json_size
from workflows.frames import OpenStep
from workflows.moments import iso

if TYPE_CHECKING:
    from workflows.controls import Controls

MAX_EVENTS = 1_000
"""How many events may be there that nothing has taken yet, and how many ids of events are remembered."""
MAX_EVENT_BYTES = 512 * 1024
"""Of all of them together: they travel with the run from history to history."""


class Waits:
    """The waits of one run that are open, and the events that nothing has taken yet."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._stepping = controls.stepping
        self._waiting: dict[str, deque[OpenStep]] = {}
        self._buffered = sum(len(events) for events in self._stepping.state.events.values())
        self._bytes = sum(json_size(data) for events in self._stepping.state.events.values() for data in events)

    def begin(self, opened: OpenStep, control: WaitProgram, now: float) -> None:
        """Begin to wait. Raises `LongpoleError` for a moment that is none."""
        wait = control.wait
        if wait.event is not None:
            self._open_event(opened, control, wait.event, now)
            return
        due = now + (wait.seconds or 0.0) if control.until is None else self._moment(opened, control)
        if due <= now:
            self._controls.finish(opened, None, now)
            return
        # No timer is longer; and "for ever" is often said as the last moment of all, which has no name in UTC.
        due = min(due, now + MAX_SECONDS)
        self._say(opened, f"until {iso(due)}")
        self._controls.timers.begin(opened, "due", due - now, now)

    def _open_event(self, opened: OpenStep, control: WaitProgram, name: str, now: float) -> None:
        events = self._stepping.state.events.get(name)
        if events:
            data = events.pop(0)
            if not events:
                del self._stepping.state.events[name]
            self._buffered -= 1
            self._bytes -= json_size(data)
            self._controls.finish(opened, data, now)
            return
        self.restore(opened, control)
        self._say(opened, f"event:{name}")
        if control.wait.timeout is not None:
            self._controls.timers.begin(opened, "expires", control.wait.timeout, now)

    @staticmethod
    def _moment(opened: OpenStep, control: WaitProgram) -> float:
        moment = control.until.resolve(opened.frame.scope) if control.until is not None else None
        if not isinstance(moment, str):
            raise ReferenceUnresolved(
                f"`until` is {str(moment)[:80]!r}, which is no date and time", remedy="give it as text in ISO 8601"
            )
        return zoned_moment(moment).timestamp()

    def restore(self, opened: OpenStep, control: WaitProgram) -> None:
        """Wait for an event, after those that wait for it already: who began first gets the first one."""
        if control.wait.event is None:
            return
        self._open_waits(control.wait.event)
        waiting = self._waiting.setdefault(control.wait.event, deque())
        started = self._started_at(opened)
        place = len(waiting)
        while place and self._started_at(waiting[place - 1]) > started:
            place -= 1
        waiting.insert(place, opened)

    def check(self, name: str, data: Any) -> None:
        """Raises `EventRefused` for an event that can't be taken now."""
        if not (isinstance(name, str) and 0 < len(name) <= 200):
            raise EventRefused("an event has a name of 1 to 200 characters", remedy="give it the name of the `wait`")
        if self._stepping.stopping is not None or self._stepping.finished:
            raise EventRefused("the run is over, or is being ended: nothing takes events any more")
        if self._open_waits(name):
            return
        if self._buffered >= MAX_EVENTS:
            raise EventRefused(
                f"{self._buffered} events are there that no step has taken", remedy="send it when a step waits for it"
            )
        if self._bytes + json_size(data) > MAX_EVENT_BYTES:
            said = f"the events that no step has taken would be larger than {MAX_EVENT_BYTES} bytes"
            raise EventRefused(said, remedy="send it when a step waits for it, or send less")

    def received(self, name: str, data: Any, now: float, event_id: str) -> None:
        """An event has come: the step that has waited longest takes it. One with an id that was there is dropped.

        Raises `EventRefused`."""
        state = self._stepping.state
        if event_id and event_id in state.event_ids:
            return
        self.check(name, data)
        if event_id:
            state.event_ids[event_id] = None
            if len(state.event_ids) > MAX_EVENTS:
                del state.event_ids[next(iter(state.event_ids))]
        self._stepping.tell("event.received", now, name=name)
        waiting = self._open_waits(name)
        if waiting:
            self._controls.finish(waiting.popleft(), data, now)
        else:
            state.events.setdefault(name, []).append(data)
            self._buffered += 1
            self._bytes += json_size(data)

    def expired(self, opened: OpenStep, now: float) -> None:
        """The event has not come in time."""
        wait = opened.compiled.step.wait
        if wait is None or wait.on_timeout == "continue":
            self._controls.finish(opened, None, now)
            return
        message = f"the event {wait.event!r} did not come within {wait.timeout:g} s"
        self._controls.fail(opened, StepFailure(message=message, error_class="timeout"), now)

    def _open_waits(self, name: str) -> deque[OpenStep]:
        """Those that wait for it, without those that have ended since."""
        waiting = self._waiting.get(name)
        while waiting and waiting[0].ended:
            waiting.popleft()
        if not waiting:
            self._waiting.pop(name, None)
            return deque()
        return waiting

    def _say(self, opened: OpenStep, what: str) -> None:
        opened.frame.state.steps[opened.step_id].waiting_for = what

    @staticmethod
    def _started_at(opened: OpenStep) -> float:
        return opened.frame.state.steps[opened.step_id].started_at or 0.0
