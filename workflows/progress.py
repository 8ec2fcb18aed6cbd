"""What an operator sees of a run in the Temporal web UI: its current details, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from definitions.block import around
from definitions.block_state import UPSTREAM_FAILED
from definitions.calls import StepStatus
from definitions.markdown import plain
from definitions.messages import Ending
from definitions.wording import named
from workflows.frames import Frame
from workflows.open_steps import LoopProgress, loop_progress, said_of, under_way
from workflows.runner import Runner

TABLE_ROWS = 60
"""Runs of more steps show what failed and what is running only."""
MOST_TOLD = 500
"""How many waits, and how many loops, a snapshot tells of."""
FAILED_ROWS = 20
"""How many failures a run of more steps shows at most."""
MESSAGE_LENGTH = 160
SHOWN: tuple[StepStatus, ...] = ("completed", "running", "pending", "skipped", "failed", "cancelled")
_GAP = "\u00a0"
"""The web UI puts cells side by side without a gap, and shows its frame a line too small."""
_HEADER = f"| step | | status | started{_GAP}(UTC) | took | |\n| --- | --- | --- | --- | ---: | --- |"
_DAY = 24 * 60 * 60
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, like every time of the workflow's clock
_REASONS = MappingProxyType(
    {
        "condition": "its condition was false",
        "upstream_skipped": "every step that it reads from was skipped",
        "not_needed": "no step that it handles failed",
        "abandoned": "did not end within the grace period",
    }
)


class Progress:
    """The progress of one run. Telling it takes time in proportion to what is shown, not to the size of the run, and
    only rows that have changed are made anew: it is told after each event."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._rows: dict[str, tuple[object, str]] = {}
        """The row of each step, and what it was made from."""
        self.ending: Ending | None = None
        """Set once the run has ended."""
        self.waiting = False
        """Its hour has not come yet."""

    @property
    def status(self) -> str:
        """The run's status."""
        if self.ending is not None:
            return self.ending.status
        if self._runner.stopping is not None:
            return "cancelling"
        if self._runner.state.paused:
            return "paused"
        return "scheduled" if self.waiting else "running"

    def snapshot(self) -> dict[str, Any]:
        """A run as JSON: what the `progress` query answers."""
        state = self._runner.state
        return {
            "status": self.status,
            "steps": {status: state.counts[status] for status in SHOWN if state.counts[status]},
            "total": len(state.steps),
            "running": list(self._runner.running_steps),
            "waiting": dict(islice(self._waiting(), MOST_TOLD)),
            "loops": dict(islice(self._loops(), MOST_TOLD)),
            "failed": state.failures,
            "reason": self._runner.stop_reason,
        }

    def _waiting(self) -> Iterator[tuple[str, str]]:
        """What waits for a time, an event or an answer, and for which."""
        for path, opened in self._runner.controls.opened.items():
            if opened.frame.state.steps[opened.step_id].waiting_for:
                yield path, said_of(opened)

    def _loops(self) -> Iterator[tuple[str, LoopProgress]]:
        for path, opened in self._runner.controls.opened.items():
            told = loop_progress(opened)
            if told is not None:
                yield path, told

    def markdown(self) -> str:
        """The run's definition, status and steps."""
        runner = self._runner
        definition, state = runner.program.definition, runner.state
        counts = ", ".join(f"{state.counts[status]} {status}" for status in SHOWN if state.counts[status])
        shown: Iterable[str] = runner.program.order
        rest = ""
        if len(state.steps) > TABLE_ROWS:
            failed = state.failures[:FAILED_ROWS]
            shown = islice(chain(failed, runner.running_steps), TABLE_ROWS)
            hidden = max(0, len(failed) + runner.running - TABLE_ROWS) + len(state.failures) - len(failed)
            more = f", {hidden} more of which are left out" if hidden else ""
            rest = f"\n\nOnly steps that failed or are running{more}; `longpole show` has all of them."
        else:
            inside = self._under_way_inside()
            shown = chain.from_iterable((step_id, *inside.get(step_id, ())) for step_id in shown)
        rows = "\n".join(self._row(path) for path in shown)
        return (
            f"**{plain(definition.name)}** version {plain(definition.version)}: "
            f"**{self.status}**{self._explained()}\n\n"
            f"{len(state.steps)} steps: {counts}\n\n"
            f"{_HEADER}\n{rows}{rest}\n\n{_GAP}"
        )

    def _explained(self) -> str:
        """Why the run stands where it stands, in a few words."""
        runner = self._runner
        limit = runner.state.max_parallel or runner.program.definition.max_parallel_steps
        if self.ending is not None:
            return f": {plain((self.ending.error or {}).get('message', ''))}" if self.ending.error else ""
        if runner.stopping is not None:
            return f": {plain(runner.stop_reason)}; running steps are told to end, nothing new starts"
        if runner.state.paused:
            return ": running steps go on to their end, nothing new starts before the signal `resume`"
        return f", at most {limit} at once" if limit else ""

    def _under_way_inside(self) -> dict[str, list[str]]:
        """The steps in blocks that run or are open, as many as are shown, by the outermost step that they are in."""
        inside: dict[str, list[str]] = {}
        if len(self._runner.controls.frames) > 1:
            inner = (frame.prefix + step_id for frame, step_id in under_way(self._runner) if frame.within is not None)
            for path in islice(inner, TABLE_ROWS):
                inside.setdefault(around(path)[0], []).append(path)
        return inside

    def _row(self, path: str) -> str:
        found = self._runner.find(path)
        if found is None:
            return ""
        frame, step_id = found
        step, opened = frame.state.steps[step_id], frame.opened.get(step_id)
        said = said_of(opened, _in_markdown) if opened is not None else ""
        digest = self._runner.program.digest  # another one once the run was changed
        made_from = (step.status, step.started_at, step.completed_at, frame.waiting.get(step_id, 0), digest, said)
        known = self._rows.get(path)
        if known is not None and known[0] == made_from:
            return known[1]
        row = self._made_row(frame, step_id, said)
        if len(self._rows) >= 2 * TABLE_ROWS:
            self._rows.clear()
        self._rows[path] = (made_from, row)
        return row

    def _made_row(self, frame: Frame, step_id: str, said: str) -> str:
        step, title = frame.state.steps[step_id], frame.block.steps[step_id].step.title
        started = took = ""
        if step.started_at is not None:
            started = self._clock(step.started_at)
            if step.completed_at is not None:
                took = _duration(step.completed_at - step.started_at)
        name = plain(title) if title != step_id else ""
        note = "; ".join(each for each in (said, self._note(frame, step_id)) if each)
        cells = (f"`{frame.prefix}{step_id}`", name, step.status, started, took, note)
        return f"| {f'{_GAP} | '.join(cells)} |"

    def _clock(self, at: float) -> str:
        """The time of day, with the day where that is another than the run's first."""
        day, second = divmod(int(at), _DAY)
        # By hand: `strftime` imports a module each time, through the sandbox, which costs more than all of a row.
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        if day == int(self._runner.state.started_at) // _DAY:
            return clock
        return f"{(_EPOCH + timedelta(days=day)).date().isoformat()}{_GAP}{clock}"

    def _note(self, frame: Frame, step_id: str) -> str:
        step = frame.state.steps[step_id]
        if step.status == "pending":
            return _waits_for(frame, step_id)
        notes = []
        if step.status == "failed" and step.error is not None:
            notes.append(plain(step.error.get("message", ""), MESSAGE_LENGTH))
        if step.reason == UPSTREAM_FAILED:
            steps, requires = frame.state.steps, frame.block.steps[step_id].requires
            notes.append(f"needs {named(each for each in requires if steps[each].fails_dependants)}")
        elif step.reason:
            notes.append(_REASONS.get(step.reason) or plain(step.reason, MESSAGE_LENGTH))
        if step.attempts > 1:
            notes.append(f"{step.attempts} attempts")
        if step.lost:
            notes.append(f"{step.lost} more lost with their worker")
        return "; ".join(notes)


def _in_markdown(text: str) -> str:
    return plain(text, MESSAGE_LENGTH)


def _waits_for(frame: Frame, step_id: str) -> str:
    compiled, steps = frame.block.steps[step_id], frame.state.steps
    if compiled.handles:
        return f"only if {named(compiled.handles, 'or')} fails"
    waiting = [each for each in compiled.requires if not steps[each].settled]
    if compiled.after is not None and not waiting and not steps[compiled.after].settled:
        waiting.append(compiled.after)
    return f"waits for {named(waiting)}" if waiting else "ready"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f}{_GAP}s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
