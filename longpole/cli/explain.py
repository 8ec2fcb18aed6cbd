"""`longpole explain`: why steps are not running now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from longpole.cli.console import out, print_json
from longpole.cli.control import with_engine
from longpole.cli.display import ICONS, status_style
from longpole.cli.options import DataDir, Json, Run

if TYPE_CHECKING:
    from definitions.calls import StepExplanation
    from engine.executions import Executions


def explain(
    run: Run,
    step: Annotated[str | None, typer.Argument(help="One step; by default all that have not ended.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Say **why** a step is not running: which steps it waits for, a pause, a limit, a retry and until when."""

    async def ask(executions: Executions, found: str) -> list[StepExplanation]:
        return await executions.explain(found, step)

    _, told = with_engine(data_dir, run, ask)
    if as_json:
        print_json(told)
        return
    if not told:
        out.print("every step has ended")
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in told:
        icon = Text(ICONS.get(each["status"], " "), style=status_style(each["status"]))
        table.add_row(
            icon, Text(each["step_id"]), Text(each["why"].replace("_", " "), style="dim"), Text(each["message"])
        )
    out.print(table)
