"""`longpole pause`, `resume` and `cancel`: steering a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from definitions.calls import FINAL_RUN_STATUSES
from longpole.cli.console import out
from longpole.cli.continuation import show_continuation
from longpole.cli.naming import find_execution, short
from longpole.cli.options import DataDir, Run, settings_from

if TYPE_CHECKING:
    from pathlib import Path

    from engine.executions import Executions
    from engine.views import Continuation

T = TypeVar("T")


def pause(run: Run, data_dir: DataDir = None) -> None:
    """Pause a run: running steps end, nothing new starts, its timeout stands still."""
    execution_id, _ = with_engine(data_dir, run, lambda executions, found: executions.pause(found))
    out.print(f"pausing {execution_id}; go on with: longpole resume {short(execution_id)}")


def resume(
    run: Run,
    repeat: Annotated[
        list[str] | None,
        typer.Option("--repeat", metavar="STEP", help="A step that says `at_most_once`, and may begin once more."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Let a paused run go on; let one that failed, timed out or was cancelled go on from what is done."""

    async def go_on(executions: Executions, found: str) -> Continuation | None:
        if await executions.status(found) in FINAL_RUN_STATUSES:
            return await executions.continue_run(found, repeat=repeat or ())
        await executions.resume(found)
        return None

    execution_id, continuation = with_engine(data_dir, run, go_on)
    if continuation is None:
        out.print(f"resuming {execution_id}")
        return
    out.print(f"{execution_id} goes on from what is done")
    show_continuation(out, continuation)
    out.print(f"follow it with: longpole logs {short(execution_id)} --follow")
    out.print(f"look at it with: longpole show {short(execution_id)}")


def cancel(
    run: Run,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the run.")] = "cancelled by hand",
    grace: Annotated[
        str, typer.Option("--grace", help="How long running steps may take to end, e.g. 30s or 2m.")
    ] = "10s",
    discard: Annotated[
        bool, typer.Option("--discard-partial-results", help="Don't keep what completed steps gave.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Cancel a run: nothing new starts, running steps are told and get a grace period."""
    from definitions.durations import parse_duration

    seconds = parse_duration(grace)
    execution_id, _ = with_engine(
        data_dir,
        run,
        lambda executions, found: executions.cancel(
            found, reason=reason, grace_seconds=seconds, save_partial_results=not discard
        ),
    )
    out.print(f"cancelling {execution_id}; running steps have {seconds:g} s to end")


def with_engine(data_dir: Path | None, run: str, action: Callable[[Executions, str], Awaitable[T]]) -> tuple[str, T]:
    """Do something with the run that is meant; its id, and what that gave. Needs Temporal, so a running service."""
    from engine.core import open_records

    settings = settings_from(data_dir)

    async def find() -> str:
        # Which run is meant is known without Temporal: a mistyped id is told as such.
        with open_records(settings) as records:
            execution_id = await find_execution(records.executions, run)
            await records.executions.status(execution_id)
            return execution_id

    execution_id = asyncio.run(find())
    return execution_id, with_executions(data_dir, lambda executions: action(executions, execution_id))


def with_executions(data_dir: Path | None, action: Callable[[Executions], Awaitable[T]]) -> T:
    """What that gives, with the runs of a running service."""
    from engine.core import open_engine
    from longpole.connection import require_known_temporal

    settings = settings_from(data_dir)

    async def act() -> T:
        require_known_temporal(settings)
        async with open_engine(settings) as engine:
            return await action(engine.executions)

    return asyncio.run(act())
