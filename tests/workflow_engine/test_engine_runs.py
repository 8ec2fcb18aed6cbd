"""What instances do, through the engine's own methods on a real Temporal."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from temporal_dev.server import DevServer

from definitions.errors import (
    Conflict,
    DefinitionNotFound,
    InputInvalid,
    LongpoleError,
    NotFound,
    ServiceUnavailable,
)
from engine.settings import Settings
from longpole import WorkflowEngine, WorkflowService
from longpole.workflow_engine.views import WorkflowInstance
from store import database
from tests.polling import eventually


def run(engine: WorkflowEngine, *steps: dict[str, Any], data: Any = None, **fields: Any) -> WorkflowInstance:
    """A template from its creation to the end of its instance."""
    engine.create_template("t", {"steps": list(steps), **fields})
    return engine.start("t", data, wait=True)


def step_statuses(instance: WorkflowInstance) -> dict[str, str]:
    return {step_id: step["status"] for step_id, step in instance.execution_state["steps"].items()}


async def becomes(engine: WorkflowEngine, instance_id: UUID, status: str) -> None:
    """Until its finer status is that."""

    async def is_so() -> bool:
        return engine.get_instance(instance_id).execution_state["status"] == status

    await eventually(is_so)


async def step_runs(engine: WorkflowEngine, instance_id: UUID) -> None:
    async def running() -> bool:
        return "running" in step_statuses(engine.get_instance(instance_id)).values()

    await eventually(running)


def test_the_documented_retry_schedule_by_the_records(engine: WorkflowEngine) -> None:
    policy = {"max_attempts": 3, "backoff_multiplier": 2.0, "max_backoff_seconds": 300}
    given = {"succeeds_at": 3}
    instance = run(engine, {"id": "a", "handler": "steps.flaky", "input_mapping": given, "retry_policy": policy})
    assert instance.output_data == {"attempt": 3}
    first, second, third = engine.get_step_executions(instance.id)
    assert [each.status for each in (first, second, third)] == ["failed", "failed", "completed"]
    assert [each.attempt_number for each in (first, second, third)] == [1, 2, 3]
    assert {each.max_attempts for each in (first, second, third)} == {3}
    assert instance.started_at == first.started_at
    assert first.completed_at is not None
    assert second.started_at is not None
    assert second.completed_at is not None
    assert third.started_at is not None
    waits = [
        (second.started_at - first.completed_at).total_seconds(),
        (third.started_at - second.completed_at).total_seconds(),
    ]
    # How much longer depends on the machine.
    assert 2.0 <= waits[0] < 60.0
    assert 4.0 <= waits[1] < 60.0
    assert first.input_data == given
    assert first.error_message == "RuntimeError: attempt 1 fails"
    assert first.error_traceback is not None
    assert "steps.py" in first.error_traceback
    assert third.output_data == {"attempt": 3}
    assert third.duration_seconds is not None


def test_the_last_attempt_fails_the_instance(engine: WorkflowEngine) -> None:
    policy = {"max_attempts": 2, "backoff_multiplier": 1, "max_backoff_seconds": 0.05}
    instance = run(engine, {"id": "a", "handler": "steps.fail", "retry_policy": policy})
    assert instance.status == "failed"
    assert instance.error_message == "step 'a' failed: ValueError: as asked"
    assert instance.output_data is None
    assert len(engine.get_step_executions(instance.id)) == 2


def test_conditions_know_outputs_input_and_context(engine: WorkflowEngine) -> None:
    first = {"id": "a", "handler": "documented.answer", "input_mapping": {"result": 7, "context": {"region": "eu"}}}
    conditions = {
        "outputs": ("step_outputs['a']['result'] == 7", "step_outputs['a']['result'] == 8"),
        "input": ("input_data['n'] > 2", "input_data['n'] > 3"),
        "shared": ("context['region'] == 'eu'", "context['region'] == 'us'"),
    }
    steps = [
        {"id": f"{name}_{holds}", "handler": "steps.echo", "condition": condition, "depends_on": ["a"]}
        for name, pair in conditions.items()
        for holds, condition in zip(("yes", "no"), pair, strict=True)
    ]
    instance = run(engine, first, *steps, data={"n": 3})
    assert step_statuses(instance) == {"a": "completed"} | {
        step["id"]: "completed" if step["id"].endswith("yes") else "skipped" for step in steps
    }
    assert instance.execution_state["context"] == {"region": "eu"}


def test_mapped_values_are_looked_up_with_their_types(engine: WorkflowEngine) -> None:
    instance = run(
        engine,
        {"id": "a", "handler": "documented.answer", "input_mapping": {"result": [1, {"k": None}], "context": {"c": 1}}},
        {
            "id": "b",
            "handler": "steps.echo",
            "depends_on": ["a"],
            "input_mapping": {
                "item": "step_outputs.a.result[1]",
                "whole": "step_outputs.a",
                "data": "input_data.deep.er",
                "shared": "context.c",
                "static": "${step_outputs.a}",
            },
        },
        data={"deep": {"er": 2.5}},
    )
    assert instance.output_data == {
        "item": {"k": None},
        "whole": {"success": True, "result": [1, {"k": None}], "message": "as told"},
        "data": 2.5,
        "shared": 1,
        "static": "${step_outputs.a}",
    }


@pytest.mark.parametrize("mode", ["sequential", "parallel"])
def test_siblings_run_one_after_the_other_or_side_by_side(engine: WorkflowEngine, mode: str) -> None:
    siblings = [
        {
            "id": name,
            "handler": "steps.fail" if name == "s1" else "steps.wait",
            "execution_mode": mode,
            "depends_on": ["a"],
            "input_mapping": {"seconds": 2 if mode == "parallel" else 0.2},
        }
        for name in ("s0", "s1", "s2")
    ]
    instance = run(engine, {"id": "a"}, *siblings)
    assert step_statuses(instance) == {"a": "completed", "s0": "completed", "s1": "failed", "s2": "completed"}
    times = {each.step_id: each for each in engine.get_step_executions(instance.id)}
    one_by_one = (
        times["s0"].completed_at <= times["s1"].started_at and times["s1"].completed_at <= times["s2"].started_at
    )  # type: ignore[operator]
    assert one_by_one == (mode == "sequential")
    if mode == "parallel":
        assert times["s2"].started_at < times["s0"].completed_at  # type: ignore[operator]


@pytest.mark.parametrize(
    ("handler", "status", "after"), [("recover", "completed", "completed"), ("notify", "failed", "skipped")]
)
def test_error_handlers(engine: WorkflowEngine, handler: str, status: str, after: str) -> None:
    instance = run(
        engine,
        {"id": "critical_step", "handler": "steps.fail"},
        {"id": "mend", "handler": f"steps.{handler}"},
        {"id": "after", "handler": "steps.echo", "depends_on": ["critical_step"]},
        error_handlers={"critical_step": "mend"},
    )
    assert instance.status == status
    statuses = step_statuses(instance)
    assert statuses["mend"] == "completed"
    assert statuses["after"] == after
    mended = {each.step_id: each for each in engine.get_step_executions(instance.id)}["mend"]
    assert mended.input_data["error"]["step_id"] == "critical_step"
    assert mended.input_data["error"]["message"] == "ValueError: as asked"


def test_a_step_and_a_run_that_take_too_long(engine: WorkflowEngine) -> None:
    slow = {"id": "a", "handler": "steps.wait", "input_mapping": {"seconds": 30}}
    instance = run(engine, {**slow, "timeout_seconds": 0.3})
    assert instance.status == "failed"
    assert engine.get_step_executions(instance.id)[0].error_class == "timeout"
    instance = run(engine, slow, default_timeout_seconds=0.5)
    assert instance.status == "failed"
    assert instance.execution_state["status"] == "timed_out"
    assert instance.timeout_at is not None
    assert instance.completed_at is not None
    assert abs((instance.completed_at - instance.timeout_at).total_seconds()) < 20


async def test_a_template_that_changes_while_instances_run(service: WorkflowService) -> None:
    engine = service.engine
    wait = {"id": "a", "handler": "steps.wait", "input_mapping": {"seconds": 1}}
    say = {"id": "b", "handler": "steps.give", "depends_on": ["a"], "input_mapping": {"value": "old"}}
    old = engine.create_template("changing", {"steps": [wait, say]}, description="first", tags=["x"])
    running = service.start_workflow("changing")
    new = engine.create_template("changing", {"steps": [{**say, "depends_on": [], "input_mapping": {"value": "new"}}]})
    assert (old.version, new.version, new.name) == (1, 2, old.name)
    assert old.id != new.id
    latest = service.start_workflow("changing", async_execution=False)
    assert (latest.output_data, latest.template_id) == ("new", new.id)
    ended = await engine.execute_workflow(running.id)
    assert (ended.output_data, ended.template_id, ended.status) == ("old", old.id, "completed")
    # The older one stays runnable, by its version and by its id, until it is deactivated.
    assert service.start_workflow("changing", version=1, async_execution=False).output_data == "old"
    assert engine.get_template("changing").id == new.id
    assert engine.get_template("changing", version=1) == old == engine.get_template(old.id)
    assert (old.description, old.tags, old.is_active) == ("first", ("x",), True)
    assert engine.deactivate_template(new.id).is_active is False
    assert service.start_workflow("changing", async_execution=False).template_id == old.id
    with pytest.raises(Conflict, match="version 2 of template `changing` is not active"):
        engine.create_instance(new.id)
    assert [each.version for each in engine.list_templates(name="changing")[0]] == [2, 1]
    assert [each.version for each in engine.list_templates(is_active=False)[0]] == [2]
    assert engine.list_templates(tags=["x"])[1] == 1
    engine.activate_template(new.id)
    with pytest.raises(DefinitionNotFound, match="no template `changin`"):
        service.start_workflow("changin")


async def test_an_instance_waits_for_its_execution(engine: WorkflowEngine) -> None:
    template = engine.create_template(
        "t", {"steps": [{"id": "a", "handler": "steps.echo"}], "default_timeout_seconds": 60}
    )
    instance = engine.create_instance(template.id, {"x": 1}, priority=100)
    assert (instance.status, instance.priority, instance.started_at, instance.timeout_at) == (
        "pending",
        100,
        None,
        None,
    )
    # Longer than the relay lets a run wait: it must not take it for one that a crash has left.
    await asyncio.sleep(3.5)
    assert engine.get_instance(instance.id) == instance
    for wish in (engine.pause_workflow, engine.resume_workflow):
        with pytest.raises(Conflict, match="not executed yet"):
            wish(instance.id)
    started = await engine.execute_workflow(instance_id=str(instance.id), async_execution=True)
    assert started.id == instance.id
    ended, again = await asyncio.gather(*(engine.execute_workflow(instance.id) for _ in range(2)))
    assert ended == again == engine.get_instance(instance.id)
    assert (ended.status, ended.output_data) == ("completed", {"x": 1})
    assert ended.timeout_at is not None

    withdrawn = engine.cancel_workflow(engine.create_instance(template.id).id, reason="not needed")
    assert (withdrawn.status, withdrawn.error_message) == ("cancelled", "not needed")
    assert (await engine.execute_workflow(withdrawn.id)).status == "cancelled"


async def test_pausing_resuming_and_cancelling(service: WorkflowService) -> None:
    engine = service.engine
    steps = [
        {"id": "a", "handler": "documented.answer", "input_mapping": {"context": {"k": 1}}},
        {"id": "b", "handler": "steps.wait", "depends_on": ["a"], "input_mapping": {"seconds": 60}},
    ]
    engine.create_template("slow", {"steps": steps, "default_timeout_seconds": 600})
    instance = service.start_workflow("slow")
    await step_runs(engine, instance.id)
    await becomes(engine, instance.id, "running")

    async def context_is_known() -> bool:
        return engine.get_instance(instance.id).execution_state.get("context") == {"k": 1}

    await eventually(context_is_known)
    deadline = engine.get_instance(instance.id).timeout_at
    service.pause_workflow(instance.id)
    await becomes(engine, instance.id, "paused")
    assert engine.get_instance(instance.id).status == "running"
    assert [each.id for each in service.get_running_workflows()] == [instance.id]
    service.resume_workflow(instance.id)
    await becomes(engine, instance.id, "running")
    moved = engine.get_instance(instance.id).timeout_at
    assert deadline is not None
    assert moved is not None
    assert moved > deadline
    assert deadline - instance.created_at < timedelta(seconds=660)
    # One that goes on by itself may be resumed as well: it changes nothing.
    assert service.resume_workflow(instance.id).status == "running"
    service.cancel_workflow(instance.id, reason="enough")
    ended = await engine.execute_workflow(instance.id)
    assert (ended.status, ended.error_message) == ("cancelled", "enough")
    assert service.get_running_workflows() == []
    with pytest.raises(Conflict, match="nothing to cancel"):
        service.cancel_workflow(instance.id)


async def test_it_works_inside_a_running_loop_and_in_any_thread(service: WorkflowService) -> None:
    service.engine.create_template("t", {"steps": [{"id": "a", "handler": "steps.echo"}]})
    here = service.start_workflow("t", {"n": 0}, async_execution=False)
    there = await asyncio.gather(
        *(asyncio.to_thread(service.start_workflow, "t", {"n": n}, None, False) for n in range(1, 6))
    )
    assert [each.output_data["n"] for each in (here, *there)] == list(range(6))


def test_the_tables_can_be_read_as_documented(each_db: Session, settings: Settings, temporal: DevServer) -> None:
    with WorkflowEngine(each_db, settings=settings, temporal_address=temporal.address) as engine:
        instance = run(engine, {"id": "a", "handler": "steps.echo"}, data={"x": 1})
        template = each_db.execute(
            text("SELECT name, version, definition, is_active, created_at, updated_at FROM workflow_templates")
        ).one()
        assert (template.name, template.version, bool(template.is_active)) == ("t", 1, True)
        row = each_db.execute(
            text(
                "SELECT template_id, status, input_data, output_data, execution_state, started_at, completed_at,"
                " timeout_at, priority FROM workflow_instances"
            )
        ).one()
        assert (row.status, row.priority) == ("completed", 50)
        step = each_db.execute(
            text(
                "SELECT workflow_instance_id, step_id, status, attempt_number, max_attempts, input_data, output_data,"
                " error_message, error_traceback, started_at, completed_at, duration_seconds"
                " FROM workflow_step_executions"
            )
        ).one()
        assert (step.step_id, step.status, step.attempt_number, step.max_attempts) == ("a", "completed", 1, 1)
        assert UUID(str(step.workflow_instance_id)) == instance.id
        assert step.input_data in ({"x": 1}, '{"x":1}')


def test_the_session_is_left_as_it_is(db: Session, engine: WorkflowEngine) -> None:
    engine.create_template("t", {"steps": [{"id": "a"}]})
    assert not db.in_transaction()
    db.execute(text("SELECT count(*) FROM workflow_templates"))
    engine.create_template("t", {"steps": [{"id": "a"}]})
    assert db.in_transaction()
    db.rollback()


def test_what_can_not_be_used_is_told(db: Session, engine: WorkflowEngine, settings: Settings) -> None:
    template = engine.create_template("t", {"steps": [{"id": "a"}]}, tags=None)
    unknown = uuid4()
    wrong: list[tuple[type[Exception], str, Any]] = [
        (NotFound, "is not an id", lambda: engine.get_instance("nonsense")),
        *[
            (NotFound, f"there is no instance {unknown}", lambda call=call: call(unknown))
            for call in (
                engine.get_instance,
                engine.get_step_executions,
                engine.pause_workflow,
                engine.resume_workflow,
                engine.cancel_workflow,
                lambda key: asyncio.run(engine.execute_workflow(key)),
            )
        ],
        *[
            (DefinitionNotFound, f"there is no template {unknown}", lambda call=call: call(unknown))
            for call in (
                engine.get_template,
                engine.create_instance,
                engine.deactivate_template,
                lambda key: engine.get_statistics(template_id=key),
            )
        ],
        (NotFound, f"template {template.id} is version 1 of `t`", lambda: engine.get_template(template.id, version=2)),
        (NotFound, "there is no template `t` with version 9", lambda: engine.get_template("t", version=9)),
        (InputInvalid, "not JSON", lambda: engine.create_instance(template.id, {"x": {1}})),
        (ValueError, "priority is 101", lambda: engine.create_instance(template.id, {}, priority=101)),
        (ValueError, "priority_min is True", lambda: engine.query_instances(priority_min=True)),
        (ValueError, "created_after is 'today'", lambda: engine.query_instances(created_after="today")),  # type: ignore[arg-type]
        (ValueError, "limit is 0", lambda: engine.query_instances(limit=0)),
        (ValueError, "template_name is 5", lambda: engine.query_instances(template_name=5)),  # type: ignore[arg-type]
        (ValueError, "template_name is 5", lambda: engine.get_statistics(template_name=5)),  # type: ignore[arg-type]
        (ValueError, "name is 5", lambda: engine.list_templates(name=5)),  # type: ignore[arg-type]
        (ValueError, "version is '1'", lambda: engine.start("t", version="1")),  # type: ignore[arg-type]
        (ValueError, "version is 0", lambda: engine.get_template("t", version=0)),
        (ValueError, "reason is 5", lambda: engine.cancel_workflow(unknown, reason=5)),  # type: ignore[arg-type]
        (ValueError, "grace_seconds is -1", lambda: engine.cancel_workflow(unknown, grace_seconds=-1)),
        (ValueError, "tags is 'x'", lambda: engine.create_template("t", {"steps": [{"id": "a"}]}, tags="x")),
        (LongpoleError, "`done` is no status", lambda: engine.query_instances(status="done")),
        (LongpoleError, "is no status", lambda: engine.query_instances(status=["failed"])),  # type: ignore[arg-type]
        (LongpoleError, "a database session is needed, not str", lambda: WorkflowEngine("sqlite://")),
        (Conflict, "with other settings", lambda: WorkflowEngine(db, settings=settings.model_copy(update={"port": 1}))),
        (DefinitionNotFound, "there is no template `unknown`", lambda: engine.get_statistics(template_name="unknown")),
    ]
    for kind, message, call in wrong:
        with pytest.raises(kind, match=message):
            call()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_that_keeps_nothing_is_refused(url: str, settings: Settings) -> None:
    bound = create_engine(url)
    with Session(bound) as session, pytest.raises(LongpoleError, match="names no file"):
        WorkflowEngine(session, settings=settings)
    bound.dispose()


def test_a_session_without_a_database_is_refused(settings: Settings) -> None:
    with Session() as session, pytest.raises(LongpoleError, match="bound to no database"):
        WorkflowEngine(session, settings=settings)


def test_a_session_that_holds_the_lock_is_told_to_let_go(
    db: Session, settings: Settings, temporal: DevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.2)
    with WorkflowEngine(db, settings=settings, temporal_address=temporal.address) as engine:
        db.execute(text("UPDATE workflow_templates SET name = name"))
        with pytest.raises(ServiceUnavailable, match="commit or roll back the session"):
            engine.create_template("t", {"steps": [{"id": "a"}]})
        db.commit()
        monkeypatch.undo()  # what the engine writes by itself may take longer
        assert engine.create_template("t", {"steps": [{"id": "a"}]}).version == 1


def test_a_failed_instance_goes_on_from_what_is_done(engine: WorkflowEngine, tmp_path: Path) -> None:
    marker = tmp_path / "mended"
    instance = run(
        engine,
        {"id": "done", "handler": "documented.answer", "input_mapping": {"result": 1, "context": {"k": 2}}},
        {
            "id": "broken",
            "handler": "documented.needs_file",
            "depends_on": ["done"],
            "input_mapping": {"file": str(marker)},
        },
        default_timeout_seconds=60,
    )
    assert instance.status == "failed"
    marker.touch()
    resumed = engine.resume_workflow(instance.id)
    assert resumed.id == instance.id
    ended = asyncio.run(engine.execute_workflow(instance.id))
    assert (ended.status, ended.error_message) == ("completed", None)
    attempts = [(each.step_id, each.status) for each in engine.get_step_executions(instance.id)]
    assert attempts.count(("done", "completed")) == 1
    assert ("broken", "completed") in attempts
    assert engine.get_statistics()["completed_instances"] == 1
    with pytest.raises(Conflict, match="is completed: there is nothing to resume"):
        engine.resume_workflow(instance.id)
