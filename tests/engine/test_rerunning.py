"""Reruns: new runs that reuse what others have done, and run exactly the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from continued_runs import attempts, noted, run_events, step, until

from definitions.errors import Conflict, DefinitionNotFound, InputInvalid
from engine.core import Engine
from engine.executions import Executions
from engine.service import working
from engine.views import Execution
from store.blobs import BlobMissing
from tests.running import begin, ended, run, statuses


async def rerun(engine: Engine, execution_id: str, *steps: str, **wish: Any) -> Execution:
    told = await engine.executions.rerun(execution_id, steps, **wish)
    return await ended(engine, told.execution_id)


def outputs(execution: Execution) -> dict[str, Any]:
    return {each.step_id: each.output for each in execution.steps}


def began(execution: Execution) -> list[str]:
    return [each.step_id for each in execution.steps if each.started_at is not None]


async def test_from_the_middle_exactly_the_closure_runs(on_each_database: Engine, tmp_path: Path) -> None:
    engine, log = on_each_database, tmp_path / "log"
    document = {
        "name": "middle",
        "context": {"colour": "red"},
        "steps": [
            step("remember", "remember", colour="blue"),
            step("big", "big", "remember", bytes=200_000, small=7),
            step("left_out", "give", "big", value=1, condition="context.colour == 'green'"),
            {**noted("paint", log, "big"), "input": {"file": str(log), "seconds": 0, "colour": "${context.colour}"}},
            step("other", "echo", "big", n="${workflow.input.n}"),
            step("last", "length", "paint", text="${big.result.text}"),
        ],
    }
    first = await run(engine, document, {"n": 1})
    assert first.status == "completed"
    told = await engine.executions.rerun(first.execution_id, ["paint"], dry_run=True)
    assert (told.execution_id, told.reused) == ("", ("remember", "big", "other"))
    assert told.runs == {"paint": "chosen", "last": "downstream of paint"}
    assert told.decided_again == ("left_out",)
    assert (await engine.executions.statistics()).total_instances == 1

    again = await rerun(engine, first.execution_id, "paint")
    assert again.status == "completed"
    assert again.execution_id != first.execution_id
    assert (again.forked_from, again.revision, again.input) == (first.execution_id, first.revision, {"n": 1})
    assert (again.output, outputs(again)["big"]) == (first.output, outputs(first)["big"])
    assert again.context == {"colour": "blue"}
    assert began(again) == ["paint", "last"]
    assert log.read_text() == "paint\npaint\n"
    assert await attempts(engine, again.execution_id, "big") == [(1, 0, "completed")]
    assert {each.step_id: each.reason for each in again.steps if each.reason} == {
        "remember": "reused", "big": "reused", "other": "reused", "left_out": "condition",
    }  # fmt: skip
    assert await run_events(engine, again.execution_id) == ["run.forked", "run.completed"]
    (forked, *_) = await engine.executions.events(again.execution_id)
    assert forked.data == {
        "forked_from": first.execution_id, "was": "completed", "version": "1", "revision": 1, "reused": 3, "runs": 2,
        "decided_again": 1, "steps": {"paint": "chosen", "last": "downstream of paint"},
    }  # fmt: skip
    assert await engine.executions.get(first.execution_id) == first
    memo = await (await engine.client.get_workflow_handle(again.execution_id).describe()).memo()
    assert memo["longpole_forked_from"] == first.execution_id
    # What it reused can be reused once more.
    third = await rerun(engine, again.execution_id, input={"n": 2})
    assert (began(third), outputs(third)["other"], third.input) == (["other"], {"n": 2}, {"n": 2})


async def test_a_failed_run_is_rerun_with_a_version_that_mends_it(service: Engine) -> None:
    steps = [step("a", "give", value=1), step("b", "fail", "a"), step("c", "echo", "b", n="${a.result}")]
    failed = await run(service, {"name": "mended", "version": "broken", "steps": steps})
    assert failed.status == "failed"
    still = await rerun(service, failed.execution_id)
    assert (still.status, began(still)) == ("failed", ["b"])

    mended = {"name": "mended", "version": "2.0", "steps": [steps[0], {**steps[1], "handler": "steps.echo"}, steps[2]]}
    await service.definitions.save(mended)
    told = await service.executions.rerun(failed.execution_id, version="2.0", dry_run=True)
    (difference,) = told.differences
    assert (difference.step_id, difference.difference, difference.fields) == ("b", "changed", ("handler",))
    assert (told.version, told.reused, list(told.runs)) == ("2.0", ("a",), ["b", "c"])
    for version in ("2.0", 2, "latest"):
        done = await rerun(service, failed.execution_id, version=version)
        assert (done.status, done.version, done.output, began(done)) == ("completed", "2.0", {"n": 1}, ["b", "c"])
    with pytest.raises(DefinitionNotFound, match="has no version '3'"):
        await service.executions.rerun(failed.execution_id, version="3")
    strict = {**mended, "version": "3.0", "input_schema": {"type": "object", "required": ["n"]}}
    await service.definitions.save(strict)
    with pytest.raises(InputInvalid, match="n"):
        await service.executions.rerun(failed.execution_id, version="3.0")
    assert (await rerun(service, failed.execution_id, version="3.0", input={"n": 1})).status == "completed"


async def test_runs_that_were_cancelled_or_timed_out_are_rerun(service: Engine) -> None:
    steps = [step("a", "give", value=1), step("b", "wait", "a", seconds="${workflow.input.seconds}")]
    execution_id = await begin(service, {"name": "long", "steps": steps}, {"seconds": 60})
    await until(service, execution_id, b="running")
    with pytest.raises(Conflict, match="is running, not over") as caught:
        await service.executions.rerun(execution_id)
    assert "longpole change" in caught.value.remedy
    await service.executions.cancel(execution_id)
    await ended(service, execution_id)
    done = await rerun(service, execution_id, input={"seconds": 0})
    assert (done.status, began(done)) == ("completed", ["b"])
    late = await run(service, {"name": "late", "timeout": 5, "steps": steps}, {"seconds": 60})
    assert late.status == "timed_out"
    assert began(await rerun(service, late.execution_id, input={"seconds": 0})) == ["b"]
    # What was terminated left no account: its history is asked.
    execution_id = await begin(service, {"name": "long", "steps": steps}, {"seconds": 60})
    await until(service, execution_id, b="running")
    await service.client.get_workflow_handle(execution_id).terminate("enough")
    await service.executions.ended(execution_id)
    done = await rerun(service, execution_id, input={"seconds": 0})
    assert (done.status, began(done)) == ("completed", ["b"])


async def test_a_rerun_that_fails_goes_on_as_the_same_run(service: Engine, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    document = {"name": "again", "steps": [step("a", "give", value=1), step("b", "read", "a", file=str(missing))]}
    failed = await run(service, document)
    again = await rerun(service, failed.execution_id)
    missing.write_text("here")
    assert (await service.executions.continue_run(again.execution_id)).reused == ("a",)
    done = await ended(service, again.execution_id)
    assert (done.status, done.output, done.forked_from) == ("completed", {"text": "here"}, failed.execution_id)
    assert await attempts(service, done.execution_id, "b") == [(1, 1, "failed"), (2, 1, "completed")]


async def test_what_may_begin_once_is_not_begun_again_unasked(service: Engine) -> None:
    document = {"name": "charged", "steps": [step("charge", "give", value=1, at_most_once=True), step("b", "echo")]}
    first = await run(service, document)
    assert (await service.executions.rerun(first.execution_id, ["charge"], dry_run=True)).must_be_allowed == ("charge",)
    for execution_id in (first.execution_id, (await rerun(service, first.execution_id, "b")).execution_id):
        with pytest.raises(Conflict, match="charge") as caught:
            await service.executions.rerun(execution_id, ["charge"])
        assert (caught.value.code, "longpole rerun --repeat" in caught.value.remedy) == ("at_most_once", True)
    assert began(await rerun(service, first.execution_id, "charge", repeat=["charge"])) == ["charge"]
    with pytest.raises(Conflict, match="everything of it would be reused") as nothing:
        await service.executions.rerun(first.execution_id)
    assert nothing.value.code == "nothing_to_rerun"


async def test_a_lost_value_is_named_and_nothing_was_started(service: Engine) -> None:
    steps = [step("big", "big", bytes=200_000), step("b", "length", text="${big.result.text}")]
    first = await run(service, {"name": "lost", "steps": steps})
    for path in (service.settings.data_dir / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(BlobMissing, match="the output of step 'big' is lost") as caught:
        await service.executions.rerun(first.execution_id, ["b"])
    assert "--from STEP" in caught.value.remedy
    assert (await service.executions.statistics()).total_instances == 1
    assert (await rerun(service, first.execution_id, "big")).output == 200_000


async def test_the_relay_brings_a_rerun_that_was_left_behind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(*_: Any) -> None:
        raise RuntimeError("killed")

    async with working(engine):
        first = await run(engine, {"name": "left", "steps": [step("a", "give", value=1), step("b", "echo", "a")]})
        with monkeypatch.context() as patched:
            patched.setattr(Executions, "bring_prepared", dies)
            with pytest.raises(RuntimeError):
                await engine.executions.rerun(first.execution_id, ["b"])
        (left, _), _ = await engine.executions.find()
        assert left.status == "pending"
        await engine.executions.ended(left.execution_id)
        done = await engine.executions.get(left.execution_id)
        assert (done.status, began(done), statuses(done)) == ("completed", ["b"], {"a": "completed", "b": "completed"})
