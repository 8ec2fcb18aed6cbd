"""Reruns from inside of loops, at a real server: what runs, and what is reused, is seen in the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from continued_runs import attempts, noted, step

from engine.core import Engine
from engine.executions import Executions
from engine.service import working
from engine.views import Execution
from tests.running import begin, ended, run


async def rerun(engine: Engine, execution_id: str, *steps: str, **wish: Any) -> Execution:
    told = await engine.executions.rerun(execution_id, steps, **wish)
    return await ended(engine, told.execution_id)


async def records(engine: Engine, execution_id: str) -> tuple[list[str], list[str]]:
    """The path ids of the steps with a handler that were started in the run, and of those that were not, sorted."""
    attempts = await engine.executions.attempts(execution_id)
    steps = [each for each in attempts if each.status == "completed"]
    ran = sorted(each.step_id for each in steps if each.attempt > 0)
    return ran, sorted(each.step_id for each in steps if each.attempt == 0)


def looped(log: Path, **loop: Any) -> dict[str, Any]:
    body = [
        step("load", "give", value="${loop.current_item}"),
        {**noted("seen", log, "load"), "input": {"file": str(log), "seconds": 0, "of": "${load.result}"}},
        step("score", "give", "seen", value="${load.result}"),
    ]
    return {
        "name": "looped",
        "steps": [
            step("first", "give", value=1),
            {
                "id": "docs",
                "depends_on": ["first"],
                "loop": {"iterate_over": "${workflow.input.docs}", "steps": body, **loop},
            },
            step("report", "give", value="${docs.result}"),
        ],
    }


async def test_one_edited_item_of_a_list_runs_its_iteration_alone(on_each_database: Engine, tmp_path: Path) -> None:
    engine = on_each_database
    docs = [f"text {number}" for number in range(7)]
    first = await run(engine, looped(tmp_path / "log", parallel=True, max_parallel=3), {"docs": docs})
    assert (first.status, first.output) == ("completed", docs)
    edited = [*docs[:3], "another", *docs[4:]]
    told = await engine.executions.rerun(first.execution_id, input={"docs": edited}, dry_run=True)
    assert (told.reused, dict(told.runs)) == (
        ("first",),
        {"docs": "1 of 7 iterations", "report": "downstream of docs", "docs[3]": "input changed"},
    )
    again = await rerun(engine, first.execution_id, input={"docs": edited})
    assert (again.status, again.output) == ("completed", edited)
    ran, reused = await records(engine, again.execution_id)
    assert [each for each in ran if each != "docs"] == ["docs[3].load", "docs[3].score", "docs[3].seen", "report"]
    assert {"first", "docs[0].load", "docs[6].score"} <= set(reused)
    # What the rerun reused can be reused again, and single steps inside of an iteration can be named.
    third = await rerun(engine, again.execution_id, "docs[5].seen")
    assert third.output == edited
    ran, _ = await records(engine, third.execution_id)
    assert [each for each in ran if each != "docs"] == ["docs[5].score", "docs[5].seen", "report"]
    assert len((tmp_path / "log").read_text().split()) == 7 + 1 + 1


async def test_an_iteration_that_failed_runs_again_in_a_rerun(service: Engine, tmp_path: Path) -> None:
    body = [step("load", "read", file="${loop.current_item}"), step("length", "length", text="${load.result.text}")]
    steps = [{"id": "docs", "loop": {"iterate_over": "${workflow.input.files}", "steps": body}}]
    files = [tmp_path / f"{number}.txt" for number in range(4)]
    for file in (files[0], files[1], files[3]):
        file.write_text("here")
    given = {"files": [str(file) for file in files]}
    failed = await run(service, {"name": "files", "steps": steps}, given)
    assert failed.status == "failed"
    files[2].write_text("there")
    again = await rerun(service, failed.execution_id)
    assert (again.status, again.output) == ("completed", [4, 4, 5, 4])
    ran, reused = await records(service, again.execution_id)
    assert [each for each in ran if each != "docs"] == [
        "docs[2].length", "docs[2].load", "docs[3].length", "docs[3].load",
    ]  # fmt: skip
    assert {"docs[0].load", "docs[1].length"} <= set(reused)


async def test_a_run_that_failed_in_a_loop_goes_on_there(service: Engine, tmp_path: Path) -> None:
    inner = [step("read", "read", file="${workflow.input.file}")]
    await service.definitions.save({"name": "reads", "steps": inner})
    log = tmp_path / "log"
    body = [
        {**noted("seen", log), "input": {"file": str(log), "seconds": 0, "of": "${loop.index}"}},
        {"id": "sub", "workflow": {"name": "reads"}, "input": {"file": "${loop.current_item}"}, "depends_on": ["seen"]},
    ]
    steps = [
        {"id": "docs", "loop": {"iterate_over": "${workflow.input.files}", "steps": body}},
        step("end", "echo", "docs"),
    ]
    files = [tmp_path / f"{number}.txt" for number in range(3)]
    files[0].write_text("here")
    failed = await run(service, {"name": "goes", "steps": steps}, {"files": [str(file) for file in files]})
    assert failed.status == "failed"
    files[1].write_text("there")
    files[2].write_text("everywhere")
    told = await service.executions.continue_run(failed.execution_id)
    assert told.run_again == ("docs", "end")
    done = await ended(service, failed.execution_id)
    assert done.status == "completed", done.error
    assert next(each.output for each in done.steps if each.step_id == "docs") == [
        {"text": "here"}, {"text": "there"}, {"text": "everywhere"},
    ]  # fmt: skip
    assert len(log.read_text().split()) == 3
    assert await attempts(service, done.execution_id, "docs[0].seen") == [(1, 1, "completed")]
    starts = [(start, status) for start, _, status in await attempts(service, done.execution_id, "docs[1].sub")]
    assert starts == [(1, "failed"), (2, "completed")]


async def test_branches_and_workflows_in_an_iteration(service: Engine) -> None:
    await service.definitions.save({"name": "inner", "steps": [step("twice", "echo", n="${workflow.input.n}")]})
    body = [
        {"id": "sub", "workflow": {"name": "inner"}, "input": {"n": "${loop.index}"}},
        {"id": "route", "branch": {"if": "loop.current_item > 1", "then": [
            step("large", "give", value="${sub.result.n}"), step("after", "echo", "large", k="${workflow.input.k}")]}},
    ]  # fmt: skip
    steps = [{"id": "each", "loop": {"iterate_over": "${workflow.input.items}", "steps": body}}]
    first = await run(service, {"name": "outer", "steps": steps}, {"items": [1, 2, 3], "k": 1})
    assert (first.status, first.output) == ("completed", [None, {"k": 1}, {"k": 1}])
    again = await rerun(service, first.execution_id, "each[2].route.after", input={"items": [1, 1, 3], "k": 1})
    assert (again.status, again.output) == ("completed", [None, None, {"k": 1}])
    ran, reused = await records(service, again.execution_id)
    assert [each for each in ran if each.endswith(("sub", "large", "after"))] == ["each[2].route.after"]
    assert {"each[0].sub", "each[1].sub", "each[2].sub", "each[2].route.large"} <= set(reused)
    children, _ = await service.executions.find()
    assert sum(each.parent_execution_id == again.execution_id for each in children) == 0


async def test_what_is_large_is_reused_by_reference(service: Engine) -> None:
    body = [
        step("big", "big", bytes=30_000, small="${loop.current_item}"),
        step("size", "length", text="${big.result.text}"),
        {"id": "both", "input": {"n": "${size.result}", "big": "${big.result}"}},
    ]
    steps = [
        {"id": "all", "loop": {"iterate_over": "${workflow.input.items}", "steps": body}},
        step("end", "length", text="${all.result[0].big.text}"),
    ]
    first = await run(service, {"name": "large", "steps": steps}, {"items": [1, 2, 3, 4]})
    assert (first.status, first.output) == ("completed", 30_000)
    again = await rerun(service, first.execution_id, input={"items": [1, 2, 3, 5]})
    assert (again.status, again.output) == ("completed", 30_000)
    ran, _ = await records(service, again.execution_id)
    assert [each for each in ran if each.startswith("all[") and "both" not in each] == ["all[3].big", "all[3].size"]


async def test_the_relay_brings_such_a_rerun(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def dies(*_: Any) -> None:
        raise RuntimeError("killed")

    async with working(engine):
        first = await run(engine, looped(tmp_path / "log"), {"docs": [1, 2, 3]})
        with monkeypatch.context() as patched:
            patched.setattr(Executions, "bring_prepared", dies)
            with pytest.raises(RuntimeError):
                await engine.executions.rerun(first.execution_id, ["docs[1].score"])
        (left, _), _ = await engine.executions.find()
        await engine.executions.ended(left.execution_id)
        done = await engine.executions.get(left.execution_id)
        assert (done.status, done.output) == ("completed", [1, 2, 3])
        ran, _ = await records(engine, left.execution_id)
        assert [each for each in ran if each != "docs"] == ["docs[1].score", "report"]


async def test_what_may_begin_once_is_not_begun_again_inside_of_loops(service: Engine) -> None:
    body = [step("charge", "give", value=1, at_most_once=True), step("tell", "echo", "charge")]
    steps = [{"id": "all", "loop": {"iterate_over": "${workflow.input.items}", "steps": body}}]
    first = await run(service, {"name": "charging", "steps": steps}, {"items": [1, 2]})
    for chosen, refused in (
        ("all[1].charge", ("all[1].charge",)),
        ("all[0]", ("all[0].charge",)),
        ("all", ("all[0].charge", "all[1].charge")),
        ("all[1].tell", ()),
    ):
        told = await service.executions.rerun(first.execution_id, [chosen], dry_run=True)
        assert tuple(sorted(told.must_be_allowed)) == refused
    allowed = await service.executions.rerun(first.execution_id, ["all"], repeat=["all"], dry_run=True)
    assert allowed.must_be_allowed == ()
    execution_id = await begin(service, {"name": "charging", "steps": steps}, {"items": [1]})
    await ended(service, execution_id)
    assert await attempts(service, execution_id, "all[0].charge") == [(1, 1, "completed")]
