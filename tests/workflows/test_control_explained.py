"""What is told of control steps while they are open: why they do not end, and how far they are."""

from __future__ import annotations

from typing import Any

from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.workflow_documents import gives, step, workflow
from workflows.explanation import MOST_STEPS, explain, explanation
from workflows.progress import TABLE_ROWS, Progress

LOOP = {
    "id": "docs",
    "loop": {
        "iterate_over": list(range(10)),
        "parallel": True,
        "max_parallel": 2,
        "steps": [
            step("read"),
            step("sum", "read"),
            {"id": "ask", "depends_on": ["sum"], "approval": {"message": "?"}},
        ],
    },
}


def begun(*steps: dict[str, Any], behaviours: dict[str, Behaviour] | None = None, **fields: Any) -> Driver:
    driver = Driver(workflow(*steps, **fields), scripted(behaviours or {}))
    driver.begin()
    return driver


def told(driver: Driver, path: str) -> tuple[str, str, list[str]]:
    found = explain(driver.runner, path)
    return found["why"], found["message"], found["waits_for"]


def test_what_is_waited_for_is_said() -> None:
    driver = begun(
        {"id": "w", "wait": "10m"},
        {"id": "e", "wait": {"event": "go", "timeout": "1h"}},
        {"id": "q", "approval": {"message": "?", "approvers": ["ann", "bob"]}},
        {"id": "c", "workflow": {"name": "other"}},
    )
    assert told(driver, "w") == ("timer", "it waits until 1970-01-01T00:26:40+00:00", [])
    assert told(driver, "e") == ("event", "it waits for the event `go`, until 1970-01-01T01:16:40+00:00", [])
    assert told(driver, "q") == ("approval", "it waits for an answer from `ann` or `bob`", [])
    assert told(driver, "c") == ("workflow", "the workflow `other` runs", [])


def test_a_loop_says_how_far_it_is_and_what_runs_in_it() -> None:
    driver = begun(LOOP, step("after", "docs"), behaviours={"docs[0].read": gives(1, 50)})
    why, message, waits_for = told(driver, "docs")
    assert (why, waits_for) == ("inside", ["docs[0].read", "docs[1].read"])
    assert message == "it is under way: 0 of 10 iterations done, 2 under way"
    driver.advance()
    assert told(driver, "docs[1].ask") == ("dependencies", "it waits for `docs[1].sum`", ["docs[1].sum"])
    driver.advance()
    driver.decide("docs[1].ask")
    driver._obey()
    assert told(driver, "docs")[1] == "it is under way: 1 of 10 iterations done, 2 under way"
    assert told(driver, "after")[0] == "dependencies"


def test_without_a_step_all_that_has_not_ended_is_told_by_path() -> None:
    driver = begun(LOOP, step("after", "docs"))
    answer = explanation(driver.runner)
    paths = [each["step_id"] for each in answer["steps"]]
    assert paths == ["docs", *(f"docs[{n}].{each}" for n in (0, 1) for each in ("read", "sum", "ask")), "after"]
    wide = begun({"id": "both", "parallel": {"steps": [step(f"s{n}") for n in range(MOST_STEPS + 50)]}})
    answer = explanation(wide.runner)
    assert (len(answer["steps"]), answer["more"]) == (MOST_STEPS, 51)


def test_a_limit_of_the_block_is_told() -> None:
    block = {"id": "both", "parallel": {"max_parallel": 1, "steps": [step("a"), step("b")]}}
    assert told(begun(block), "both.b") == (
        "parallel_limit",
        "its turn has come, but 1 steps of its block run, as many as may at once",
        ["both.a"],
    )


def test_what_ends_says_why() -> None:
    driver = begun(LOOP, behaviours={"docs[0].read": Behaviour(error="broken"), "docs[1].read": gives(1, 50)})
    driver.advance()
    why, message, waits_for = told(driver, "docs")
    assert (why, waits_for) == ("stopping", ["docs[1].read"])
    assert "docs\\[0\\].read" in Progress(driver.runner).markdown(), "in Markdown, brackets mean something"
    assert "'docs[0].read' failed" in message
    assert told(driver, "docs[1].sum")[0] == "stopping"


def test_a_path_that_is_not_there_is_told_from_one_that_never_can_be() -> None:
    driver = begun(LOOP)
    assert "not there now" in explanation(driver.runner, "docs[7].read")["error"]
    assert "no step" in explanation(driver.runner, "docs[0].red")["error"]
    assert "no step" in explanation(driver.runner, "docs.read")["error"]
    assert "`docs`" in explanation(driver.runner, "dosc")["error"]


def test_progress_tells_of_waits_loops_and_inner_steps() -> None:
    driver = begun(LOOP, {"id": "e", "wait": {"event": "go"}})
    progress = Progress(driver.runner)
    snapshot = progress.snapshot()
    assert snapshot["running"] == ["docs[0].read", "docs[1].read"]
    assert snapshot["waiting"] == {"e": "waits for the event `go`"}
    assert snapshot["loops"] == {"docs": {"done": 0, "under_way": 2, "total": 10}}
    rows = progress.markdown().splitlines()
    order = [row.split("`")[1] for row in rows if row.startswith("| `")]
    assert order == ["docs", "docs[0].read", "docs[1].read", "e"]
    assert any("0 of 10 iterations done, 2 under way" in row for row in rows)
    while not driver.runner.approvals:
        driver.advance()
    assert "`docs[0].ask`" in progress.markdown()
    assert (
        list(progress.snapshot()["waiting"])
        == ["e", "docs[0].ask", "docs[1].ask"][: len(progress.snapshot()["waiting"])]
    )


def test_progress_of_many_shows_no_more_than_fits() -> None:
    block = {"id": "both", "parallel": {"steps": [step(f"s{n}") for n in range(150)]}}
    rows = Progress(begun(block).runner).markdown().splitlines()
    assert sum(row.startswith("| `") for row in rows) == TABLE_ROWS + 1
    wide = begun(*(step(f"r{n}", "both") for n in range(TABLE_ROWS + 1)), block)
    rows = Progress(wide.runner).markdown().splitlines()
    assert sum(row.startswith("| `both.") for row in rows) == TABLE_ROWS
