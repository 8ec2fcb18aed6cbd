"""`longpole schedules`: workflows that are run again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from longpole.cli.console import err, out, print_json
from longpole.cli.documents import read_document
from longpole.cli.inputs import pairs_of
from longpole.cli.options import DataDir, Json, settings_from
from longpole.cli.schedule_text import (
    occurrence_json,
    occurrences_table,
    preview_lines,
    schedule_json,
    schedule_lines,
    schedules_table,
)

if TYPE_CHECKING:
    from engine.core import Engine
    from engine.schedules.schedules import Schedules

T = TypeVar("T")

Workflow = Annotated[
    str, typer.Argument(metavar="WORKFLOW", help="A stored workflow: its name, or its id.", show_default=False)
]
Overlap = Annotated[
    str | None,
    typer.Option(
        "--overlap", help="skip, buffer_one, buffer_all, cancel_other, terminate_other or allow_all (default: skip)."
    ),
]
Cron = Annotated[str | None, typer.Option("--cron", help='Minute, hour, day, month, weekday: "0 2 * * *".')]
Every = Annotated[str | None, typer.Option("--every", help="Instead of --cron: 15m, 6h.")]
Timezone = Annotated[str | None, typer.Option("--timezone", help="Whose clock --cron is read by (default: UTC).")]

schedules = typer.Typer(
    help="Schedules: workflows run again and again.", rich_markup_mode="markdown", no_args_is_help=True
)


@schedules.command("set")
def set_schedule(
    workflow: Annotated[
        str,
        typer.Argument(
            metavar="WORKFLOW", help="A stored workflow (name or id), or a file, which is stored.", show_default=False
        ),
    ],
    cron: Cron = None,
    every: Every = None,
    timezone: Timezone = None,
    jitter: Annotated[str | None, typer.Option("--jitter", help="Put each start off by up to that.")] = None,
    overlap: Overlap = None,
    most: Annotated[int | None, typer.Option("--max", help="How many runs may be open at once (default: 1).")] = None,
    catchup: Annotated[
        str | None, typer.Option("--catchup", help="How late a start may be made up for (default: 24h).")
    ] = None,
    pause_on_failure: Annotated[
        bool | None, typer.Option("--pause-on-failure/--go-on", help="Pause it when a run fails.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="KEY=VALUE", help="A parameter; `${schedule.time}` is when it is due."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="The whole schedule, as YAML or JSON; options go over it.")
    ] = None,
    paused: Annotated[bool | None, typer.Option("--paused/--running", help="Whether it is to fire.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make the schedule of a workflow, or change it in place."""
    wish: dict[str, Any] = dict(read_document(file)) if file else {}
    if cron is not None or every is not None:
        wish["schedule"] = {"type": "cron", "expression": cron} if cron is not None else {"type": "interval"}
    spec = {"every": every, "timezone": timezone, "jitter": jitter}
    given = {name: value for name, value in spec.items() if value is not None}
    if given:
        wish["schedule"] = {**wish.get("schedule", {}), **given}
    others = {
        "overlap_policy": overlap,
        "max_concurrent_executions": most,
        "catchup_window": catchup,
        "pause_on_failure": pause_on_failure,
        "enabled": None if paused is None else not paused,
    }
    wish |= {name: value for name, value in others.items() if value is not None}
    if inputs:
        wish["parameters"] = {**wish.get("parameters", {}), **pairs_of("--input", inputs)}

    path = Path(workflow)
    definition = read_document(path) if path.suffix in (".yaml", ".yml", ".json") else None

    async def act(engine: Engine, found: Schedules) -> Any:
        if definition is not None:
            workflow_id = (await engine.definitions.save(definition)).workflow_id
        else:
            workflow_id = await _workflow_id(engine, workflow)
        return await found.put(workflow_id, wish)

    view = _with_engine(data_dir, act)
    if as_json:
        print_json(schedule_json(view))
    else:
        out.print("\n".join(schedule_lines(view)))


@schedules.command("list")
def list_schedules(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many.")] = 50,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List schedules, newest first."""
    found, total = _with_engine(data_dir, lambda _, schedules: schedules.list(limit=limit))
    if as_json:
        print_json({"total": total, "schedules": [schedule_json(view) for view in found]})
    elif found:
        out.print(schedules_table(found))
    else:
        err.print('no schedules; make one with: longpole schedules set WORKFLOW --cron "0 2 * * *"')


@schedules.command("show")
def show_schedule(
    workflow: Workflow,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many past times.")] = 10,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """One schedule: when it is due, and what came of the last times: started, late or skipped, and why."""

    async def act(workflow_id: str, found: Schedules) -> Any:
        return await found.get(workflow_id), await found.occurrences(workflow_id, limit=limit)

    view, (past, total) = _with_schedule(data_dir, workflow, act)
    if as_json:
        print_json({**schedule_json(view), "occurrences": [occurrence_json(each) for each in past], "total": total})
        return
    out.print("\n".join(schedule_lines(view)))
    if past:
        out.print(occurrences_table(past))


@schedules.command("pause")
def pause_schedule(
    workflow: Workflow,
    note: Annotated[str, typer.Option("--note", help="Why; shown with it.")] = "paused by hand",
    data_dir: DataDir = None,
) -> None:
    """Pause a schedule: nothing more starts by itself. Runs that are open go on."""
    view = _with_schedule(data_dir, workflow, lambda found, schedules: schedules.pause(found, note=note))
    out.print(f"the schedule of {view.name} is paused")


@schedules.command("resume")
def resume_schedule(
    workflow: Workflow,
    note: Annotated[str, typer.Option("--note", help="Why; shown with it.")] = "resumed by hand",
    data_dir: DataDir = None,
) -> None:
    """Let a paused schedule fire again; what was due meanwhile is not made up for."""
    view = _with_schedule(data_dir, workflow, lambda found, schedules: schedules.unpause(found, note=note))
    out.print("\n".join(schedule_lines(view)))


@schedules.command("trigger")
def trigger_schedule(workflow: Workflow, overlap: Overlap = None, data_dir: DataDir = None) -> None:
    """Start a run now, with the schedule's parameters. Prints its id."""
    policy = _policy(overlap)
    started = _with_schedule(data_dir, workflow, lambda found, schedules: schedules.trigger(found, overlap=policy))
    out.print(started.execution_id)


@schedules.command("delete")
def delete_schedule(workflow: Workflow, data_dir: DataDir = None) -> None:
    """Remove a schedule and the record of its times. Runs that are open go on."""
    _with_schedule(data_dir, workflow, lambda found, schedules: schedules.delete(found))
    out.print(f"{workflow} has no schedule any more")


@schedules.command("preview")
def preview_schedule(
    workflow: Annotated[str | None, typer.Argument(metavar="[WORKFLOW]", help="Or --cron, --every.")] = None,
    cron: Cron = None,
    every: Every = None,
    timezone: Timezone = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many times.")] = 20,
    after: Annotated[str | None, typer.Option("--after", help="From then on: a date and time (default: now).")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """When a schedule is due next, and what changes of clocks do to it. Of --cron or --every without a running
    service."""
    from definitions.schedules import load_schedule
    from engine.schedules.schedules import preview

    begins = None if after is None else _moment(after)
    if (workflow is None) == (cron is None and every is None):
        raise typer.BadParameter("name either a workflow, or --cron or --every", param_hint="WORKFLOW")
    if workflow is not None:
        found = _with_schedule(
            data_dir, workflow, lambda named, schedules: schedules.preview(named, count=count, after=begins)
        )
    else:
        times = {"type": "interval", "every": every} if every is not None else {"type": "cron", "expression": cron}
        wish = load_schedule({"schedule": {**times, **({"timezone": timezone} if timezone else {})}})
        found = preview(wish, count=count, after=begins)
    if as_json:
        changes = [{"reading": each.reading.isoformat(), "how": each.how} for each in found.clock_changes]
        print_json({"times": [at.isoformat() for at in found.times], "clock_changes": changes})
    else:
        out.print("\n".join(preview_lines(found)))


@schedules.command("backfill")
def backfill_schedule(
    workflow: Workflow,
    start: Annotated[str, typer.Option("--start", help="From then on: a date and time, UTC without an offset.")],
    end: Annotated[str, typer.Option("--end", help="Until then; it must be over.")],
    overlap: Annotated[
        str, typer.Option("--overlap", help="As of `set`; by default one after another.")
    ] = "buffer_all",
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Have the runs that were due in a time that is over and did not happen; those that did are left alone."""
    span, policy = (_moment(start), _moment(end)), _policy(overlap)
    found = _with_schedule(
        data_dir, workflow, lambda named, schedules: schedules.backfill(named, *span, overlap=policy or "buffer_all")
    )
    if as_json:
        print_json([occurrence_json(each) for each in found])
    elif found:
        out.print(occurrences_table(found))
    else:
        err.print("nothing to fill in: all that was due then has run, or nothing was")


def _moment(text: str) -> datetime:
    from definitions.moments import in_zone, parse_moment

    return in_zone(parse_moment(text), UTC)


def _policy(text: str | None) -> Any:
    from typing import get_args

    from definitions.schedules import OverlapPolicy

    if text is not None and text not in get_args(OverlapPolicy):
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(get_args(OverlapPolicy))}", param_hint="--overlap")
    return text


async def _workflow_id(engine: Engine, named: str) -> str:
    from definitions.errors import DefinitionNotFound
    from definitions.ids import is_id

    if is_id(named):
        return named
    stored = await engine.definitions.find(named)
    if stored is None:
        message = f"there is no workflow {named!r}"
        raise DefinitionNotFound(message, remedy="name a file to store it: longpole schedules set FILE")
    return stored.workflow_id


def _with_schedule(data_dir: Path | None, workflow: str, action: Callable[[str, Schedules], Awaitable[T]]) -> T:
    async def act(engine: Engine, found: Schedules) -> T:
        return await action(await _workflow_id(engine, workflow), found)

    return _with_engine(data_dir, act)


def _with_engine(data_dir: Path | None, action: Callable[[Engine, Schedules], Awaitable[T]]) -> T:
    """What that gives, with the schedules of a running service."""
    from engine.core import open_engine
    from engine.schedules.schedules import Schedules
    from longpole.connection import require_known_temporal

    settings = settings_from(data_dir)

    async def act() -> T:
        require_known_temporal(settings)
        async with open_engine(settings) as engine:
            return await action(engine, Schedules(engine))

    return asyncio.run(act())
