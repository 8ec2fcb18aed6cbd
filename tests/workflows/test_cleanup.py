"""What a stopped run leaves behind is removed, although a worker is lost while it does so."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from temporal_dev.server import DevServer
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from definitions.calls import CLEAN_UP
from engine.sandbox import sandbox
from workflows.cleanup import CleanupWorkflow


@activity.defn(name=CLEAN_UP)
async def lost_once(_request: dict[str, Any]) -> dict[str, int]:
    """The first attempt gives no sign of life any more, as one whose worker was killed."""
    if activity.info().attempt == 1:
        await asyncio.Event().wait()
    return {"files": activity.info().attempt, "bytes": 0}


async def test_an_attempt_that_is_lost_is_made_up_for_at_once(temporal: DevServer) -> None:
    client = await Client.connect(temporal.address)
    queue = f"cleanup-{uuid.uuid4().hex[:12]}"
    async with Worker(
        client, task_queue=queue, workflows=[CleanupWorkflow], activities=[lost_once], workflow_runner=sandbox()
    ):
        cleaning = client.execute_workflow(
            CleanupWorkflow.run, {"execution_id": "exec_1", "keep_artifacts": True}, id=queue, task_queue=queue
        )
        assert await asyncio.wait_for(cleaning, timeout=60) == {"files": 2, "bytes": 0}
