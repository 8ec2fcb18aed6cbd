"""`longpole send`, `approve` and `reject`: what a run waits for, from people."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from definitions.errors import LongpoleError
from longpole.cli.console import out
from longpole.cli.control import with_engine
from longpole.cli.inputs import json_or_text, pairs_of
from longpole.cli.options import DataDir, Run

if TYPE_CHECKING:
    from pathlib import Path

    from engine.executions import Executions

Step = Annotated[
    str | None, typer.Argument(help="The step that asks; may be left out where only one does.", show_default=False)
]
By = Annotated[str | None, typer.Option("--by", help="Who decides (default: the name that you are logged in with).")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="Why; kept with the run.")]
Values = Annotated[
    list[str] | None,
    typer.Option("--value", metavar="KEY=VALUE", help="A value to change; VALUE is JSON, or else text. Repeatable."),
]


def send(
    run: Run,
    name: Annotated[str, typer.Argument(help="The name of the event, as the step that waits for it has it.")],
    data: Annotated[
        str | None, typer.Option("--data", metavar="JSON", help="What the event says: JSON, or else text.")
    ] = None,
    event_id: Annotated[
        str | None, typer.Option("--id", help="The same event sent again with the same id counts once.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Send an event to a run. One that no step waits for yet is kept until one does."""
    said = json_or_text(data) if data is not None else None
    execution_id, _ = with_engine(
        data_dir, run, lambda executions, found: executions.send_event(found, name, said, event_id)
    )
    out.print(f"sent {name} to {execution_id}")


def approve(
    run: Run,
    step: Step = None,
    by: By = None,
    comment: Comment = "",
    values: Values = None,
    data_dir: DataDir = None,
) -> None:
    """Say yes to an approval, with values changed where it shows some."""
    _decide(data_dir, run, step, approved=True, by=by, comment=comment, values=values or ())


def reject(
    run: Run,
    step: Step = None,
    by: By = None,
    comment: Comment = "",
    values: Values = None,
    data_dir: DataDir = None,
) -> None:
    """Say no to an approval."""
    _decide(data_dir, run, step, approved=False, by=by, comment=comment, values=values or ())


def _decide(
    data_dir: Path | None,
    run: str,
    step: str | None,
    *,
    approved: bool,
    by: str | None,
    comment: str,
    values: Sequence[str],
) -> None:
    changed: dict[str, Any] = pairs_of("--value", values)
    who = by if by is not None else getpass.getuser()

    async def decide(executions: Executions, found: str) -> str:
        asked = step if step is not None else await _only_one(executions, found)
        await executions.decide(found, asked, approved, by=who, comment=comment, values=changed or None)
        return asked

    execution_id, asked = with_engine(data_dir, run, decide)
    out.print(f"{'approved' if approved else 'rejected'} {asked} of {execution_id}, as {who}", markup=False)


async def _only_one(executions: Executions, execution_id: str) -> str:
    """The step that is meant where none is named. Raises `LongpoleError` (`step_needed`)."""
    asking = [each["step"] for each in await executions.approvals(execution_id)]
    if len(asking) == 1:
        return asking[0]
    if not asking:
        raise LongpoleError(
            f"nothing in {execution_id} waits for an approval",
            code="step_needed",
            remedy=f"see what it waits for with `longpole explain {execution_id}`",
        )
    raise LongpoleError(
        f"{len(asking)} steps wait for an approval: {', '.join(asking[:5])}",
        code="step_needed",
        remedy="name the one that you mean",
    )
