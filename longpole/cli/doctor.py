"""`longpole doctor`: what is found, what is missing, what to do."""

from __future__ import annotations

import typer
from rich.table import Table
from rich.text import Text

from longpole.cli import exit_codes
from longpole.cli.console import out, print_json
from longpole.cli.options import DataDir, Json, settings_for_looking

_MARKS = {"ok": ("✓", "green"), "note": ("·", "dim"), "warning": ("!", "yellow"), "missing": ("✗", "bold red")}


def doctor(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Look at everything that Longpole needs here.

    Starts, downloads and changes nothing. Exit code 0: all is there; 1: something that is needed is missing.
    """
    from longpole.diagnosis import diagnose

    settings = settings_for_looking(data_dir)
    findings = diagnose(settings)
    missing = [finding for finding in findings if finding.state == "missing"]
    if as_json:
        print_json({"ok": not missing, "findings": [finding.as_dict() for finding in findings]})
    else:
        table = Table.grid(padding=(0, 2))
        for finding in findings:
            mark, style = _MARKS[finding.state]
            table.add_row(Text(mark, style=style), Text(finding.subject, style="bold"), Text(finding.detail))
            if finding.remedy:
                table.add_row("", "", Text(f"→ {finding.remedy}", style=style))
        out.print(table)
        count = len(missing)
        verdict = ("all that is needed is there", "green")
        if missing:
            verdict = (f"{count} thing{'' if count == 1 else 's'} needed, but missing", "bold red")
        out.print(Text.assemble("\n", verdict))
    if missing:
        raise typer.Exit(exit_codes.FAILED)
