"""`longpole rerun`: a new run that reuses what another has done, and runs the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from longpole.cli.console import out, print_json
from longpole.cli.continuation import named_steps
from longpole.cli.control import with_engine
from longpole.cli.inputs import run_input
from longpole.cli.naming import short
from longpole.cli.options import DataDir, Json, Run
from longpole.cli.run_json import as_json_value

if TYPE_CHECKING:
    from engine.executions import Executions
    from engine.views import Rerun

_SHOWN = 50
"""How many of the steps that run have a line of their own."""


def rerun(
    run: Run,
    from_steps: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="STEP", help="A step that runs again, with all that follows. Repeatable."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="KEY=VALUE", help="One input that is another now. Repeatable."),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", help="Such inputs from a YAML or JSON file; --input wins over it.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", help="Another version: its number, its author's label, `latest`, or a `wf_` id."),
    ] = None,
    repeat: Annotated[
        list[str] | None,
        typer.Option("--repeat", metavar="STEP", help="A step that says `at_most_once`, and may begin once more."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would reuse and run.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Start a **new run** from one that is over: what would give the same again is reused, the rest runs.

    Without options it runs what has no output. What runs is said before anything does; `--dry-run` says only that.
    """
    changes = run_input(inputs or (), input_file) if inputs or input_file else None

    async def start(executions: Executions, found: str, *, only_tell: bool) -> Rerun:
        return await executions.rerun(
            found, from_steps or (), input=changes, version=version, repeat=repeat or (), dry_run=only_tell
        )

    async def act(executions: Executions, found: str) -> Rerun:
        if as_json or dry_run:
            return await start(executions, found, only_tell=dry_run)
        _show(await start(executions, found, only_tell=True))
        return await start(executions, found, only_tell=False)

    execution_id, told = with_engine(data_dir, run, act)
    if as_json:
        print_json(as_json_value(told))
    elif dry_run:
        _show(told)
        out.print(f"nothing was started; {execution_id} stays as it is")
    else:
        out.print(f"started {told.execution_id}")
        out.print(f"follow it with: longpole logs {short(told.execution_id)} --follow")
        out.print(f"look at it with: longpole show {short(told.execution_id)}")


def _show(rerun: Rerun) -> None:
    out.print(f"rerun of {rerun.forked_from}, version {rerun.version} (revision {rerun.revision})", markup=False)
    for each in rerun.differences:
        fields = f" ({', '.join(each.fields)})" if each.fields else ""
        _line(each.difference, f"{each.step_id}{fields}")
    if rerun.reused:
        _line("reused", named_steps(rerun.reused))
    for step_id, why in list(rerun.runs.items())[:_SHOWN]:
        _line("runs", f"{step_id}: {why}")
    if len(rerun.runs) > _SHOWN:
        _line("runs", f"and {len(rerun.runs) - _SHOWN} more")
    if rerun.decided_again:
        _line("decided again", named_steps(rerun.decided_again))
    if rerun.must_be_allowed:
        refused = named_steps(rerun.must_be_allowed)
        _line("not allowed", f"{refused}: begun, and `at_most_once` (--repeat STEP allows it)")


def _line(label: str, text: str) -> None:
    # Never cut or folded: people copy ids from here.
    out.print(Text.assemble("  ", (label.ljust(15), "dim"), text), soft_wrap=True)
