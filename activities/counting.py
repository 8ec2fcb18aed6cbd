"""Which attempt of a step this is, and whether another follows.

Temporal counts every attempt that it starts. Those that were lost with their worker must not use up the author's
`max_attempts`, so each attempt counts for itself: heartbeat details carry how many attempts have really failed, and
the server hands the details of the last heartbeat to the next attempt. A heartbeat made just before an attempt fails
arrives, however soon it follows another one: the SDK sends what it holds back before it reports the failure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from activities.errors import TIMEOUT, WORKER_LOST, Classified, PermanentFailure
from definitions.calls import StepCall

MOST_LOST = 5
FAILED = "failed"
"""The key in heartbeat details."""


@dataclass(frozen=True)
class Tally:
    """What came before this attempt: attempts that failed, and attempts that were lost with their worker."""

    failed: int
    lost: int

    @classmethod
    def of(cls, temporal_attempt: int, heartbeat_details: Sequence[Any]) -> Tally:
        """From what Temporal knows of the attempts before."""
        details = heartbeat_details[0] if heartbeat_details else None
        failed = details.get(FAILED, 0) if isinstance(details, Mapping) else 0
        # An operator who resets an activity in the web UI sets Temporal's count back to 1, not ours.
        return cls(failed, max(0, temporal_attempt - 1 - failed))

    @classmethod
    def of_local(cls, temporal_attempt: int) -> Tally:
        """Of a local step, which has no heartbeats: one that is lost with its worker begins with its first attempt."""
        return cls(temporal_attempt - 1, 0)

    @property
    def number(self) -> int:
        """The number of this attempt as its author counts."""
        return self.failed + 1


@dataclass(frozen=True)
class Verdict:
    """Whether another attempt follows, and after how many seconds."""

    will_retry: bool
    delay: float = 0.0


def refuse_lost(call: StepCall, tally: Tally) -> None:
    """Raises `PermanentFailure` (`worker_lost`) when the step must not run again after it was lost."""
    if call.at_most_once and tally.lost:
        raise PermanentFailure(
            "its worker was lost while it ran, and the step says `at_most_once`: nobody knows how far it came",
            error_class=WORKER_LOST,
        )
    if tally.lost > MOST_LOST:
        raise PermanentFailure(
            f"its worker was lost {tally.lost} times while it ran; it may be what brings workers down",
            error_class=WORKER_LOST,
        )


def judge(call: StepCall, tally: Tally, failure: Classified) -> Verdict:
    """What follows when this attempt fails like that."""
    if failure.final or call.at_most_once or tally.number >= call.max_attempts:
        return Verdict(False)
    if failure.error_class == TIMEOUT and not call.retry_on_timeout:
        return Verdict(False)
    listed = call.retry_on_errors
    worth_it = not failure.permanent if listed is None else failure.error_class in listed
    return Verdict(True, _delay(call, tally, failure)) if worth_it else Verdict(False)


def _delay(call: StepCall, tally: Tally, failure: Classified) -> float:
    try:
        grown = call.initial_interval * call.backoff_coefficient ** (tally.number - 1)
    except OverflowError:
        grown = call.max_interval
    return max(min(grown, call.max_interval), failure.retry_after or 0.0)
