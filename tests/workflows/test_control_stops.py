"""Control steps that are paused, cancelled or take too long."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.driving import START, Behaviour, Driver, scripted
from tests.workflows.workflow_documents import gives, step, workflow


def loop(*steps: dict[str, Any], over: Any = (1, 2, 3), **fields: Any) -> dict[str, Any]:
    return {"id": "docs", "loop": {"iterate_over": list(over), "steps": list(steps), **fields}}


def driver_of(*steps: dict[str, Any], behaviours: dict[str, Behaviour] | None = None, **fields: Any) -> Driver:
    return Driver(workflow(*steps, **fields), scripted(behaviours or {}))


def ids(driver: Driver) -> list[str]:
    return [started.activity_id for started in driver.started]


# -- pauses ------


def test_no_iteration_begins_while_paused() -> None:
    driver = driver_of(loop(step("a")))
    driver.at(1.5, driver.pause)
    driver.at(100, driver.resume)
    driver.run()
    assert [(started.activity_id, started.at - START) for started in driver.started] == [
        ("docs[0].a", 0),
        ("docs[1].a", 1),
        ("docs[2].a", 100),
    ]


def test_a_wait_that_ends_while_paused_starts_nothing() -> None:
    driver = driver_of({"id": "w", "wait": 10}, step("after", "w"))
    driver.at(5, driver.pause)
    driver.at(60, driver.resume)
    driver.run()
    assert driver.runner.state.steps["w"].completed_at == START + 10
    assert driver.started[0].at == START + 60


@pytest.mark.parametrize("kind", ["timeout", "event", "approval"])
def test_limits_stand_still_while_paused(kind: str) -> None:
    steps = {
        "timeout": {**loop(step("a"), over=(1,)), "timeout": 20},
        "event": {"id": "docs", "wait": {"event": "go", "timeout": 20}},
        "approval": {"id": "docs", "approval": {"message": "?", "timeout": 20}},
    }
    driver = driver_of(steps[kind], behaviours={"docs[0].a": gives(1, 1_000)})
    driver.at(5, driver.pause)
    driver.at(500, driver.resume)
    driver.run()
    error = driver.runner.state.steps["docs"].error
    assert error is not None
    assert error["error_class"] == "timeout"
    assert START + 515 <= driver.now < START + 517


def test_events_and_answers_are_taken_while_paused() -> None:
    driver = driver_of(
        {"id": "w", "wait": {"event": "go"}}, {"id": "q", "approval": {"message": "?"}}, step("after", "w", "q")
    )
    driver.at(1, driver.pause)
    driver.at(2, lambda: driver.send("go"))
    driver.at(3, lambda: driver.decide("q"))
    driver.at(60, driver.resume)
    driver.run()
    assert driver.runner.state.steps["q"].completed_at == START + 3
    assert driver.started[0].at == START + 60


# -- cancelling ------


def everything() -> list[dict[str, Any]]:
    return [
        loop(step("a"), {"id": "inner", "branch": {"if": "1 < 2", "then": [step("b")]}}, parallel=True),
        {"id": "w", "wait": "1h"},
        {"id": "e", "wait": {"event": "go"}},
        {"id": "q", "approval": {"message": "?", "timeout": "1h"}},
        {"id": "c", "workflow": {"name": "other"}},
        step("after", "docs"),
    ]


@pytest.mark.parametrize("deaf", [False, True])
def test_a_cancelled_run_leaves_nothing_open(deaf: bool) -> None:
    slow = Behaviour(seconds=500, deaf=deaf)
    driver = Driver(workflow(*everything()), lambda _call: slow, children=lambda _call: slow)
    driver.at(10, lambda: driver.stop(reason="enough"))
    ending = driver.run()
    assert ending.status == "cancelled"
    assert driver.now == START + (20 if deaf else 10.5)
    statuses = {step_id: status for step_id, (status, _) in driver.told().items()}
    assert set(statuses.values()) == {"cancelled"}
    assert driver.told()["w"] == ("cancelled", "enough")
    assert not driver.runner.controls.opened
    cancelled = {path for event, path in driver.events if event == "step.cancelled"}
    assert {"docs[0].a", "docs[2].inner.b", "docs[1].inner", "docs", "w", "e", "q", "c"} <= cancelled


def test_a_run_that_is_being_cancelled_takes_no_answers() -> None:
    driver = driver_of(
        {"id": "q", "approval": {"message": "?"}}, step("slow"), behaviours={"slow": Behaviour(seconds=500, deaf=True)}
    )
    driver.begin()
    driver.stop()
    assert driver.runner.approvals == []


# -- timeouts ------


def test_a_control_step_that_takes_too_long_fails_when_what_runs_has_ended() -> None:
    driver = driver_of(
        {**loop(step("a"), {"id": "w", "wait": "1h"}, parallel=True), "timeout": 30},
        step("beside"),
        step("after", "docs"),
        behaviours={"docs[0].a": gives(1, 60), "beside": gives(2, 100)},
    )
    ending = driver.run()
    error = driver.runner.state.steps["docs"].error
    assert error is not None
    assert error["error_class"] == "timeout"
    assert "30 s" in error["message"]
    assert driver.runner.state.steps["docs"].completed_at == START + 30.5
    assert driver.told()["beside"] == ("completed", "")
    assert ("step.cancelled", "docs[0].a") in driver.events
    assert ending.status == "failed"


def test_a_workflow_that_takes_too_long_is_told_to_end() -> None:
    driver = driver_of({"id": "c", "workflow": {"name": "other"}, "timeout": 5})
    driver._children = lambda _call: Behaviour(seconds=500)
    driver.run()
    error = driver.runner.state.steps["c"].error
    assert error is not None
    assert error["error_class"] == "timeout"
    assert driver.now == START + 5.5


def test_a_failure_beside_ends_what_only_waits() -> None:
    block = {
        "id": "both",
        "parallel": {"steps": [step("a"), {"id": "w", "wait": "5h"}, {"id": "q", "approval": {"message": "?"}}]},
    }
    driver = driver_of(block, behaviours={"both.a": Behaviour(error="broken")})
    assert driver.run().status == "failed"
    assert driver.now == START + 1
