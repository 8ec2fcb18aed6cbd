"""`longpole send`, `approvals`, `approve` and `reject`: what a run waits for, from people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from definitions.errors import LongpoleError, ServiceUnavailable
from longpole.cli.console import err, out, print_json
from longpole.cli.control import with_engine, with_executions
from longpole.cli.display import ago_text, one_line
from longpole.cli.inputs import json_or_text, pairs_of
from longpole.cli.login_name import login_name
from longpole.cli.naming import find_execution, short
from longpole.cli.options import DataDir, Json, Run

if TYPE_CHECKING:
    from pathlib import Path

    from engine.executions import Executions

_MOST_ASKED = 200
"""Runs that are asked for their approvals."""
_SHOWN_MESSAGE = 2_000
"""Characters."""
_AT_ONCE = 20
_MOST_SILENT = 5
"""How many of those that can't tell are named."""

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


def approvals(
    run: Annotated[
        str | None, typer.Argument(help="A run, as in `list`; none: all that go on.", show_default=False)
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show the approvals that wait for an answer, the oldest first."""

    async def read(executions: Executions) -> list[dict[str, Any]]:
        if run is not None:
            return await _asked(executions, await find_execution(executions, run))
        going_on, _ = await executions.find(statuses=("running", "paused"), limit=_MOST_ASKED)
        return await of_all([one.execution_id for one in going_on], lambda one: _asked(executions, one))

    found = sorted(with_executions(data_dir, read), key=lambda each: each["requested_at"])
    if as_json:
        print_json(found)
        return
    if not found:
        err.print("nothing waits for an approval")
    for each in found:
        _show_approval(each)


async def of_all(
    execution_ids: Sequence[str], ask: Callable[[str], Awaitable[list[dict[str, Any]]]]
) -> list[dict[str, Any]]:
    """What all of these runs ask. One that can't tell hides nothing of the others: it is named on standard error.

    Raises `ServiceUnavailable` where none can tell."""
    room = asyncio.Semaphore(_AT_ONCE)
    silent: list[tuple[str, ServiceUnavailable]] = []

    async def one(execution_id: str) -> list[dict[str, Any]]:
        async with room:
            try:
                return await ask(execution_id)
            except ServiceUnavailable as error:
                silent.append((execution_id, error))
                return []

    told = await asyncio.gather(*map(one, execution_ids))
    if silent and len(silent) == len(execution_ids):
        raise silent[0][1]
    for execution_id, error in silent[:_MOST_SILENT]:
        err.print(Text(f"{execution_id}: {error.message}", style="yellow"))
    if len(silent) > _MOST_SILENT:
        err.print(Text(f"and {len(silent) - _MOST_SILENT} more can't tell", style="yellow"))
    return [each for asked in told for each in asked]


async def _asked(executions: Executions, execution_id: str) -> list[dict[str, Any]]:
    return [{"execution_id": execution_id, **each} for each in await executions.approvals(execution_id)]


def _show_approval(asked: dict[str, Any]) -> None:
    since = ago_text(datetime.fromtimestamp(asked["requested_at"], UTC))
    until = asked["expires_at"]
    who = ", ".join(asked["approvers"]) or "anybody"
    out.print(Text.assemble((asked["step"], "bold"), f"  {short(asked['execution_id'])}  asked {since} of {who}"))
    message = asked["message"]
    shown = message if len(message) <= _SHOWN_MESSAGE else f"{message[:_SHOWN_MESSAGE]}... (--json has all)"
    out.print(Text(f"  {shown}"))
    if asked["values"]:
        out.print(Text(f"  values {one_line(asked['values'], 400)}", style="dim"))
    if until is not None:
        out.print(Text(f"  until {datetime.fromtimestamp(until, UTC).isoformat(timespec='seconds')}", style="dim"))


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
    who = by if by is not None else login_name()

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
