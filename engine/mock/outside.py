"""What a mock run has around it beside activities: timers, blob storage, events that come, people who answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from definitions.digest import digest
from definitions.errors import LongpoleError
from definitions.messages import CancelTimer, Command, Decision, ReadItems, StartTimer, StoreValue
from definitions.values import BlobRef, json_size, pack, resolve_deferred, unpack
from definitions.wording import named
from engine.mock.responses import MockAnswer, MockResponses
from workflows.runner import Runner

Later = Callable[[float, Callable[[], None]], None]
"""Do something in so many seconds."""


class Outside:
    """The surroundings of one run."""

    def __init__(self, runner: Runner, responses: MockResponses, now: Callable[[], float], later: Later) -> None:
        self._runner = runner
        self._responses = responses
        self._now = now
        self._later = later
        self._timers: dict[str, object] = {}
        self._blobs: dict[str, list[Any]] = {}
        self._asked: dict[str, float] = {}
        """Approvals that somebody is to answer, and when they were asked."""

    def begin(self) -> None:
        """Send the events of the responses in their time."""
        for event in self._responses.events:
            self._later(event.after, partial(self._send, event.name, event.data))

    def obey(self, command: Command) -> None:
        """Do what the runner wants of anything but steps."""
        match command:
            case StartTimer(timer_id, seconds):
                mark = self._timers[timer_id] = object()
                self._later(seconds, lambda: self._fire(timer_id, mark))
            case CancelTimer(timer_id):
                self._timers.pop(timer_id, None)
            case ReadItems(request_id, ref, start, count):
                items = self.whole(ref)
                told, slots = pack(items[start : start + count])
                self._later(0, lambda: self._runner.items_read(request_id, len(items), told, slots, self._now()))
            case StoreValue(request_id, value, slots, after):
                kept = [item for part in after for item in self._blobs[part.digest]] + unpack(value, slots)
                ref = self._kept(kept)
                self._later(0, lambda: self._runner.value_stored(request_id, ref, self._now()))

    def answer(self) -> None:
        """See to the approvals that are new."""
        for asked in self._runner.approvals:
            path, at = asked["step_id"], asked["requested_at"]
            said = self._responses.answer_of(path)
            if self._asked.get(path) != at and said.approved is not None:
                self._asked[path] = at
                self._later(said.after, partial(self._decide, path, at, said))

    def whole(self, value: Any) -> Any:
        """A value with all that is kept in blob storage."""
        return resolve_deferred(value, lambda key: self.whole(self._blobs[key]))

    def stuck(self) -> LongpoleError:
        """Nothing is due any more, and the run has not ended."""
        waiting = {
            path: opened.frame.state.steps[opened.step_id].waiting_for
            for path, opened in self._runner.controls.opened.items()
        }
        asked = [path for path, what in waiting.items() if what == "approval"]
        events = [what.partition(":")[2] for what in waiting.values() if what.startswith("event:")]
        said = [f"an answer to {named(asked)}"] if asked else []
        said += [f"the event {named(dict.fromkeys(events))}"] if events else []
        return LongpoleError(
            f"the run waits for {' and '.join(said)}, which the responses never give",
            code="mock_waits",
            remedy="add it under `events` or `approvals`, or give the step a timeout",
        )

    def _fire(self, timer_id: str, mark: object) -> None:
        if self._timers.get(timer_id) is mark:
            del self._timers[timer_id]
            self._runner.timer_fired(timer_id, self._now())

    def _send(self, name: str, data: Any) -> None:
        if self._runner.stopping is None and not self._runner.finished:
            self._runner.event_received(name, data, self._now())

    def _decide(self, path: str, at: float, said: MockAnswer) -> None:
        asked = next((each for each in self._runner.approvals if each["step_id"] == path), None)
        if asked is None or asked["requested_at"] != at:
            return
        by = said.by if said.by is not None else next(iter(asked["approvers"]), "")
        values = dict(said.values) if said.values else None
        self._runner.decided(path, Decision(bool(said.approved), by, said.comment, values), self._now())

    def _kept(self, items: list[Any]) -> BlobRef:
        packed = list(pack(items))
        key = digest(packed)
        self._blobs[key] = items
        return BlobRef(key, json_size(packed))
