"""What is said to a run while it goes on, with an answer: events, and decisions on approvals.

By update: the run itself checks what is said, and refuses it with a typed error. Where nobody can be asked (no worker
runs), nothing has been said either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.outputs import load
from definitions.calls import FINAL_RUN_STATUSES
from definitions.errors import ChangeRefused, Conflict, LongpoleError, Problem, ServiceUnavailable
from definitions.steering import OpenApproval
from definitions.values import resolve_deferred, unpack
from engine.execution_records import ExecutionRecords
from engine.temporal import told_by_run
from store.blobs import BlobStore

ANSWER_SECONDS = 10.0
"""A worker that takes over a run replays its history first."""
_ON_ITS_WAY = (RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED, RPCStatusCode.FAILED_PRECONDITION)
"""What the server says while a run goes from one history to the next, or is not there yet."""
_PAUSE = 0.2


async def tell(
    client: Client, records: ExecutionRecords, execution_id: str, update: str, said: Mapping[str, Any], wish: str
) -> Any:
    """What the run answers to the update.

    Raises `ExecutionNotFound`, `Conflict` (`invalid_status`) when it is over, `LongpoleError` with the run's own code
    when it refuses, and `ServiceUnavailable` when nobody answers within 10 seconds."""
    await require_open(records, execution_id, wish)
    handle = client.get_workflow_handle(execution_id)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                try:
                    return await handle.execute_update(update, dict(said))
                except RPCError as error:
                    if error.status not in _ON_ITS_WAY:
                        raise
                await require_open(records, execution_id, wish)
                await asyncio.sleep(_PAUSE)
    except WorkflowUpdateFailedError as refused:
        raise _refusal(refused) from None
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise ServiceUnavailable(
            f"{execution_id} did not answer within {ANSWER_SECONDS:g} s: nothing was changed, as far as is known",
            remedy="is a worker running? Then try again; an event with an id counts once",
        ) from error
    except RPCError as error:
        raise ServiceUnavailable(f"Temporal does not answer: {error.message}", remedy="try again") from error


async def open_approvals(
    client: Client, records: ExecutionRecords, blobs: BlobStore, execution_id: str
) -> list[OpenApproval]:
    """The approvals that wait for an answer, the oldest first; none of a run that is over.

    Raises `ExecutionNotFound`, and `ServiceUnavailable` where no worker answers."""
    if await records.status(execution_id) in FINAL_RUN_STATUSES:
        return []
    handle = client.get_workflow_handle(execution_id)
    told: list[dict[str, Any]] | None = await told_by_run(client, handle.query("approvals"), "what waits for an answer")
    return await asyncio.to_thread(lambda: [_whole(each, blobs) for each in told or ()])


def _whole(told: Mapping[str, Any], blobs: BlobStore) -> OpenApproval:
    values = resolve_deferred(unpack(told["values"], told["slots"]), lambda digest: load(digest, blobs))
    return OpenApproval(
        step=told["step_id"],
        message=told["message"],
        approvers=told["approvers"],
        values=values,
        form=told.get("form"),
        requested_at=told["requested_at"],
        expires_at=told["expires_at"],
    )


async def require_open(records: ExecutionRecords, execution_id: str, wish: str) -> None:
    """Raises `Conflict` (`invalid_status`) when the run is over, and `ExecutionNotFound`."""
    status = await records.status(execution_id)
    if status in FINAL_RUN_STATUSES:
        raise Conflict(
            f"{execution_id} is {status}: there is nothing to {wish}",
            code="invalid_status",
            remedy="look at it with `longpole show`",
        )


def _refusal(refused: WorkflowUpdateFailedError) -> LongpoleError:
    cause = refused.cause
    if not isinstance(cause, ApplicationError):
        return LongpoleError(f"the run refused it: {cause}", code="refused")
    detail = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
    if "problems" in detail:
        return ChangeRefused([Problem(**problem) for problem in detail["problems"]])
    return LongpoleError(cause.message, code=cause.type or "refused", remedy=str(detail.get("remedy", "")))
