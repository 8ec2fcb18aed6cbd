"""A run in a terminal: a table of its steps that follows what happens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from longpole.cli.display import ICONS, seconds_text, status_style, status_text
from longpole.cli.run_state import RunState, StepState

if TYPE_CHECKING:
    from engine.views import Event

_FRAMES_A_SECOND = 8
_RESERVED_LINES = 6
_LEAST_ROWS = 5
_BAR_WIDTH = 16
_FIRST_SHOWN = ("retrying", "running", "failed", "cancelled", "completed", "skipped", "pending")
"""Which steps are shown when not all fit."""
_PROGRESS_STEPS = 300
"""Of runs with more steps, how far each running one is would cost too much to ask."""


class LiveView:
    """The whole run on one screen, as far as it fits."""

    wants_progress = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began_at = datetime.now(UTC)
        self._live: Live | None = None

    def say(self, line: str) -> None:
        # Above the table, while there is one.
        self._console.print(Text(line, style="dim"))

    def begin(self, state: RunState) -> None:
        self._began_at = datetime.now(UTC)
        self.wants_progress = len(state.steps) <= _PROGRESS_STEPS
        self._live = Live(self._table(state), console=self._console, refresh_per_second=_FRAMES_A_SECOND)
        self._live.start()

    def event(self, state: RunState, event: Event, step: StepState | None) -> None:
        """Shown with the next refresh."""

    def refresh(self, state: RunState) -> None:
        if self._live is not None:
            self._live.update(self._table(state))

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self, state: RunState) -> Group:
        now = datetime.now(UTC)
        head = Text.assemble(
            (state.name, "bold"),
            "  ",
            status_text(state.status),
            f"  {state.done} of {len(state.steps)} steps  {seconds_text((now - self._began_at).total_seconds())}  ",
            (state.execution_id, "dim"),
        )
        rows = max(self._console.height - _RESERVED_LINES, _LEAST_ROWS)
        shown = _most_telling(state, rows)
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2)
        table.add_column(no_wrap=True, max_width=40, overflow="ellipsis")
        table.add_column(no_wrap=True, min_width=9)
        table.add_column(no_wrap=True, justify="right", min_width=6)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for step in shown:
            style = status_style(step.status)
            table.add_row(
                Text(f" {ICONS.get(step.status, ' ')}", style=style),
                Text(step.title, style="dim" if step.status in ("pending", "skipped") else ""),
                Text(step.status, style=style),
                Text(seconds_text(step.seconds(now))),
                _detail(step),
            )
        parts: list[Text | Table] = [head, table]
        if len(shown) < len(state.steps):
            counts = ", ".join(f"{state.counts[status]} {status}" for status in _FIRST_SHOWN if state.counts[status])
            parts.append(Text(f"   {len(shown)} of {len(state.steps)} steps shown: {counts}", style="dim"))
        return Group(*parts)


def _detail(step: StepState) -> Text | Table:
    attempt = f"attempt {step.attempt} of {step.max_attempts}" if step.attempt > 1 or step.status == "retrying" else ""
    if step.status == "running" and step.fraction is not None:
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=1.0, completed=step.fraction, width=_BAR_WIDTH),
            Text(f"{step.fraction:>4.0%}"),
            Text(" ".join(filter(None, (step.label, attempt))), style="dim", no_wrap=True),
        )
        return bar
    style = "red" if step.status == "failed" else "yellow" if step.status == "retrying" else "dim"
    return Text("  ".join(filter(None, (attempt, " ".join(step.note.split())))), style=style)


def _most_telling(state: RunState, rows: int) -> list[StepState]:
    """As many steps as fit: those that run or failed before those that wait or are done; in the definition's order."""
    steps = list(state.steps.values())
    if len(steps) <= rows:
        return steps
    ranked = sorted(range(len(steps)), key=lambda index: (_FIRST_SHOWN.index(steps[index].status), index))
    return [steps[index] for index in sorted(ranked[:rows])]
