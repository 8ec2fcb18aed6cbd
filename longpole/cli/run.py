"""`longpole run`: one run from a file, watched until its end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from longpole.cli.console import err, out, print_json
from longpole.cli.documents import read_document
from longpole.cli.inputs import run_input
from longpole.cli.options import DataDir, settings_from

if TYPE_CHECKING:
    from engine.settings import Settings


def run(
    file: Annotated[Path, typer.Argument(help="A workflow definition, YAML or JSON.", show_default=False)],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="KEY=VALUE", help="One input; VALUE is JSON, or else text. Repeatable."),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", help="Inputs from a YAML or JSON file; --input wins over it.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", min=0, max=100, help="100 is served first (default: the definition's).")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start it and return; needs a running service.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Run a workflow and show how it goes.

    Uses the service that runs on the data directory; when there is none, it brings its own Temporal and worker until
    the run has ended. Ctrl-C cancels the run; a second Ctrl-C leaves it.

    Exit code 0: completed; 1: failed or timed out; 4: cancelled; 2: bad input; 3: no service; 130: left by Ctrl-C.
    """
    settings = settings_from(data_dir)
    document = read_document(file)
    data = run_input(inputs or (), input_file)
    _refuse_invalid(settings, document, data)
    if no_wait:
        _submit(settings, document, data, priority, as_json=as_json)
        return

    from engine.process_log import configure_process_log
    from longpole.cli.run_view import choose_view
    from longpole.cli.run_watch import Watch
    from longpole.service import service_for_run

    console = err if as_json else out
    view = choose_view(console)
    with (settings.data_dir / "logs" / "run.log").open("a", encoding="utf-8") as log:
        configure_process_log(settings, log)
        with service_for_run(settings, view.say) as service:
            watch = Watch(settings, service, view, console)
            outcome = asyncio.run(watch.run(document, data, priority))
            if as_json:
                print_json(outcome)
    raise typer.Exit(watch.exit_code)


def _refuse_invalid(settings: Settings, document: dict[str, Any], data: dict[str, Any]) -> None:
    """What can be known to be wrong is told before anything is started. Raises `DefinitionInvalid`, `InputInvalid`."""
    from definitions import validation
    from engine.handlers import open_handlers

    registry = open_handlers(settings)
    definition = validation.load(document, check_handler=registry.check, check_config=registry.check_config)
    validation.check_input(definition, data)


def _submit(
    settings: Settings, document: dict[str, Any], data: dict[str, Any], priority: int | None, *, as_json: bool
) -> None:
    """Start it on the service that runs."""
    from engine.core import open_engine
    from longpole.connection import require_known_temporal

    require_known_temporal(settings)

    async def submit() -> str:
        async with open_engine(settings) as engine:
            stored = await engine.definitions.save(document)
            return await engine.executions.start(stored, data, priority=priority)

    execution_id = asyncio.run(submit())
    if as_json:
        print_json({"execution_id": execution_id, "status": "pending"})
    else:
        out.print(execution_id)
