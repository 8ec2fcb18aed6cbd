"""The steps of a plan in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from longpole.cli.planning.clock import Clock, short_duration

if TYPE_CHECKING:
    from engine.planning.account import Account, StepAccount

MOST_ROWS = 200
_WIDE = 100


def steps_table(account: Account, console: Console) -> Table:
    """Every step by start (of many, the first ones on a terminal); narrow terminals get fewer columns."""
    clock = Clock(account)
    wide = console.width >= _WIDE or not console.is_terminal
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("STEP", no_wrap=True, overflow="ellipsis", max_width=44, min_width=10)
    for heading in ("START", "END"):
        table.add_column(heading, no_wrap=True)
    table.add_column("TAKES", no_wrap=True, justify="right")
    if wide:
        table.add_column("HOLDS", no_wrap=True, overflow="ellipsis")
    table.add_column("COST", no_wrap=True, justify="right")
    table.add_column("SLACK", no_wrap=True, justify="right")
    table.add_column("WHY NOT EARLIER", no_wrap=True, overflow="ellipsis")
    for step in account.steps if not console.is_terminal else account.steps[:MOST_ROWS]:
        cells = [
            Text(f"{'* ' if step.critical else '  '}{step.id}", style="bold" if step.critical else ""),
            Text(clock.text(step.start_seconds)),
            Text(clock.text(step.end_seconds)),
            Text(f"{'~' if step.assumed else ''}{short_duration(step.end_seconds - step.start_seconds)}"),
            *([Text(_held(step))] if wide else []),
            Text(f"{step.cost:.2f}" if step.cost else "0"),
            Text("critical" if step.critical else short_duration(step.slack_seconds)),
            Text(step.why),
        ]
        table.add_row(*cells)
    return table


def _held(step: StepAccount) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in step.amounts.items() if ": max_parallel" not in name)
