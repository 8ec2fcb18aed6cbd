"""Executions steered: paused, rerun, answered, told of events, changed while they go on."""

from __future__ import annotations

from fastapi import Request

from api.dependencies import Caller, NewId, SeenEngine
from api.orchestration import steering, steering_wire
from api.orchestration.document import Reader
from api.orchestration.envelope import Answer
from api.orchestration.tracing import correlation_of, trace_of
from api.routing import surface_router
from api.rules import rules
from definitions.errors import DefinitionInvalid
from engine.orchestration.executions import WorkflowExecutions
from engine.orchestration.workflows import Workflows

BASE = "/v1/workflows/executions/{execution_id}"
router = surface_router()


@router.post(f"{BASE}/pause")
async def pause_execution(execution_id: str, engine: SeenEngine) -> Answer[steering_wire.Told]:
    """Running steps end, nothing new starts."""
    await engine.executions.pause(execution_id)
    return Answer(data=steering_wire.Told(execution_id=execution_id, status="pausing"))


@router.post(f"{BASE}/resume")
async def resume_execution(execution_id: str, engine: SeenEngine) -> Answer[steering_wire.Told]:
    """Go on after a pause."""
    await engine.executions.resume(execution_id)
    return Answer(data=steering_wire.Told(execution_id=execution_id, status="resuming"))


@router.post(f"{BASE}/rerun")
@rules(kind="submission")
async def rerun_execution(
    execution_id: str,
    engine: SeenEngine,
    caller: Caller,
    request: Request,
    body: steering_wire.RerunRequest | None = None,
) -> Answer[steering_wire.Rerun]:
    """Start an execution that reuses what one that is over has done."""
    wish = body or steering_wire.RerunRequest()
    made = await engine.executions.rerun(
        execution_id,
        wish.chosen,
        input=wish.parameters,
        version=wish.version,
        repeat=wish.repeat,
        dry_run=wish.dry_run,
    )
    if made.execution_id:
        executions = WorkflowExecutions(engine, caller)
        await executions.note_origin(made.execution_id, made.workflow_id, correlation_of(request), trace_of(request))
    return Answer(data=steering.rerun(made))


@router.get(f"{BASE}/approvals")
async def list_approvals(execution_id: str, engine: SeenEngine) -> Answer[list[steering_wire.Approval]]:
    """What waits for an answer, the oldest first."""
    return Answer(data=[steering.approval(each) for each in await engine.executions.approvals(execution_id)])


@router.post(f"{BASE}/approve")
async def approve(
    execution_id: str, body: steering_wire.ApproveRequest, engine: SeenEngine, caller: Caller
) -> Answer[steering_wire.Decided]:
    """Answer an approval, as whoever asks."""
    await engine.executions.decide(
        execution_id, body.step_id, body.approved, by=caller.subject, comment=body.comment, values=body.values
    )
    decided = steering_wire.Decided(execution_id=execution_id, step_id=body.step_id, approved=body.approved)
    return Answer(data=decided)


@router.post(f"{BASE}/events")
async def send_event(
    execution_id: str, body: steering_wire.EventRequest, engine: SeenEngine, new_id: NewId
) -> Answer[steering_wire.EventTaken]:
    """Send an event; one that no step waits for yet is kept."""
    await engine.executions.send_event(execution_id, body.name, body.data, body.id or new_id("event").hex)
    return Answer(data=steering_wire.EventTaken(execution_id=execution_id, name=body.name))


@router.post(f"{BASE}/steps")
async def inject_steps(
    execution_id: str, body: steering_wire.InjectRequest, engine: SeenEngine, caller: Caller
) -> Answer[steering_wire.Changed]:
    """Add steps to an execution that goes on, or skip some that have not started: all of it or nothing."""
    reader = Reader(engine.registry.check, Workflows(engine, caller).plugins)
    steps, problems = reader.checked_steps(body.steps)
    if problems:
        raise DefinitionInvalid(problems)
    changed = await engine.executions.change(execution_id, steering.change(steps, body))
    return Answer(data=steering_wire.Changed(execution_id=execution_id, changes=changed.changes))
