"""`longpole show`: one run, step by step."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from longpole.cli.console import out, print_json
from longpole.cli.naming import find_execution
from longpole.cli.options import DataDir, Json, Run, data_dir_hint, settings_from
from longpole.cli.run_json import run_as_json
from longpole.cli.run_report import report

if TYPE_CHECKING:
    from engine.execution_records import ExecutionRecords
    from engine.views import Event, Execution, InnerSteps, StepView

_PAGE = 500
_SHOWN_INNER = 60
"""Steps inside of control steps that have a line of their own."""
_REFUSALS = ("signal.refused", "run.change_refused")


def show(
    run: Run,
    inside: Annotated[
        str | None,
        typer.Option("--inside", metavar="STEP", help="Of the steps inside of others only those of this one."),
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show a run: its steps, output, errors and artifacts. Works without a running service."""
    from engine.core import open_records
    from engine.run_link import run_link
    from longpole.connection import find_service

    settings = settings_from(data_dir)

    async def read(executions: ExecutionRecords) -> tuple[Execution, InnerSteps, list[Event]]:
        found = await executions.get(await find_execution(executions, run))
        within = _all_inner if as_json else _some_inner
        refused = await executions.events(found.execution_id, types=_REFUSALS)
        return found, await within(executions, found.execution_id, inside), refused

    with open_records(settings) as records:
        found, inner, refused = asyncio.run(read(records.executions))
    service = find_service(settings)
    link = run_link(service.temporal.ui_url if service else settings.temporal_ui_url, found.execution_id)
    if as_json:
        print_json(run_as_json(found, inner=inner, refused=refused, ui_url=link))
    else:
        report(out, found, link, data_dir_hint(settings), inner, refused)


async def _some_inner(executions: ExecutionRecords, execution_id: str, inside: str | None) -> InnerSteps:
    """Those that failed or go on, then others."""
    page = await executions.inner_steps(execution_id, within=inside, limit=_SHOWN_INNER)
    if page.total <= _SHOWN_INNER:
        return page
    shown: list[StepView] = []
    for statuses in (("failed", "running"), ("completed", "skipped", "cancelled")):
        left = _SHOWN_INNER - len(shown)
        if left:
            more = await executions.inner_steps(execution_id, within=inside, statuses=statuses, limit=left)
            shown += more.steps
    return replace(page, steps=tuple(shown))


async def _all_inner(executions: ExecutionRecords, execution_id: str, inside: str | None) -> InnerSteps:
    found = await executions.inner_steps(execution_id, within=inside, limit=_PAGE)
    steps = list(found.steps)
    while len(steps) < found.total:
        page = await executions.inner_steps(execution_id, within=inside, limit=_PAGE, offset=len(steps))
        if not page.steps:
            break
        steps += page.steps
    return replace(found, steps=tuple(steps))
