"""`longpole mock`: how a run would go, with made-up steps, in milliseconds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from longpole.cli import exit_codes
from longpole.cli.console import out, print_json
from longpole.cli.display import ICONS, one_line, reason_text, seconds_text, status_style, status_text
from longpole.cli.documents import read_document
from longpole.cli.inputs import run_input
from longpole.cli.options import Json
from longpole.cli.run_json import as_json_value

if TYPE_CHECKING:
    from definitions.calls import StepOutcome
    from definitions.model import Definition
    from engine.mock.run import MockRun


MOST_ROWS = 500


def mock(
    file: Annotated[Path, typer.Argument(help="A workflow definition, YAML or JSON.", show_default=False)],
    responses: Annotated[
        Path | None,
        typer.Option("--responses", "-r", help="What steps do, YAML or JSON: outputs, seconds, errors."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="KEY=VALUE", help="One input; VALUE is JSON, or else text. Repeatable."),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", help="Inputs from a YAML or JSON file; --input wins over it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a workflow with **made-up steps**: the same rules, no handler called, no Temporal, no time passed.

    A step without a response returns nothing and takes its `estimated_duration`; approvals are given at once. Exit
    codes as those of `run`.
    """
    from definitions import validation
    from engine.mock.responses import read_responses
    from engine.mock.run import mock_run

    definition = validation.load(read_document(file))
    chosen = read_responses(read_document(responses) if responses else {}, definition)
    run = mock_run(definition, chosen, run_input(inputs or (), input_file))
    if as_json:
        print_json(as_json_value(run))
    else:
        _show(definition, run)
    raise typer.Exit(exit_codes.of_status(run.status))


def _show(definition: Definition, run: MockRun) -> None:
    out.print(Text.assemble((definition.name, "bold"), "  ", status_text(run.status), f"  {seconds_text(run.seconds)}"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "STEP", "STATUS", "START", "END", "ATTEMPTS", ""):
        table.add_column(heading, overflow="fold")
    titles = {step.id: step.title for step in definition.steps}
    for step_id, step in islice(run.steps.items(), MOST_ROWS):
        table.add_row(
            Text(ICONS.get(step["status"], " "), style=status_style(step["status"])),
            Text(titles.get(step_id, f"  {step_id}")),
            status_text(step["status"]),
            seconds_text(step.get("started_at")),
            seconds_text(step.get("completed_at")),
            str(step.get("attempts") or ""),
            Text(_note(step), style="dim"),
        )
    out.print(Padding(table, (1, 0), expand=False))
    if len(run.steps) > MOST_ROWS:
        out.print(f"and {len(run.steps) - MOST_ROWS} more: --json has all of them\n")
    if run.error:
        out.print(Text.assemble((f"{run.error.get('error_class')}: ", "bold red"), str(run.error.get("message", ""))))
    if run.output is not None:
        out.print(Text.assemble(("output ", "bold"), one_line(run.output, 2_000)))


def _note(step: StepOutcome) -> str:
    error = step.get("error")
    if error and step["status"] == "failed":
        return one_line(f"{error.get('error_class')}: {error.get('message')}", 160)
    return reason_text(step.get("reason", ""))
