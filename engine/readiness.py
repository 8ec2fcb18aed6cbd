"""Whether the service can do its work now: database, Temporal, and a worker that takes its tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.service import RPCError

from definitions.errors import LongpoleError
from store.failures import StoreUnavailable

if TYPE_CHECKING:
    from engine.core import Engine

CHECK_SECONDS = 1.5
"""How long one part may take to answer; all are asked at once."""
_RPC_TIMEOUT = timedelta(seconds=1)
_POLLER_SECONDS = 75.0
"""A worker asks again at least once a minute; one that was killed is listed for five minutes."""


@dataclass(frozen=True)
class PartState:
    """One part of the service: `problem` is None when it does its work."""

    name: str
    problem: str | None


async def readiness(engine: Engine) -> list[PartState]:
    """The state of every part, within two seconds."""
    return list(
        await asyncio.gather(
            _state("database", lambda: asyncio.to_thread(engine.database.check)),
            _state("temporal", lambda: _temporal(engine)),
            _state("worker", lambda: _worker(engine)),
        )
    )


def not_opened(error: LongpoleError | None) -> list[PartState]:
    """The state when the engine could not be opened, with what `open_engine` raised (None: it is still at it)."""
    if error is None:
        return [PartState("engine", "starting")]
    return [PartState("database" if isinstance(error, StoreUnavailable) else "temporal", error.message)]


async def _state(name: str, check: Callable[[], Awaitable[None]]) -> PartState:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except TimeoutError:
        return PartState(name, f"no answer within {CHECK_SECONDS:g} s")
    except LongpoleError as error:
        return PartState(name, error.message)
    except RPCError as error:
        return PartState(name, f"Temporal does not answer: {error.message.splitlines()[0] if error.message else error}")
    return PartState(name, None)


async def _temporal(engine: Engine) -> None:
    await engine.client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=_RPC_TIMEOUT)


async def _worker(engine: Engine) -> None:
    queue = engine.settings.task_queue
    for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
        request = DescribeTaskQueueRequest(
            namespace=engine.client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
        answer = await engine.client.workflow_service.describe_task_queue(request, timeout=_RPC_TIMEOUT)
        now = datetime.now(UTC)
        seen = [poller.last_access_time.ToDatetime(UTC) for poller in answer.pollers]
        if not any((now - at).total_seconds() < _POLLER_SECONDS for at in seen):
            raise LongpoleError(f"no worker takes tasks from the queue {queue!r}", code="no_worker")
