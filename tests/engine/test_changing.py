"""Runs that are changed while they go on, by update and by signal, and what goes on from them afterwards."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from continued_runs import gated, run_events, step, until

from definitions.errors import ChangeRefused, Conflict
from engine.core import Engine
from engine.views import Execution
from tests.polling import eventually
from tests.running import begin, ended, run, statuses


async def held(engine: Engine, steps: list[dict[str, Any]], **fields: Any) -> str:
    """A run that is paused behind its first step, which ends when it is."""
    gate, first = engine.settings.data_dir / "gate", steps[0]["id"]
    execution_id = await begin(engine, {"name": "changing", "steps": [gated(first, gate), *steps[1:]], **fields})
    await engine.executions.pause(execution_id)
    gate.touch()
    await until(engine, execution_id, **{first: "completed"})
    return execution_id


async def goes_on(engine: Engine, execution_id: str) -> Execution:
    await engine.executions.resume(execution_id)
    return await ended(engine, execution_id)


def outputs(execution: Execution) -> dict[str, Any]:
    return {each.step_id: each.output for each in execution.steps}


LINE = [step("a", "give", value=1), step("b", "give", "a", value=2), step("c", "echo", "b", n="${b.result}")]


async def test_a_run_goes_by_what_it_was_changed_to_and_so_do_its_reruns(on_each_database: Engine) -> None:
    engine = on_each_database
    execution_id = await held(engine, LINE)
    changed = await engine.executions.change(
        execution_id,
        {
            "inject": [step("new", "give", "a", value=7), step("sum", "echo", "c", all="${new.result}")],
            "edit": {"c": {"input": {"n": "${new.result}"}}},
            "skip": ["b"],
            "by": "an operator",
        },
    )
    done = await goes_on(engine, execution_id)
    assert (done.status, done.output) == ("completed", {"all": 7})
    assert statuses(done) == {
        "a": "completed",
        "b": "skipped",
        "c": "completed",
        "new": "completed",
        "sum": "completed",
    }
    assert outputs(done)["c"] == {"n": 7}
    assert await run_events(engine, execution_id) == ["run.paused", "run.changed", "run.resumed", "run.completed"]
    told = next(each for each in await engine.executions.events(execution_id) if each.type == "run.changed")
    assert (told.data["digest"], told.data["skip"], told.data["by"]) == (changed.digest, ["b"], "an operator")
    assert changed.digest != (await engine.definitions.find("changing")).digest
    memo = await (await engine.client.get_workflow_handle(execution_id).describe()).memo()
    assert memo["longpole_definition_digest"] == changed.digest
    # What goes on from it goes by the same.
    told_again = await engine.executions.rerun(execution_id, ["new"], dry_run=True)
    assert told_again.runs == {"c": "downstream of new", "new": "chosen", "sum": "downstream of c"}
    again = await ended(engine, (await engine.executions.rerun(execution_id, ["new"])).execution_id)
    assert (again.status, outputs(again)) == ("completed", outputs(done))
    # The stored version is what it was.
    assert statuses(await run(engine, {"name": "changing", "steps": LINE})) == dict.fromkeys("abc", "completed")


async def test_a_loop_is_changed_while_it_is_under_way_and_so_is_what_goes_on_from_it(service: Engine) -> None:
    body = [{"id": "w", "wait": {"event": "go"}}, step("b", "give", "w", value=1)]
    document = {"name": "inside", "steps": [{"id": "pages", "loop": {"iterate_over": ["x", "y"], "steps": body}}]}
    execution_id = await begin(service, document)
    executions = service.executions

    async def in_the_second_iteration() -> bool:
        inner = await executions.inner_steps(execution_id, within="pages")
        return any(each.step_id == "pages[0].b" and each.status == "completed" for each in inner.steps)

    await executions.send_event(execution_id, "go")
    await eventually(in_the_second_iteration)
    with pytest.raises(ChangeRefused, match=r"write `pages\.b`"):
        await executions.change(execution_id, {"skip": ["pages[1].b"]})
    added = step("pages.c", "echo", "b", b="${b.result}", item="${loop.current_item}")
    await executions.change(execution_id, {"edit": {"pages.b": {"input": {"value": 2}}}, "inject": [added]})
    await executions.send_event(execution_id, "go")
    done = await ended(service, execution_id)
    assert (done.status, done.output) == ("completed", [1, {"b": 2, "item": "y"}])
    inner = await executions.inner_steps(execution_id, within="pages")
    assert [each.step_id for each in inner.steps if each.step_id.endswith("c")] == ["pages[1].c"]
    again = (await executions.rerun(execution_id, ["pages"])).execution_id
    await executions.send_event(again, "go")
    await executions.send_event(again, "go")
    assert (await ended(service, again)).output == [{"b": 2, "item": "x"}, {"b": 2, "item": "y"}]


async def test_a_changed_run_that_fails_goes_on_as_changed(service: Engine, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    execution_id = await held(service, LINE)
    await service.executions.change(execution_id, {"inject": [step("late", "read", "c", file=str(missing))]})
    assert (await goes_on(service, execution_id)).status == "failed"
    missing.write_text("here")
    assert (await service.executions.continue_run(execution_id)).run_again == ("late",)
    done = await ended(service, execution_id)
    assert (done.status, done.output) == ("completed", {"text": "here"})


async def test_what_is_refused_changes_nothing_and_names_every_problem(service: Engine) -> None:
    execution_id = await held(service, LINE)
    bad = {"edit": {"a": {"timeout": 3}}, "inject": [{"id": "b"}, {"id": "x", "depends_on": ["nowhere"]}]}
    with pytest.raises(ChangeRefused) as caught:
        await service.executions.change(execution_id, bad)
    assert {(each.code, each.path) for each in caught.value.problems} >= {
        ("duplicate_id", "inject[0].id"),
        ("unknown_step", "inject[1].depends_on[0]"),
    }
    with pytest.raises(ChangeRefused) as started:
        await service.executions.change(execution_id, {"edit": {"a": {"timeout": 3}}})
    assert [(each.code, each.path) for each in started.value.problems] == [("already_started", "edit.a")]
    with pytest.raises(ChangeRefused) as unknown:
        await service.executions.change(execution_id, {"inject": [{"id": "x", "handler": "nope.x"}]})
    assert [(each.code, each.path) for each in unknown.value.problems] == [("handler_not_allowed", "inject[0].handler")]
    done = await goes_on(service, execution_id)
    assert (done.status, len(done.steps)) == ("completed", 3)
    with pytest.raises(Conflict) as over:
        await service.executions.change(execution_id, {"skip": ["c"]})
    assert over.value.code == "invalid_status"


async def test_an_operator_changes_runs_by_signal(service: Engine) -> None:
    execution_id = await held(service, LINE)
    handle = service.client.get_workflow_handle(execution_id)
    for name, argument in (
        ("change", {"skip": ["nope"]}),
        ("change", 5),
        ("skip_step", None),
        ("change", {"inject": [step("d", "give", value=4)], "priority": 90, "max_parallel_steps": 1}),
        ("skip_step", "b"),
        ("skip_step", {"step": "c", "by": "me"}),
    ):
        await handle.signal(name, args=[] if argument is None else [argument])
    done = await goes_on(service, execution_id)
    assert statuses(done) == {"a": "completed", "b": "skipped", "c": "skipped", "d": "completed"}
    refusals = [each for each in await service.executions.events(execution_id) if each.type == "run.change_refused"]
    assert [each.data["problems"][0]["code"] for each in refusals] == ["unknown_step", "not_a_mapping", "invalid_value"]


async def test_priority_and_the_limit_of_parallel_steps(service: Engine) -> None:
    wide = [step("a", "give", value=1), *(step(f"w{n}", "wait", "a", seconds=0.1) for n in range(6))]
    execution_id = await held(service, wide, max_parallel_steps=6)
    await service.executions.change(execution_id, {"max_parallel_steps": 1, "priority": 85})

    async def is_known() -> bool:
        return (await service.executions.get(execution_id)).priority == 85

    await eventually(is_known)
    done = await goes_on(service, execution_id)
    waits = sorted((each for each in done.steps if each.step_id != "a"), key=lambda each: str(each.started_at))
    for earlier, later in pairwise(waits):
        assert earlier.completed_at is not None
        assert later.started_at is not None
        assert earlier.completed_at <= later.started_at
    handle = service.client.get_workflow_handle(execution_id)
    description = await handle.describe()
    assert description.search_attributes["LongpolePriority"] == [85]
    scheduled = [
        event.activity_task_scheduled_event_attributes.priority.priority_key
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled == [0, 1, 1, 1, 1, 1, 1]
