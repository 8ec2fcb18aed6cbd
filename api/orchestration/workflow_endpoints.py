"""Workflows: stored, listed, changed, run."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from api.dependencies import Caller, NewId, SeenEngine
from api.orchestration import steering, steering_wire, storing, translate, wire
from api.orchestration.described import document_of
from api.orchestration.document_wire import Document
from api.orchestration.envelope import Answer, paged
from api.orchestration.overrides import overridden
from api.orchestration.tracing import correlation_of, trace_of
from api.routing import surface_router
from api.rules import rules
from definitions.ids import execution_id
from definitions.priorities import PRIORITIES
from engine.orchestration.executions import ExecuteWish, WorkflowExecutions
from engine.orchestration.workflows import Workflows
from engine.webhooks.webhooks import Webhooks

BASE = "/v1/workflows"
router = surface_router()


@router.get(BASE)
async def list_workflows(
    engine: SeenEngine,
    caller: Caller,
    status: wire.ListedStatus | None = None,
    created_by: Annotated[str | None, Query(min_length=1, max_length=255)] = None,
    tags: Annotated[list[str] | None, Query(max_length=100)] = None,
    page: Annotated[int, Query(ge=1, le=10_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Answer[list[wire.Workflow]]:
    """The user's workflows, newest first. `status` `completed`, `failed`: by the last execution; `tags`: all of them,
    given several times or with commas."""
    found, total = await Workflows(engine, caller).page(
        activation=translate.activation_of(status),
        last_statuses=translate.last_statuses(status),
        created_by=created_by,
        tags=[tag for given in tags or () for tag in given.split(",") if tag],
        limit=limit,
        offset=(page - 1) * limit,
    )
    return paged([translate.workflow(each) for each in found], page=page, limit=limit, total=total)


@router.post(BASE, status_code=201)
@rules(kind="submission", definition=True)
async def create_workflow(
    body: Document, engine: SeenEngine, caller: Caller, new_id: NewId
) -> Answer[wire.CreatedWorkflow]:
    """Check and store a workflow. Everything that is wrong is told at once, and then nothing is stored."""
    return Answer(data=await storing.created(engine, caller, body, new_id("workflow")))


@router.get(f"{BASE}/{{workflow_id}}")
async def get_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.WholeWorkflow]:
    """A workflow with the document that it was made of."""
    return Answer(data=translate.whole_workflow(await Workflows(engine, caller).summary(workflow_id)))


@router.put(f"{BASE}/{{workflow_id}}")
@rules(kind="submission", definition=True)
async def update_workflow(
    workflow_id: str, body: Document, engine: SeenEngine, caller: Caller
) -> Answer[wire.CreatedWorkflow]:
    """Store a workflow's next revision. Executions keep the one that they began with."""
    return Answer(data=await storing.updated(engine, caller, workflow_id, body))


@router.delete(f"{BASE}/{{workflow_id}}")
async def delete_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.Deleted]:
    """Forget a workflow that nothing runs of; its executions and their logs stay."""
    await Workflows(engine, caller).delete(workflow_id)
    return Answer(data=wire.Deleted(id=workflow_id))


@router.post(f"{BASE}/{{workflow_id}}/activate")
async def activate_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.WholeWorkflow]:
    """From now on its schedule is kept."""
    await Workflows(engine, caller).activate(workflow_id)
    return await get_workflow(workflow_id, engine, caller)


@router.post(f"{BASE}/{{workflow_id}}/pause")
async def pause_workflow(workflow_id: str, engine: SeenEngine, caller: Caller) -> Answer[wire.WholeWorkflow]:
    """From now on no execution of it begins; those that go on do."""
    await Workflows(engine, caller).pause(workflow_id)
    return await get_workflow(workflow_id, engine, caller)


@router.post(f"{BASE}/{{workflow_id}}/execute")
@rules(kind="submission")
async def execute_workflow(
    workflow_id: str,
    engine: SeenEngine,
    caller: Caller,
    new_id: NewId,
    request: Request,
    body: wire.ExecuteRequest | None = None,
) -> Answer[wire.Execution]:
    """Start an execution. With `async: false` the answer waits for its end, for `execute_wait_seconds` at most."""
    wanted = body or wire.ExecuteRequest()
    stored = await engine.definitions.get(workflow_id)
    instead = None
    if wanted.step_overrides:
        instead = await storing.read(engine, caller, overridden(document_of(stored), wanted.step_overrides))
    wish = ExecuteWish(
        parameters=wanted.parameters,
        name=wanted.execution_name,
        priority=None if wanted.priority is None else PRIORITIES[wanted.priority],
        tags=wanted.tags,
        instead=instead,
        correlation_id=correlation_of(request),
        trace_id=trace_of(request),
    )
    executions, run_uuid = WorkflowExecutions(engine, caller), new_id("execution")
    for number, each in enumerate(wanted.webhooks):
        await Webhooks(engine, caller).per_run(
            execution_id(run_uuid),
            each.url,
            each.events,
            ordered=each.ordered,
            secret=each.secret,
            new_id=new_id(f"webhook {number}"),
        )
    found = await executions.execute(stored, wish, run_uuid=run_uuid)
    if not wanted.run_async:
        found = await executions.wait(found.execution.execution_id, engine.settings.execute_wait_seconds)
    return Answer(data=translate.execution(found))


@router.get(f"{BASE}/{{workflow_id}}/executions")
async def list_executions(
    workflow_id: str,
    engine: SeenEngine,
    status: wire.ExecutionWord | None = None,
    page: Annotated[int, Query(ge=1, le=10_000_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Answer[list[steering_wire.ExecutionSummary]]:
    """The executions of a workflow, newest first."""
    await engine.definitions.get(workflow_id)
    found, total = await engine.executions.find(
        workflow_id=workflow_id,
        statuses=() if status is None else translate.core_statuses(status),
        limit=limit,
        offset=(page - 1) * limit,
    )
    return paged([steering.summary(each) for each in found], page=page, limit=limit, total=total)


@router.get(f"{BASE}/{{workflow_id}}/graph")
async def workflow_graph(
    workflow_id: str,
    engine: SeenEngine,
    caller: Caller,
    execution: Annotated[str | None, Query(max_length=64)] = None,
) -> Answer[steering_wire.Graph]:
    """The steps, what waits for what, and the critical path; with `execution` how each step stands in that one."""
    stored = await engine.definitions.get(workflow_id)
    statuses: dict[str, str] = {}
    if execution is not None:
        found = await WorkflowExecutions(engine, caller).following.status(execution)
        statuses = {step.view.step_id: step.view.status for step in found.steps}
    expected = await Workflows(engine, caller).estimating.estimate(stored.document, workflow_id)
    return Answer(data=steering.graph(stored.definition, expected, statuses))
