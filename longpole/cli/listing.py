"""`longpole list`: the runs, newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.table import Table
from rich.text import Text

from definitions.calls import RunStatus
from longpole.cli.console import err, out, print_json
from longpole.cli.display import ago_text, seconds_text, status_text
from longpole.cli.naming import find_execution, short
from longpole.cli.options import DataDir, Json, settings_from
from longpole.cli.run_json import run_as_json

if TYPE_CHECKING:
    from engine.execution_records import ExecutionRecords
    from engine.views import Execution

_STATUSES = get_args(RunStatus)


def list_runs(
    status: Annotated[
        list[str] | None, typer.Option("--status", help=f"Only these; may be repeated: {', '.join(_STATUSES)}.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only runs of this workflow.")] = None,
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="RUN", help="Only runs that are steps of this run.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many.")] = 20,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List runs, newest first; those that are steps of another run only with --parent. Works without a running
    service."""
    from engine.core import open_records

    wrong = [one for one in status or () if one not in _STATUSES]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is no status; use {', '.join(_STATUSES)}", param_hint="--status")
    with open_records(settings_from(data_dir)) as records:
        runs, total = asyncio.run(_find(records.executions, status or (), name, parent, limit))
    if as_json:
        print_json({"total": total, "runs": [run_as_json(run, with_steps=False) for run in runs]})
        return
    if not runs:
        err.print("no runs" if status or name or parent else "no runs yet; start one with: longpole run FILE")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    # Only the name may be cut when the terminal is narrow.
    for heading, width in (("RUN", 13), ("WORKFLOW", None), ("STATUS", 10), ("STARTED", 12), ("TOOK", 10)):
        table.add_column(heading, no_wrap=True, min_width=width)
    if parent:
        table.add_column("STEP", no_wrap=True)
    for run in runs:
        started, took = ago_text(run.started_at or run.created_at), seconds_text(run.duration_seconds)
        step = [Text(run.parent_step or "")] if parent else []
        table.add_row(short(run.execution_id), Text(run.name), status_text(run.status), started, took, *step)
    out.print(table)
    if total > len(runs):
        err.print(Text(f"{len(runs)} of {total}; --limit shows more", style="dim"))


async def _find(
    executions: ExecutionRecords, statuses: Sequence[str], name: str | None, parent: str | None, limit: int
) -> tuple[list[Execution], int]:
    of = await find_execution(executions, parent) if parent else None
    return await executions.find(statuses=statuses, name=name, parent=of, top_level=of is None, limit=limit)
