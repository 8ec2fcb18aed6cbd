"""Histories of workflows that go on beside runs, each kind in a folder of its own: launchers, which schedules start,
deliveries to webhooks, and cleanups after runs that were stopped."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from temporalio.client import WorkflowHandle

from definitions.delivering import delivery_workflow_id
from definitions.launching import schedule_id
from engine.access.identity import Identity
from engine.core import Engine
from engine.orchestration.stopping import StopWish, stop
from engine.schedules.schedules import Schedules
from engine.webhooks.webhooks import Webhooks
from tests.engine.webhooks.receiver import Received, Receiver, receiving, say
from tests.histories import files
from tests.polling import eventually
from tests.running import begin
from workflows.cleanup import CleanupWorkflow
from workflows.launcher import LauncherWorkflow
from workflows.webhook_delivery import WebhookDeliveryWorkflow

_NEVER = {"type": "cron", "expression": "0 0 29 2 *"}
_OWNER = Identity("local")
Recording = Callable[[Engine, str], Awaitable["WorkflowHandle[object, object]"]]


@dataclass(frozen=True)
class Beside:
    """A kind of workflow. `recordings`: by name, what makes one and returns its handle once it is over."""

    workflow: type
    recordings: Mapping[str, Recording]


def _launcher(**wish: object) -> Recording:
    async def make(engine: Engine, name: str) -> WorkflowHandle[object, object]:
        schedules = Schedules(engine)
        document = {"name": f"launched-{name}", "steps": [{"id": "echo", "handler": "steps.echo"}]}
        workflow = (await engine.definitions.save(document)).workflow_id
        await schedules.put(workflow, {"schedule": _NEVER, **wish})
        run = await schedules.trigger(workflow, run_uuid=uuid.uuid5(uuid.NAMESPACE_URL, name))
        return await _over(engine, f"{schedule_id(workflow)}-{run.execution_id}")

    return make


async def _delivered(engine: Engine, name: str) -> WorkflowHandle[object, object]:
    """The receiver refuses the first attempt."""
    receiver: Receiver

    async def refuse_once(request: Received, writer: asyncio.StreamWriter) -> None:
        if len(receiver.requests) == 1:
            await say(writer, "500 Internal Server Error")
        else:
            await receiver.accept(request, writer)

    async with receiving(refuse_once) as receiver:
        new_id = uuid.uuid5(uuid.NAMESPACE_URL, name)
        await Webhooks(engine, _OWNER).subscribe(receiver.url, ["workflow.execution.completed"], new_id=new_id)
        await begin(engine, {"name": f"told-{name}", "steps": [{"id": "echo", "handler": "steps.echo"}]})

        async def accepted() -> bool:
            return len(receiver.accepted) == 1

        await eventually(accepted)
        return await _over(engine, delivery_workflow_id(new_id))


async def _stopped(engine: Engine, name: str) -> WorkflowHandle[object, object]:
    document = {"name": f"left-{name}", "steps": [{"id": "s", "handler": "steps.works", "input": {"seconds": 60}}]}
    execution_id = await begin(
        engine, document, execution_id=f"exec_{uuid.uuid5(uuid.NAMESPACE_URL, f'left-{name}').hex}"
    )

    async def has_begun() -> bool:
        return (await engine.executions.get(execution_id)).steps[0].status == "running"

    await eventually(has_begun)
    await stop(engine, execution_id, StopWish())
    return await _over(engine, f"{execution_id}-cleanup")


async def _over(engine: Engine, workflow_id: str) -> WorkflowHandle[object, object]:
    handle: WorkflowHandle[object, object] = engine.client.get_workflow_handle(workflow_id)
    await handle.result()
    return handle


KINDS: Mapping[str, Beside] = {
    "launchers": Beside(LauncherWorkflow, {"started": _launcher(), "followed": _launcher(pause_on_failure=True)}),
    "deliveries": Beside(WebhookDeliveryWorkflow, {"tried_again": _delivered}),
    "cleanups": Beside(CleanupWorkflow, {"stopped": _stopped}),
}
"""By folder."""


async def record(engine: Engine, folder: str) -> None:
    """Make each of a kind, and store what Temporal has of it."""
    for name, make in KINDS[folder].recordings.items():
        handle = await make(engine, name)
        files.write(f"{folder}/{name}", await handle.fetch_history())
