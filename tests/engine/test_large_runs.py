"""Runs whose definition is too large to travel with them: kept in blob storage, loaded before the workflow begins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from definitions.digest import canonical_json, digest
from definitions.ids import new_execution_id
from definitions.incoming import begin, prepared
from definitions.messages import WORKFLOW_TYPE
from definitions.program import ProgramCache, programs
from engine.core import Engine
from engine.definitions import core_document
from engine.service import working
from tests.polling import eventually
from tests.running import begin as begin_run
from tests.running import ended, histories, run, statuses

LARGE = "x" * 2_000


def large(name: str, **first: Any) -> dict[str, Any]:
    """A definition of about 300 KB; most of its steps are skipped."""
    idle = [
        {"id": f"idle{n}", "handler": "steps.give", "condition": "False", "input": {"value": LARGE}} for n in range(150)
    ]
    return {"name": name, "steps": [{"id": "first", "handler": "steps.give", **first}, *idle]}


def run_input(history: WorkflowHistory) -> dict[str, Any]:
    payload = history.events[0].workflow_execution_started_event_attributes.input.payloads[0]
    fields: dict[str, Any] = json.loads(payload.data)
    return fields


async def test_a_large_definition_runs_from_its_blob(service: Engine) -> None:
    execution = await run(service, large("from a blob", input={"value": 7}))
    assert execution.status == "completed", execution.error
    assert statuses(execution)["first"] == "completed"
    stored = await service.definitions.find("from a blob")
    assert stored is not None
    (history,) = await histories(service, execution.execution_id)
    fields = run_input(history)
    assert fields["definition"] == {"blob": stored.digest}
    assert service.blobs.get(stored.digest) == canonical_json(stored.document)


async def test_a_small_definition_travels_with_its_run(service: Engine) -> None:
    execution = await run(service, {"name": "small", "steps": [{"id": "a", "handler": "steps.give"}]})
    (history,) = await histories(service, execution.execution_id)
    assert run_input(history)["definition"]["name"] == "small"


async def paused_run(engine: Engine, name: str) -> tuple[str, str]:
    """A run that stands still after its first step, and whose worker is gone with all that it had in its memory; its
    id, and the digest of its definition."""
    document = large(name, input={"value": 7})
    gate = engine.settings.data_dir / "gate"
    slow = {"id": "slow", "handler": "steps.occupy", "input": {"parameters": {"until": str(gate)}}}
    document["steps"].insert(0, slow)
    document["steps"].append({"id": "last", "handler": "steps.give", "depends_on": ["slow"], "input": {"value": 8}})
    async with working(engine):
        execution_id = await begin_run(engine, document)
        await engine.executions.pause(execution_id)
        gate.touch()

        async def stands_still() -> bool:
            snapshot = await engine.client.get_workflow_handle(execution_id).query("progress")
            return snapshot["status"] == "paused" and not snapshot["running"]

        await eventually(stands_still)
    stored = await engine.definitions.find(name)
    assert stored is not None
    programs.forget(stored.digest)
    return execution_id, stored.digest


async def test_another_worker_loads_it_again_to_replay(engine: Engine) -> None:
    execution_id, _ = await paused_run(engine, "taken over")
    async with working(engine):
        await engine.executions.resume(execution_id)
        execution = await ended(engine, execution_id)
    assert execution.status == "completed", execution.error


async def test_a_missing_blob_fails_the_run_and_says_so(engine: Engine) -> None:
    execution_id = await begin_run(engine, large("lost"))
    stored = await engine.definitions.find("lost")
    assert stored is not None
    assert engine.blobs.delete(stored.digest)
    async with working(engine):
        execution = await ended(engine, execution_id)
    assert execution.status == "failed"
    assert execution.error is not None
    assert execution.error["error_class"] == "blob_missing"
    assert stored.digest in execution.error["message"]


async def test_a_blob_that_is_lost_under_way_and_restored_lets_the_run_go_on(engine: Engine) -> None:
    execution_id, digest_of_definition = await paused_run(engine, "restored")
    content = engine.blobs.get(digest_of_definition)
    engine.blobs.delete(digest_of_definition)
    async with working(engine):
        await engine.executions.resume(execution_id)

        async def said_so() -> bool:
            description = await engine.client.get_workflow_handle(execution_id).describe()
            pending = description.raw_description.pending_workflow_task
            return pending.attempt > 1

        await eventually(said_so)
        engine.blobs.put(content)
        execution = await ended(engine, execution_id)
    assert execution.status == "completed", execution.error


async def test_blobs_that_are_no_definition_fail_the_run(service: Engine) -> None:
    execution_id = new_execution_id()
    wrong = service.blobs.put(b'{"name": "no steps"}')
    fields = {"execution_id": execution_id, "definition": {"blob": wrong}, "digest": wrong}
    handle = await service.client.start_workflow(
        WORKFLOW_TYPE, fields, id=execution_id, task_queue=service.settings.task_queue
    )

    async def failed() -> bool:
        return (await handle.describe()).close_time is not None

    await eventually(failed)
    event = [event async for event in handle.fetch_history_events()][-1]
    failure = event.workflow_execution_failed_event_attributes.failure
    assert failure.application_failure_info.type == "run_input_invalid"


async def test_user_data_that_looks_like_a_reference_is_user_data(service: Engine) -> None:
    value = {"definition": {"blob": "sha256:" + "0" * 64}, "execution_id": "exec_1", "digest": "sha256:1"}
    document = {"name": "alike", "steps": [{"id": "a", "handler": "steps.give", "input": {"value": value}}]}
    execution = await run(service, document)
    assert execution.status == "completed", execution.error
    assert execution.output == value


def test_a_run_without_its_definition_is_not_begun() -> None:
    fields = {"execution_id": new_execution_id(), "definition": {"blob": "sha256:x"}, "digest": "sha256:never seen"}
    with pytest.raises(RuntimeError, match="not loaded"):
        begin(fields, {})


def test_what_was_made_ready_is_taken_once() -> None:
    fields = {"execution_id": new_execution_id(), "definition": {"name": "n", "steps": [{"id": "a"}]}, "digest": "d"}
    begun = begin(fields, {})
    token = prepared.leave(begun)
    assert prepared.take(token) is begun
    with pytest.raises(RuntimeError, match="gone"):
        prepared.take(token)


def test_programs_are_kept_by_their_size_and_as_long_as_they_are_used() -> None:
    cache = ProgramCache(size=10, steps=5)

    def document(name: str, steps: int) -> dict[str, Any]:
        return {"name": name, "steps": [{"id": f"s{n}"} for n in range(steps)]}

    documents = {name: document(name, steps) for name, steps in (("a", 3), ("b", 3), ("c", 9))}
    digests = {name: digest(each) for name, each in documents.items()}
    held = cache.get(documents["a"], digests["a"])
    assert cache.get(documents["a"], digests["a"]) is held
    cache.get(documents["b"], digests["b"])
    cache.get(documents["c"], digests["c"])
    assert cache.known(digests["c"]) is not None
    assert cache.known(digests["b"]) is None
    assert cache.known(digests["a"]) is held
    del held
    assert cache.known(digests["a"]) is None
    assert core_document(cache.get(documents["c"], digests["c"]).definition) == documents["c"]
