"""Bringing a run that was over to Temporal once more: a new Temporal run under the same workflow id.

Its id is taken, so what makes a first start happen once (`engine.dispatch`) does not do here. Instead the request is
named after the Temporal run that it goes on from: the server answers the same request with the run that it has
started already, also when that is over. As a run in a new history was started by no request, what is there is looked
at first: its memo, which goes with it into every history, says what it goes on from.
"""

from __future__ import annotations

import uuid
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.converter import encode_search_attributes
from temporalio.service import RPCError, RPCStatusCode

from definitions.messages import WORKFLOW_TYPE
from engine.dispatch import Dispatch
from engine.temporal import answer
from workflows import attributes


async def dispatch_again(client: Client, task_queue: str, run: Dispatch) -> str:
    """Start the run that goes on from `run.continues`, or find that it was started. Returns Temporal's run id.

    Raises `ServiceUnavailable` when the server can't be reached, and `temporalio.service.RPCError` when it refuses.
    """
    begun = await _begun(client, run)
    if begun is not None:
        return begun
    request = await _request(client, task_queue, run)
    response = await answer(client, client.workflow_service.start_workflow_execution(request))
    return response.run_id


async def _begun(client: Client, run: Dispatch) -> str | None:
    try:
        description = await answer(client, client.get_workflow_handle(run.execution_id).describe())
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    continues = await description.memo_value(attributes.MEMO_CONTINUES, None)
    return description.run_id if continues == run.continues else None


async def _request(client: Client, task_queue: str, run: Dispatch) -> StartWorkflowExecutionRequest:
    told = run.announcement

    async def payload(value: Any) -> Payload:
        return (await client.data_converter.encode([value]))[0]

    request = StartWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_id=run.execution_id,
        identity=client.identity,
        request_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"longpole:{run.execution_id}/{run.continues}")),
        workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
    )
    request.workflow_type.name = WORKFLOW_TYPE
    request.task_queue.name = task_queue
    request.input.payloads.append(await payload(vars(run.run_input)))
    request.workflow_task_timeout.FromTimedelta(told.task_timeout)
    request.priority.priority_key = told.priority_key
    request.user_metadata.summary.CopyFrom(await payload(told.summary))
    request.user_metadata.details.CopyFrom(await payload(told.details))
    for name, value in (told.memo | {attributes.MEMO_CONTINUES: run.continues}).items():
        request.memo.fields[name].CopyFrom(await payload(value))
    encode_search_attributes(told.search_attributes, request.search_attributes)
    return request
