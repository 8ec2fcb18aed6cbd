"""The steps of a plan in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from longpole.cli.planning.clock import Clock, short_duration
from longpole.cli.planning.columns import uncut

if TYPE_CHECKING:
    from engine.planning.account import Account, StepAccount

MOST_ROWS = 200
_WIDE = 110
_HEADINGS = ("STEP", "START", "END", "TAKES", "COST", "SLACK", "HOLDS", "WHY NOT EARLIER")
_RIGHT = ("TAKES", "COST", "SLACK")
_CUT = ("STEP", "HOLDS", "WHY NOT EARLIER")
_LEAST = 10


def show_steps(account: Account, console: Console) -> None:
    """Every step by start. A terminal gets the first ones of many, and fewer columns where it is narrow; what is piped
    is whole."""
    terminal = console.is_terminal
    steps = account.steps[:MOST_ROWS] if terminal else account.steps
    table = _table(account, steps, holds=console.width >= _WIDE or not terminal)
    uncut(console).print(table)
    if len(steps) < len(account.steps):
        console.print(Text(f"{len(steps)} of {len(account.steps)} steps; --json has all", style="dim"))


def _table(account: Account, steps: Sequence[StepAccount], *, holds: bool) -> Table:
    clock = Clock(account)
    rows = [_row(step, clock) for step in steps]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    shown = [place for place, heading in enumerate(_HEADINGS) if holds or heading != "HOLDS"]
    for place in shown:
        heading = _HEADINGS[place]
        # only names may be cut when the terminal is narrow
        widest = max((row[place].cell_len for row in rows), default=0)
        least = _LEAST if heading in _CUT else max(widest, len(heading))
        right: Literal["right", "left"] = "right" if heading in _RIGHT else "left"
        table.add_column(heading, no_wrap=True, overflow="ellipsis", min_width=least, justify=right)
    for row in rows:
        table.add_row(*(row[place] for place in shown))
    return table


def _row(step: StepAccount, clock: Clock) -> tuple[Text, ...]:
    return (
        Text(f"{'* ' if step.critical else '  '}{step.id}", style="bold" if step.critical else ""),
        Text(clock.text(step.start_seconds)),
        Text(clock.text(step.end_seconds)),
        Text(f"{'~' if step.assumed else ''}{short_duration(step.work_seconds)}"),
        Text(f"{step.cost:.2f}" if step.cost else "0"),
        Text("critical" if step.critical else short_duration(step.slack_seconds)),
        Text(_held(step)),
        Text(step.why),
    )


def _held(step: StepAccount) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in step.amounts.items() if ": max_parallel" not in name)
