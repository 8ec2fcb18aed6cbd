"""What a run of control steps takes into a new history."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from definitions.errors import CheckpointInvalid
from definitions.messages import StartChild, StartTimer
from definitions.run_state import RunState
from definitions.values import BlobRef
from tests.workflows.driving import START, Behaviour, Driver, scripted
from tests.workflows.workflow_documents import gives, step, workflow


def driver_of(*steps: dict[str, Any], behaviours: dict[str, Behaviour] | None = None, **options: Any) -> Driver:
    return Driver(workflow(*steps), scripted(behaviours or {}), **options)


def cut(driver: Driver, seconds: float) -> None:
    """A checkpoint is taken then, or as soon as what runs has ended."""

    def drain() -> None:
        driver.runner.draining = True

    driver.at(seconds, drain)


def checkpoint_of(driver: Driver) -> dict[str, Any]:
    """As JSON, once nothing runs."""
    driver.runner.draining = True
    while not driver.runner.drained:
        driver.advance()
    written: dict[str, Any] = json.loads(json.dumps(driver.runner.state.checkpoint()))
    return written


def timers(driver: Driver) -> list[tuple[float, str, float]]:
    return [(at - START, each.timer_id, each.seconds) for at, each in driver.commands if isinstance(each, StartTimer)]


def test_timers_go_on_for_the_time_that_is_left() -> None:
    driver = driver_of(
        {"id": "w", "wait": 100},
        {"id": "e", "wait": {"event": "go", "timeout": 200, "on_timeout": "continue"}},
        {"id": "both", "parallel": {"steps": [{"id": "q", "approval": {"message": "?"}}]}, "timeout": 300},
    )
    cut(driver, 60)
    driver.run()
    assert driver.checkpoints_taken == 1
    assert timers(driver)[3:] == [(60, "w:due", 40), (60, "e:expires", 140), (60, "both:timeout", 240)]
    state = driver.runner.state
    assert [state.steps[each].completed_at for each in ("w", "e", "both")] == [START + 100, START + 200, START + 300]
    error = state.steps["both"].error
    assert error is not None
    assert error["error_class"] == "timeout"


def test_what_stands_still_does_so_in_the_new_history() -> None:
    driver = driver_of({"id": "e", "wait": {"event": "go", "timeout": 100}})
    driver.at(10, driver.pause)
    cut(driver, 50)
    driver.at(500, driver.resume)
    driver.run()
    assert driver.checkpoints_taken == 1
    assert timers(driver) == [(0, "e:expires", 100), (500, "e:expires", 90)]


def test_a_workflow_that_runs_is_followed_not_started_again() -> None:
    children: list[str] = []

    def child(call: Any) -> Behaviour:
        children.append(call.step_id)
        return Behaviour(output="done", seconds=100)

    loop = {
        "id": "docs",
        "loop": {"iterate_over": [1, 2], "parallel": True, "steps": [{"id": "c", "workflow": {"name": "n"}}]},
    }
    driver = driver_of(loop, children=child)
    cut(driver, 20)
    assert driver.run().output == ["done", "done"]
    started = [(each.activity_id, each.attach) for _, each in driver.commands if isinstance(each, StartChild)]
    assert started == [("docs[0].c", False), ("docs[1].c", False), ("docs[0].c", True), ("docs[1].c", True)]
    assert children == ["docs[0].c", "docs[1].c"]


def test_events_that_nothing_has_taken_come_along() -> None:
    driver = driver_of(
        step("slow"), {"id": "w", "depends_on": ["slow"], "wait": {"event": "go"}}, behaviours={"slow": gives(1, 30)}
    )
    driver.at(1, lambda: driver.send("go", {"n": 1}, "id-1"))
    cut(driver, 20)
    driver.at(30, lambda: driver.send("go", {"n": 2}, "id-1"))
    assert driver.run().output == {"n": 1}
    assert driver.runner.state.events == {}


def test_a_question_stays_open() -> None:
    driver = driver_of(
        {"id": "q", "approval": {"message": "is ${input_data.x}?", "values": {"x": "${input_data.x}"}}},
        run_input={"x": 3},
    )
    driver.begin()
    before = driver.runner.approvals
    cut(driver, 5)
    driver.at(9, lambda: driver.decide("q", by="ann"))
    driver.advance()
    assert driver.runner.approvals == before
    assert driver.events.count(("approval.requested", "q")) == 1
    while not driver.runner.finished:
        driver.advance()
    assert driver.runner.state.outputs["q"]["values"] == {"x": 3}


def test_an_error_handler_that_is_at_work_goes_on() -> None:
    driver = Driver(
        workflow(step("a"), {"id": "q", "approval": {"message": "?"}}, error_handlers={"a": "q"}),
        scripted({"a": Behaviour(error="broken")}),
    )
    cut(driver, 5)
    driver.at(9, lambda: driver.decide("q"))
    assert driver.run().status == "failed"
    assert driver.told() == {"a": ("failed", ""), "q": ("completed", "")}
    assert driver.runner.state.steps["q"].starts == 1


def test_a_loop_goes_on_with_what_it_has_stored() -> None:
    made = {
        "id": "docs",
        "loop": {"iterate_over": list(range(50)), "parallel": True, "max_parallel": 3, "steps": [step("a")]},
    }
    driver = Driver(workflow(made), lambda call: gives([call.step_id, "x" * 5_000]), checkpoints=range(1, 500))
    ending = driver.run()
    assert driver.checkpoints_taken > 10
    assert isinstance(ending.output, BlobRef)
    assert [each[0] for each in driver.blobs[ending.output.digest]] == [f"docs[{n}].a" for n in range(50)]
    assert len(driver.started) == 50


# -- what is refused ------


def open_checkpoint() -> dict[str, Any]:
    driver = driver_of(*OPEN)
    driver.begin()
    return checkpoint_of(driver)


OPEN: list[dict[str, Any]] = [
    {
        "id": "docs",
        "loop": {
            "iterate_over": [1],
            "steps": [step("a"), {"id": "q", "depends_on": ["a"], "approval": {"message": "?"}}],
        },
    },
    {"id": "w", "wait": 50},
]


def read(written: dict[str, Any]) -> RunState:
    return driver_of(*OPEN, checkpoint=written).runner.state


def test_what_was_written_is_read() -> None:
    driver = driver_of(*OPEN)
    driver.begin()
    for _ in range(1):
        driver.advance()
    written = checkpoint_of(driver)
    assert list(written["open"]) == ["docs", "w", "docs[0].q"]
    assert read(written) == driver.runner.state


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (("open", "docs", "blocks", "0", "steps", "gone"), "docs\\[0\\].gone"),
        (("open", "docs", "blocks", "0", "outputs", "gone"), "docs\\[0\\].gone"),
        (("open", "docs", "blocks", "then"), "docs\\[then\\]"),
        (("open", "other"), "other"),
        (("open", "docs[1].q"), "docs\\[1\\].q"),
        (("steps", "gone"), "gone"),
    ],
)
def test_what_the_definition_does_not_have_is_refused_by_its_path(place: tuple[str, ...], name: str) -> None:
    written = open_checkpoint()
    holder: Any = written
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = {"steps": {}, "outputs": {}, "failures": []} if place[-1] == "then" else {}
    with pytest.raises(CheckpointInvalid, match=name):
        read(written)


def test_a_field_that_is_missing_inside_is_named_with_its_path() -> None:
    written = open_checkpoint()
    del written["open"]["docs"]["blocks"]["0"]["outputs"]
    with pytest.raises(CheckpointInvalid, match=r"^the checkpoint has no `outputs` of 'docs\[0\]'"):
        read(written)


def test_a_step_inside_that_was_running_is_refused() -> None:
    driver = driver_of(*OPEN)
    driver.begin()
    written = json.loads(json.dumps(driver.runner.state.checkpoint()))
    with pytest.raises(CheckpointInvalid, match=r"'docs\[0\].a' was running"):
        read(written)


@pytest.mark.parametrize("version", [1, 2])
def test_checkpoints_from_before_control_steps_are_read(version: int) -> None:
    made = workflow(step("a"), step("b", "a"), {"id": "w", "depends_on": ["b"], "wait": 5})
    old = {
        "version": version,
        "input": {"x": 1},
        "input_slots": [],
        "context": {},
        "steps": {"a": {"status": "completed", "starts": 1, "attempts": 1, "settled": True, "completed_at": 1_001.0}},
        "outputs": {"a": [7, []]},
        "started_at": 1_000.0,
        "active_seconds": 1.0,
        "paused": False,
        "failures": [],
        **({"recorded": []} if version == 2 else {}),
    }
    driver = Driver(made, scripted({}), checkpoint=copy.deepcopy(old))
    assert driver.run().status == "completed"
    assert [started.activity_id for started in driver.started] == ["b"]
