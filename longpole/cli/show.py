"""`longpole show`: one run, step by step."""

from __future__ import annotations

import asyncio

from longpole.cli.console import out, print_json
from longpole.cli.naming import find_execution
from longpole.cli.options import DataDir, Json, Run, data_dir_hint, settings_from
from longpole.cli.run_json import run_as_json
from longpole.cli.run_report import report


def show(run: Run, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a run: its steps, output, errors and artifacts. Works without a running service."""
    from engine.core import open_records
    from engine.execution_records import ExecutionRecords
    from engine.views import Execution
    from longpole.connection import find_service
    from longpole.run_link import run_link

    settings = settings_from(data_dir)

    async def read(executions: ExecutionRecords) -> Execution:
        return await executions.get(await find_execution(executions, run))

    with open_records(settings) as records:
        found = asyncio.run(read(records.executions))
    service = find_service(settings)
    link = run_link(service.temporal.ui_url if service else settings.temporal_ui_url, found.execution_id)
    if as_json:
        print_json(run_as_json(found, ui_url=link))
    else:
        report(out, found, link, data_dir_hint(settings))
