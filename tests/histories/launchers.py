"""Histories of launchers, the workflows that schedules start: recorded with the others, in a folder of their own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from temporalio.client import WorkflowHistory

from definitions.launching import schedule_id
from engine.core import Engine
from engine.schedules.schedules import Schedules
from tests.histories import files

FOLDER = "launchers"
NEVER = {"type": "cron", "expression": "0 0 29 2 *"}
WISHES = {
    "started": {"schedule": NEVER},
    "followed": {"schedule": NEVER, "pause_on_failure": True},
}


def stored() -> Mapping[str, WorkflowHistory]:
    """By name."""
    return files.stored(FOLDER)


async def record(engine: Engine) -> None:
    """Trigger each and store what Temporal has of its launcher."""
    schedules = Schedules(engine)
    for name, wish in WISHES.items():
        document = {"name": f"launched-{name}", "steps": [{"id": "echo", "handler": "steps.echo"}]}
        workflow = (await engine.definitions.save(document)).workflow_id
        await schedules.put(workflow, wish)
        run = await schedules.trigger(workflow, run_uuid=uuid.uuid5(uuid.NAMESPACE_URL, name))
        launcher = engine.client.get_workflow_handle(f"{schedule_id(workflow)}-{run.execution_id}")
        await launcher.result()
        files.write(f"{FOLDER}/{name}", await launcher.fetch_history())
