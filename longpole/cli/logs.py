"""`longpole logs`: what the steps of a run logged."""

from __future__ import annotations

import asyncio
import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from definitions.calls import FINAL_RUN_STATUSES
from longpole.cli.console import err, out
from longpole.cli.display import clock_text, one_line
from longpole.cli.naming import find_execution
from longpole.cli.options import DataDir, Run, settings_from
from longpole.cli.run_json import as_json_value

if TYPE_CHECKING:
    from engine.execution_records import ExecutionRecords
    from engine.views import LogLine

_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
_STYLES = {"DEBUG": "dim", "WARN": "yellow", "ERROR": "bold red"}
_FOLLOW_SECONDS = 0.3
_PAGE = 1000


class Level(StrEnum):
    """The least level that is shown."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def logs(
    run: Run,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until the run has ended.")] = False,
    step: Annotated[str | None, typer.Option("--step", help="Only this step.")] = None,
    level: Annotated[Level, typer.Option("--level", help="The least level to show.")] = Level.DEBUG,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show what the steps of a run logged. Works without a running service."""
    from engine.core import open_records

    levels = _LEVELS[list(Level).index(level) :]
    with open_records(settings_from(data_dir)) as records:
        asyncio.run(_show(records.executions, run, step, levels, follow=follow, as_json=as_json))


async def _show(
    executions: ExecutionRecords, run: str, step: str | None, levels: tuple[str, ...], *, follow: bool, as_json: bool
) -> None:
    execution_id = await find_execution(executions, run)
    after = 0
    while True:
        # Asked before the lines are read: what was logged until the end is then among them.
        ended = await executions.status(execution_id) in FINAL_RUN_STATUSES
        while lines := await executions.logs(execution_id, step_id=step, levels=levels, after=after, limit=_PAGE):
            after = lines[-1].id
            for line in lines:
                _print(line, as_json=as_json)
        if ended or not follow:
            if not after:
                err.print("no log lines")
            return
        sys.stdout.flush()
        await asyncio.sleep(_FOLLOW_SECONDS)


def _print(line: LogLine, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(as_json_value(line), ensure_ascii=False) + "\n")
        return
    extra = " ".join(f"{key}={one_line(value, 200)}" for key, value in line.metadata.items())
    attempt = f"#{line.attempt}" if line.attempt and line.attempt > 1 else ""
    out.print(
        Text.assemble(
            (f"{clock_text(line.at)} ", "dim"),
            (f"{line.level:<5} ", _STYLES.get(line.level, "")),
            (f"{line.step_id or ''}{attempt}  ", "cyan"),
            line.message,
            (f"  {extra}" if extra else "", "dim"),
        )
    )
