"""One run for people: where it stands, what each step did, what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from longpole.cli.display import ICONS, ago_text, one_line, reason_text, seconds_text, status_style, status_text
from longpole.cli.naming import short
from longpole.cli.program import program

if TYPE_CHECKING:
    from engine.views import Event, Execution, InnerSteps, StepView

_SHOWN_STEPS = 200
_SHOWN_OUTPUT = 2_000
"""Characters."""
_SHOWN_REFUSALS = 5


def report(
    console: Console,
    run: Execution,
    link: str | None,
    data_dir_hint: str,
    inner: InnerSteps | None = None,
    refused: Sequence[Event] = (),
) -> None:
    """Print the whole of it. `data_dir_hint`: what commands that are suggested need; `inner`: the steps inside of
    others, or some of them; `refused`: the events that tell of refused signals."""
    took = f"  {seconds_text(run.duration_seconds)}"
    console.print(Text.assemble((run.name, "bold"), "  ", status_text(run.status), took))
    facts = [
        ("run", run.execution_id),
        ("workflow", f"{run.workflow_id}, version {run.version}, revision {run.revision}"),
        ("started", ago_text(run.started_at) or f"not yet; created {ago_text(run.created_at)}"),
    ]
    if run.forked_from is not None:
        facts.append(("rerun of", run.forked_from))
    if run.parent_execution_id is not None:
        facts.append(("step of", f"{run.parent_execution_id}, {run.parent_step}"))
    if run.input not in (None, {}):
        facts.append(("input", one_line(run.input, 300)))
    if link:
        facts.append(("web UI", link))
    _listed(console, facts)
    console.print(_steps(run))
    if inner is not None and inner.total:
        _show_inner(console, inner)
    show_artifacts(console, run, inner)
    _show_refused(console, refused)
    show_error_of(console, run)
    if run.output is not None:
        console.print(Text("output", style="bold"))
        _indented(console, Text(_value(run.output)))
    command = f"{program()} logs {short(run.execution_id)}{data_dir_hint}"
    console.print(Text.assemble(("next ", "dim"), command, ("  shows what the steps logged", "dim")))


def show_artifacts(console: Console, run: Execution, inner: InnerSteps | None = None) -> None:
    """The artifacts and where they are."""
    steps = (*run.steps, *(inner.steps if inner is not None else ()))
    artifacts = [(step.step_id, str(artifact.get("uri", ""))) for step in steps for artifact in step.artifacts]
    if artifacts:
        console.print(Text("artifacts", style="bold"))
        _listed(console, artifacts)


def _show_refused(console: Console, refused: Sequence[Event]) -> None:
    """Whoever sent a signal got no answer: the last ones that were refused, and why."""
    if refused:
        console.print(Text("refused signals", style="bold"))
        _listed(console, [(ago_text(each.at), _refusal(each)) for each in refused[-_SHOWN_REFUSALS:]])


def _refusal(event: Event) -> str:
    problems = event.data.get("problems")
    if problems is None:
        return f"{event.data.get('signal')}: {event.data.get('message')}"
    said = (f"{each['path']}: {each['message']}" if each["path"] else each["message"] for each in problems)
    return f"change: {'; '.join(said)}"


def show_error_of(console: Console, run: Execution) -> None:
    """Why it did not complete."""
    if run.error:
        what = run.error.get("error_class", "error")
        console.print(Text.assemble((f"{what}: ", "bold red"), str(run.error.get("message", ""))))


def _show_inner(console: Console, inner: InnerSteps) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in inner.counts.items())
    console.print(Text.assemble(("inside of them  ", "bold"), counts))
    rest = inner.total - len(inner.steps)
    console.print(_table(inner.steps, f"... and {rest} more; --inside STEP shows those of one, --json all", rest))


def _steps(run: Execution) -> Padding:
    shown = run.steps[:_SHOWN_STEPS]
    rest = len(run.steps) - len(shown)
    return _table(shown, f"... and {rest} more; --json has all", rest)


def _table(steps: Sequence[StepView], more: str, rest: int) -> Padding:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "STEP", "STATUS", "TOOK", "ATTEMPT", ""):
        table.add_column(heading, overflow="fold")
    for step in steps:
        style = status_style(step.status)
        attempts = f"{step.attempts} of {step.max_attempts}" if step.attempts and step.max_attempts > 1 else ""
        table.add_row(
            Text(ICONS.get(step.status, " "), style=style),
            Text(step.title),
            status_text(step.status),
            seconds_text(step.duration_seconds),
            attempts,
            Text(_note(step), style="dim"),
        )
    if rest:
        table.add_row("", Text(more, style="dim"))
    return Padding(table, (1, 0), expand=False)


def _note(step: StepView) -> str:
    if step.status == "running" and step.progress is not None:
        return f"{step.progress:.0%} {step.progress_label}".strip()
    if step.error_message and step.status in ("failed", "running"):
        return one_line(f"{step.error_class}: {step.error_message}", 160)
    return one_line(reason_text(step.reason), 160)


def _value(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_OUTPUT else text[:_SHOWN_OUTPUT] + "\n... (--json has all)"


def _listed(console: Console, rows: list[tuple[str, str]]) -> None:
    """A label and a text a line. Never cut or folded: people copy addresses from here."""
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        console.print(Text.assemble("  ", (label.ljust(width), "dim"), "  ", text), soft_wrap=True)


def _indented(console: Console, what: Any) -> None:
    console.print(Padding(what, (0, 0, 0, 2), expand=False))
