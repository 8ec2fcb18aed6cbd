"""How a run is shown while it goes on: as one line an event, or live in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.text import Text

from longpole.cli.display import ICONS, clock_text, one_line, seconds_text, status_style
from longpole.cli.run_state import RunState, StepState

if TYPE_CHECKING:
    from engine.views import Event


class View(Protocol):
    """Something that shows a run."""

    wants_progress: bool
    """Whether it shows how far running steps are."""

    def say(self, line: str) -> None:
        """One line about what is going on around the run."""

    def begin(self, state: RunState) -> None:
        """The run has been started."""

    def event(self, state: RunState, event: Event, step: StepState | None) -> None:
        """An event was applied to `state`; `step` is the step it is about."""

    def refresh(self, state: RunState) -> None:
        """Time has passed."""

    def end(self) -> None:
        """Nothing more will come."""


class LineView:
    """One line an event: for logs, pipes and CI."""

    wants_progress = False

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(Text(line, style="dim"))

    def begin(self, state: RunState) -> None:
        self._console.print(Text(f"run {state.execution_id} of {state.name}, {len(state.steps)} steps"))

    def event(self, state: RunState, event: Event, step: StepState | None) -> None:
        if step is None:
            what = event.type.removeprefix("run.").replace("_", " ")
            why = f": {one_line(state.reason, 300)}" if state.reason else ""
            self._console.print(Text.assemble(clock_text(event.at), " run  ", (what + why, status_style(state.status))))
            return
        what = event.type.removeprefix("step.")
        style = status_style(step.status)
        line = Text.assemble(f"{clock_text(event.at)} ", (ICONS.get(step.status, " "), style), f" {step.title}  ")
        line.append(what, style)
        if step.attempt and step.max_attempts > 1:
            line.append(f" (attempt {step.attempt} of {step.max_attempts})")
        took = step.seconds(event.at)
        if what in ("completed", "failed") and took is not None:
            line.append(f" after {seconds_text(took)}")
        if step.note:
            line.append(f"  {one_line(step.note, 300)}", "dim")
        self._console.print(line)

    def refresh(self, state: RunState) -> None:
        """Lines tell what happened, not that time passes."""

    def end(self) -> None:
        """Every line is out already."""


def choose_view(console: Console) -> View:
    """Live in a terminal, else lines."""
    if not console.is_terminal:
        return LineView(console)
    from longpole.cli.run_live import LiveView

    return LiveView(console)
