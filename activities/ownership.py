"""Whether the attempt that this worker was given is still its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError
from temporalio.service import RPCError, RPCStatusCode


async def is_ours(details: dict[str, Any]) -> bool:
    """Asks the server when it has reason to: a worker that was frozen finds tasks that were given to another since.

    The reason is a task that looks older than its heartbeat timeout; as clocks may differ, it is no more than that.
    `details` are sent with the heartbeat that asks."""
    info = activity.info()
    if info.heartbeat_timeout is None or datetime.now(UTC) - info.started_time < info.heartbeat_timeout:
        return True
    handle = activity.client().get_async_activity_handle(task_token=info.task_token)
    try:
        await handle.heartbeat(details)
    except AsyncActivityCancelledError:
        return True  # cancellation has its own way to the handler
    except RPCError as error:
        return error.status is not RPCStatusCode.NOT_FOUND
    return True
