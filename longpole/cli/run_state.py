"""What is known of a run from its events: the one thing that every view of it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from definitions.calls import FINAL_RUN_STATUSES, FINAL_STEP_STATUSES
from longpole.cli.display import reason_text

if TYPE_CHECKING:
    from engine.views import Event, StepView

_RUN_EVENTS = {"run.paused": "paused", "run.resumed": "running", "run.cancelling": "cancelling"}
_STEP_EVENTS = {
    "step.started": "running",
    "step.retrying": "retrying",
    "step.completed": "completed",
    "step.failed": "failed",
    "step.cancelled": "cancelled",
    "step.skipped": "skipped",
}


@dataclass
class StepState:
    """One step. Times are those of the events."""

    step_id: str
    title: str
    status: str = "pending"
    attempt: int = 0
    max_attempts: int = 1
    started_at: datetime | None = None
    ended_at: datetime | None = None
    note: str = ""
    """Why: the error of the last attempt, or the reason for a skip."""
    fraction: float | None = None
    label: str = ""

    def seconds(self, now: datetime) -> float | None:
        """How long it has taken, or has been going on, since its first attempt began."""
        if self.started_at is None:
            return None
        return ((self.ended_at or now) - self.started_at).total_seconds()


@dataclass
class RunState:
    """One run and its steps, in the definition's order."""

    name: str
    execution_id: str
    steps: dict[str, StepState]
    status: str = "pending"
    sequence: int = 0
    """Of the last event that was applied."""
    reason: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    others: dict[str, StepState] = field(default_factory=dict)
    """Steps under way that the definition does not list outermost, by path: those in blocks, and injected ones."""

    @classmethod
    def new(cls, name: str, execution_id: str, titles: Iterable[tuple[str, str]]) -> RunState:
        """Before the first event; `titles` are (step id, title)."""
        steps = {step_id: StepState(step_id, title) for step_id, title in titles}
        return cls(name, execution_id, steps, counts=Counter(pending=len(steps)))

    @property
    def ended(self) -> bool:
        """Whether the run has its final status."""
        return self.status in FINAL_RUN_STATUSES

    @property
    def done(self) -> int:
        """Steps that have ended, however."""
        return sum(self.counts[status] for status in FINAL_STEP_STATUSES)

    def apply(self, event: Event) -> StepState | None:
        """Take in the next event; the step it is about, if any."""
        self.sequence = event.sequence
        kind, _, status = event.type.partition(".")
        if kind == "run":
            self.status = _RUN_EVENTS.get(event.type, status if status in FINAL_RUN_STATUSES else self.status)
            self.reason = str(event.data.get("reason") or event.data.get("message") or "")
            return None
        if event.step_id is None:
            self.reason = str(event.data.get("message") or "")
            return None
        if self.status == "pending":
            self.status = "running"
        step = self.steps.get(event.step_id)
        if step is None:
            return self._apply_to_other(event, event.step_id)
        if event.type in _STEP_EVENTS and step.status not in FINAL_STEP_STATUSES:
            self.counts[step.status] -= 1
            _set(step, _STEP_EVENTS[event.type], event)
            self.counts[step.status] += 1
        return step

    def _apply_to_other(self, event: Event, path: str) -> StepState:
        step = self.others.pop(path, None) or StepState(path, path)
        if event.type in _STEP_EVENTS:
            _set(step, _STEP_EVENTS[event.type], event)
        if step.status not in FINAL_STEP_STATUSES:
            self.others[path] = step
        return step

    def progress(self, view: StepView) -> None:
        """Take in how far a running step says it is."""
        step = self.steps.get(view.step_id)
        if step is not None and step.status == "running":
            step.fraction, step.label = view.progress, view.progress_label


def _set(step: StepState, status: str, event: Event) -> None:
    step.status = status
    step.attempt = int(event.data.get("attempt") or step.attempt)
    step.max_attempts = int(event.data.get("max_attempts") or step.max_attempts)
    if status == "running":
        step.started_at = step.started_at or event.at
        step.fraction, step.label = None, ""
    elif status in FINAL_STEP_STATUSES:
        step.ended_at = event.at
    if status in ("retrying", "failed", "skipped", "cancelled"):
        step.note = _note(event)
    elif status == "completed":
        step.note = ""


def _note(event: Event) -> str:
    data = event.data
    message = str(data.get("error_message") or data.get("message") or reason_text(str(data.get("reason") or "")))
    error_class = data.get("error_class")
    told = f"{error_class}: {message}" if error_class else message
    wait = data.get("retry_in_seconds")
    return f"{told} (again in {wait:g} s)" if isinstance(wait, int | float) else told
