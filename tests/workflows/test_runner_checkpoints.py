"""Checkpoints: a run goes on from one as if nothing had been, and refuses what does not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from definitions.block import Block
from definitions.calls import StepCall, StepResult
from definitions.errors import CheckpointInvalid
from definitions.program import compile_definition
from definitions.run_state import RunState, deflated
from definitions.values import BlobRef, json_size
from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.workflow_documents import breaks, gives, step, workflow
from workflows.runner import Runner


def block(*step_ids: str) -> Block:
    return compile_definition(workflow(*map(step, step_ids)), "sha256:test").root


def checkpoint_of(**changes: Any) -> dict[str, Any]:
    written = RunState.new(["a", "b"], {"x": 1}, {}).checkpoint()
    return {**json.loads(json.dumps(written)), **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": {"gone": {"status": "completed", "settled": True}}},
        {"outputs": {"gone": [1, []]}},
        {"failures": ["gone"]},
    ],
)
def test_an_unknown_step_id_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointInvalid, match="'gone'"):
        RunState.from_checkpoint(block("a", "b"), checkpoint_of(**changes))


@pytest.mark.parametrize("field", ["steps", "outputs", "failures", "input", "context", "started_at"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    written = {name: value for name, value in checkpoint_of().items() if name != field}
    with pytest.raises(CheckpointInvalid, match=f"^the checkpoint has no `{field}` "):
        RunState.from_checkpoint(block("a"), written)


def test_another_version_is_refused() -> None:
    with pytest.raises(CheckpointInvalid, match="version 99"):
        RunState.from_checkpoint(block("a", "b"), checkpoint_of(version=99))


def test_a_step_that_was_running_is_refused() -> None:
    program = compile_definition(workflow(step("a"), step("b", "a")), "sha256:test")
    runner = Runner(program, RunState.new(program.order, None, {}))
    runner.start(1.0)
    runner.commands(1.0)
    with pytest.raises(CheckpointInvalid, match="'a' was running"):
        RunState.from_checkpoint(program.root, runner.state.checkpoint())


def test_a_large_checkpoint_takes_a_tenth_of_the_room() -> None:
    ids = [f"step_{number}" for number in range(10_000)]
    state = RunState.new(ids, None, {})
    for number, step_id in enumerate(ids):
        ended = state.set_status(step_id, "completed")
        ended.started_at, ended.completed_at = 1_763_708_324.5 + number / 7, 1_763_708_324.6 + number / 7
        ended.starts = ended.attempts = 1
        ended.settled = True
    written = state.checkpoint()
    small = json.loads(json.dumps(deflated(written)))
    assert json_size(small) < json_size(written) / 5
    assert RunState.from_checkpoint(block(*ids), small) == RunState.from_checkpoint(block(*ids), written)


@pytest.mark.parametrize("content", ["", "AAAA", "no base64 at all", 5])
def test_a_checkpoint_that_can_not_be_read_is_refused(content: Any) -> None:
    with pytest.raises(CheckpointInvalid, match="can't be read"):
        RunState.from_checkpoint(block("a"), {"version": 1, "deflated": content})


def test_a_new_run_writes_nothing_of_its_steps() -> None:
    assert checkpoint_of()["steps"] == {}


def test_what_has_happened_is_kept() -> None:
    state = RunState.new(["a", "b", "c"], {"x": 1}, {"key": "value"})
    state.outputs["a"] = {"big": BlobRef("sha256:1", 99_999)}
    state.active_seconds = 12.5
    state.started_at = 3.0
    state.paused = True
    state.failures.append("b")
    done = state.set_status("a", "completed")
    done.settled, done.starts, done.attempts, done.usage = True, 1, 2, {"tokens": 3.0}
    failed = state.set_status("b", "failed")
    failed.settled, failed.error = True, {"message": "no", "error_class": "broken"}
    assert RunState.from_checkpoint(block("a", "b", "c"), json.loads(json.dumps(state.checkpoint()))) == state


def test_no_step_runs_twice_and_the_result_is_the_same() -> None:
    steps = [step("s0"), *(step(f"s{n}", f"s{n - 1}", input={"x": f"${{s{n - 1}.result}}"}) for n in range(1, 8))]
    driver = Driver(workflow(*steps), lambda call: gives((call.input or {}).get("x", 0) + 1), checkpoints=range(20))
    ending = driver.run()
    assert driver.checkpoints_taken == 8 - 1
    assert [started.activity_id for started in driver.started] == [f"s{n}" for n in range(8)]
    assert ending.output == 8


def test_nothing_starts_while_draining() -> None:
    driver = Driver(
        workflow(step("a"), step("b"), step("c", "a")), scripted({"b": gives(1, seconds=5)}), checkpoints=[1]
    )
    driver.run()
    assert [(started.activity_id, started.at - 1000.0) for started in driver.started] == [("a", 0), ("b", 0), ("c", 5)]


def test_a_step_that_waits_for_its_error_handler_is_not_run_again() -> None:
    definition = workflow(step("a"), step("b", "a"), step("h"), error_handlers={"a": "h"})
    driver = Driver(definition, scripted({"a": breaks(), "h": gives({"recovered": True})}), checkpoints=[1])
    ending = driver.run()
    assert driver.checkpoints_taken == 1
    assert [started.activity_id for started in driver.started] == ["a", "h", "b"]
    assert driver.started[1].call.input["error"]["message"] == "a failed"
    assert ending.status == "completed"


def test_error_handlers_start_in_the_order_of_the_failures() -> None:
    definition = workflow(
        step("a"), step("b"), step("h"), step("i"), error_handlers={"a": "h", "b": "i"}, max_parallel_steps=2
    )
    driver = Driver(definition, scripted({"a": breaks(seconds=2), "b": breaks(seconds=1)}), checkpoints=[1])
    driver.run()
    assert [started.activity_id for started in driver.started] == ["a", "b", "i", "h"]


@pytest.mark.parametrize("handler", [step("h"), {"id": "h", "input": {"told": True}}])
def test_a_shared_handler_that_has_run_for_one_step_counts_as_run(handler: dict[str, Any]) -> None:
    definition = workflow(
        step("a"), step("b", "d"), step("c"), step("d", "c"), handler, error_handlers={"a": "h", "b": "h"}
    )

    def behave(call: StepCall) -> Behaviour:
        return breaks() if call.step_id == "a" else gives(1, seconds=2.0)

    driver = Driver(definition, behave, checkpoints=[3])
    driver.run()
    assert driver.checkpoints_taken == 1
    assert driver.told()["h"] == ("completed", "")


def test_a_second_start_keeps_its_own_id() -> None:
    definition = workflow(step("a"), step("b", "a"), step("h"), error_handlers={"a": "h", "b": "h"})

    def behave(call: StepCall) -> Behaviour:
        return gives({"recovered": True}) if call.step_id == "h" else breaks()

    driver = Driver(definition, behave, checkpoints=range(10))
    driver.run()
    assert driver.checkpoints_taken
    assert [started.activity_id for started in driver.started] == ["a", "h", "b", "h#2"]


def test_a_paused_run_stays_paused() -> None:
    program = compile_definition(workflow(step("a"), step("b", "a")), "sha256:test")
    runner = Runner(program, RunState.new(program.order, None, {}))
    runner.start(1.0)
    runner.commands(1.0)
    runner.pause(1.5)
    runner.step_completed("a", StepResult(output=1), 2.0)
    again = Runner(program, RunState.from_checkpoint(program.root, json.loads(json.dumps(runner.state.checkpoint()))))
    again.start(3.0)
    assert again.commands(3.0) == []
    assert again.state.started_at == 1.0
    again.resume(4.0)
    assert [command.activity_id for command in again.commands(4.0)] == ["b"]
