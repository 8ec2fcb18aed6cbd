"""What happens to runs behind our back reaches the records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporal_dev.server import DevServer
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus

from activities.attempt import StepActivities, StepSettings
from activities.masking import Masker
from activities.outcome import OutcomeWriter
from activities.recording import Recorder
from activities.run_events import RunEventActivities
from definitions.ids import new_execution_id
from definitions.messages import WORKFLOW_TYPE
from engine.access.identity import LOCAL
from engine.core import Engine, open_engine
from engine.outgoing import row_of
from engine.reconciler import Reconciler
from engine.service import working
from engine.views import StoredDefinition
from engine.worker import create_worker
from store import instances
from tests.polling import eventually
from tests.running import begin, ended, statuses

IN_TIME = 180.0
"""The records say what Temporal says long before that."""
ECHO = {"name": "echo", "steps": [{"id": "a", "handler": "steps.echo"}]}
WAITING = {"name": "waiting", "steps": [{"id": "a", "handler": "steps.wait", "input": {"seconds": 60}}]}


async def becomes(engine: Engine, execution_id: str, status: str) -> None:
    async def is_so() -> bool:
        return await engine.executions.status(execution_id) == status

    await eventually(is_so, seconds=IN_TIME)


async def running(engine: Engine, execution_id: str) -> None:
    async def step_runs() -> bool:
        return statuses(await engine.executions.get(execution_id))["a"] == "running"

    await eventually(step_runs)


async def test_a_run_terminated_in_temporal_is_cancelled(service: Engine) -> None:
    execution_id = await begin(service, WAITING)
    await running(service, execution_id)
    await service.client.get_workflow_handle(execution_id).terminate(reason="not needed any more")
    await becomes(service, execution_id, "cancelled")
    execution = await service.executions.get(execution_id)
    assert execution.error == {
        "message": "terminated in Temporal: not needed any more",
        "error_class": "terminated",
    }
    assert statuses(execution) == {"a": "cancelled"}
    last = (await service.executions.events(execution_id))[-1]
    assert (last.type, last.data["reconciled"]) == ("run.cancelled", True)


async def test_a_run_that_temporal_no_longer_knows_is_lost(service: Engine) -> None:
    execution_id = await begin(service, WAITING)
    await running(service, execution_id)
    await service.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=service.client.namespace, workflow_execution=WorkflowExecution(workflow_id=execution_id)
        )
    )

    async def over() -> bool:
        return await service.executions.status(execution_id) not in ("pending", "running")

    await eventually(over, seconds=IN_TIME)
    execution = await service.executions.get(execution_id)
    assert execution.error is not None
    # Temporal terminates a run before it deletes it: the reconciler may come by in between.
    assert (execution.status, execution.error["error_class"]) in (("failed", "lost"), ("cancelled", "terminated"))


async def test_a_run_deleted_before_anybody_saw_how_it_ended_is_lost(engine: Engine) -> None:
    execution_id = await begin(engine, WAITING)
    await engine.executions.close()  # the note that Temporal took it
    await engine.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=engine.client.namespace, workflow_execution=WorkflowExecution(workflow_id=execution_id)
        )
    )

    async def gone() -> bool:
        return await temporal_runs(engine, execution_id) == 0

    await eventually(gone)
    async with working(engine):
        await becomes(engine, execution_id, "failed")
    execution = await engine.executions.get(execution_id)
    assert execution.error == {"message": "Temporal no longer knows this run", "error_class": "lost"}


async def temporal_runs(engine: Engine, execution_id: str) -> int:
    return (await engine.client.count_workflows(f"WorkflowId = '{execution_id}'")).count


@pytest.mark.parametrize("held", [True, False])
async def test_a_run_reset_after_its_end_goes_on_and_ends_again(service: Engine, tmp_path: Path, held: bool) -> None:
    """Not held, it is over again before the reconciler could see that it went on."""
    gate = tmp_path / "gate"
    document = {
        "name": "reset",
        "steps": [
            {"id": "first", "handler": "steps.echo"},
            {
                "id": "a",
                "handler": "steps.occupy",
                "input": {"parameters": {"until": str(gate)}},
                "depends_on": ["first"],
            },
            {"id": "last", "handler": "steps.echo", "input": {"n": "${first.result.n}"}, "depends_on": ["a"]},
        ],
    }
    gate.touch()
    execution_id = await begin(service, document, {"n": 1})
    before = await ended(service, execution_id)
    assert (before.status, before.output) == ("completed", {"n": 1})

    if held:
        gate.unlink()
    await reset(service, execution_id)
    if held:
        await becomes(service, execution_id, "running")
        gate.touch()

    async def completed_again() -> bool:
        now = await service.executions.get(execution_id)
        return now.status == "completed" and now.completed_at != before.completed_at

    await eventually(completed_again, seconds=IN_TIME)
    after = await service.executions.get(execution_id)
    assert statuses(after) == dict.fromkeys(("first", "a", "last"), "completed")
    assert after.output == before.output
    events = await service.executions.events(execution_id)
    types = [event.type for event in events if event.type.startswith("run.")]
    assert types == ["run.completed", "run.reopened", "run.completed"]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


async def reset(engine: Engine, execution_id: str) -> None:
    """To where its second step was scheduled, as in the Temporal web UI."""
    history = await engine.client.get_workflow_handle(execution_id).fetch_history()
    tasks = [e.event_id for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    await engine.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=engine.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=execution_id),
            reason="again",
            workflow_task_finish_event_id=tasks[1],
            request_id=new_execution_id(),
        )
    )


async def test_a_workflow_that_failed_before_it_recorded_anything_ends_the_row(service: Engine) -> None:
    stored = await service.definitions.save(ECHO)
    execution_id = new_execution_id()
    await asyncio.to_thread(write_row, service, stored, execution_id)
    handle = await service.client.start_workflow(
        WORKFLOW_TYPE,
        {
            "execution_id": execution_id,
            "definition": stored.document,
            "digest": stored.digest,
            "interpreter": 1_000_000,
        },
        id=execution_id,
        task_queue=service.settings.task_queue,
    )
    await asyncio.to_thread(note_dispatched, service, execution_id, handle.first_execution_run_id or "")
    await becomes(service, execution_id, "failed")
    execution = await service.executions.get(execution_id)
    assert execution.error is not None
    assert "this run was started for interpreter 1000000" in execution.error["message"]


def write_row(engine: Engine, stored: StoredDefinition, execution_id: str) -> None:
    """What is left when a starter dies before it has told Temporal."""
    with engine.database.write() as session:
        instances.create_instance(
            session, **row_of(stored, {}, execution_id=execution_id, owner=LOCAL, priority=None, tags=())
        )


def note_dispatched(engine: Engine, execution_id: str, run_id: str) -> None:
    with engine.database.write() as session:
        assert instances.mark_dispatched(session, {execution_id: run_id})


@asynccontextmanager
async def worker_that_forgets_outcomes(engine: Engine) -> AsyncIterator[None]:
    """As if it had died each time between the end of a run and its record."""
    recorder, masker = Recorder(engine.database), Masker()
    steps = StepActivities(engine.registry, recorder, engine.blobs, masker, StepSettings(engine.settings.data_dir))
    events = RunEventActivities(recorder, masker)
    try:
        async with create_worker(
            engine.client,
            engine.settings,
            [steps.run_step, events.record_events],
            submit_outcome=lambda pages: None,
        ):
            yield
    finally:
        await asyncio.to_thread(steps.close)
        await asyncio.to_thread(recorder.close)


async def test_an_outcome_lost_with_its_worker_is_asked_for_again(engine: Engine) -> None:
    document = {
        "name": "forgotten",
        "steps": [
            {"id": "a", "handler": "steps.give", "input": {"value": 7}},
            {"id": "never", "handler": "steps.echo", "condition": "step_outputs['a'] > 10"},
            {"id": "b", "handler": "steps.echo", "input": {"got": "${a.result}"}},
        ],
    }
    async with worker_that_forgets_outcomes(engine):
        execution_id = await begin(engine, document)
        assert await engine.client.get_workflow_handle(execution_id).result() == {"never": None, "b": {"got": 7}}
    assert await engine.executions.status(execution_id) in ("pending", "running")
    async with working(engine):
        await becomes(engine, execution_id, "completed")
    execution = await engine.executions.get(execution_id)
    assert statuses(execution) == {"a": "completed", "never": "skipped", "b": "completed"}
    assert execution.output == {"never": None, "b": {"got": 7}}
    assert (await engine.executions.events(execution_id))[-1].type == "run.completed"


async def test_a_run_that_no_worker_can_tell_of_ends_by_temporals_word(engine: Engine, temporal: DevServer) -> None:
    elsewhere = engine.settings.model_copy(update={"task_queue": f"{engine.settings.task_queue}-elsewhere"})
    async with (
        open_engine(elsewhere, temporal_address=temporal.address) as other,
        worker_that_forgets_outcomes(other),
    ):
        unheard = await begin(other, ECHO, {"n": 1})
        await other.client.get_workflow_handle(unheard).result()
    terminated = await begin(engine, WAITING)
    await engine.client.get_workflow_handle(terminated).terminate()
    async with reconciler_of(engine, query_timeout=timedelta(seconds=0.5)) as reconciler:

        async def first_the_one_that_needs_no_worker() -> bool:
            await reconciler.once()
            return await engine.executions.status(terminated) == "cancelled"

        async def then_the_other() -> bool:
            await reconciler.once()
            return await engine.executions.status(unheard) == "completed"

        await eventually(first_the_one_that_needs_no_worker)
        await eventually(then_the_other)
    assert (await engine.executions.get(unheard)).output == {"n": 1}


@asynccontextmanager
async def reconciler_of(engine: Engine, **options: Any) -> AsyncIterator[Reconciler]:
    recorder = Recorder(engine.database)
    outcomes = OutcomeWriter(recorder, Masker())
    try:
        yield Reconciler(engine.database, engine.client, outcomes, **options)
    finally:
        await asyncio.to_thread(outcomes.close)
        await asyncio.to_thread(recorder.close)


async def test_healthy_runs_are_never_touched(service: Engine) -> None:
    document = {
        "name": "healthy",
        "steps": [
            {"id": "a", "handler": "steps.wait", "input": {"seconds": 0.2}},
            {
                "id": "b",
                "handler": "steps.flaky",
                "input": {"succeeds_at": 2},
                "depends_on": ["a"],
                "retry": {"max_attempts": 2, "initial_interval": 0.1},
            },
            {"id": "c", "handler": "steps.wait", "input": {"seconds": 4}, "depends_on": ["b"]},
        ],
    }
    rounds: list[int] = []

    async def go_round(reconciler: Reconciler) -> None:
        while True:
            rounds.append(await reconciler.once())
            await asyncio.sleep(0.05)

    async with reconciler_of(service) as reconciler:
        reconciling = asyncio.create_task(go_round(reconciler))
        ids = await asyncio.gather(*(begin(service, document, {"n": number}) for number in range(20)))
        executions = await asyncio.gather(*(ended(service, execution_id) for execution_id in ids))
        assert not reconciling.done()
        reconciling.cancel()
        await asyncio.gather(reconciling, return_exceptions=True)
    assert len(rounds) > 2
    assert sum(rounds) == 0
    for execution in executions:
        assert execution.status == "completed"
        types = [event.type for event in await service.executions.events(execution.execution_id)]
        assert types.count("run.completed") == 1
        assert "run.reopened" not in types
        description = await service.client.get_workflow_handle(execution.execution_id).describe()
        assert description.status is WorkflowExecutionStatus.COMPLETED
