"""What keeps large runs going: the limits of one workflow task, what is forgotten, and nothing that recurses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from definitions.messages import StartStep
from definitions.model import Definition
from definitions.program import compile_definition
from definitions.run_state import RunState
from definitions.values import BlobRef, pack
from tests.workflows.driving import Driver, scripted
from tests.workflows.workflow_documents import breaks, drive, gives, step, workflow
from workflows.retention import RETAINED_OUTPUT_BYTES
from workflows.runner import MAX_TASK_BYTES, MAX_TASK_STEPS, Runner
from workflows.turns import MAX_IN_FLIGHT

MANY = 20_000
LARGE = "x" * (RETAINED_OUTPUT_BYTES // 2 + 1)


def large_chain(first: dict[str, Any], rest: dict[str, Any]) -> Definition:
    """A chain of `MANY` steps: each refers to the one before it."""
    steps = [{"id": "s0", **first}]
    steps += [{"id": f"s{n}", "input": {"x": f"${{s{n - 1}.result}}"}, **rest} for n in range(1, MANY)]
    return Definition.model_validate({"name": "chain", "steps": steps})


@pytest.mark.parametrize(
    ("condition", "reason"), [("False", "upstream_skipped"), ("1 / 0 == 1", "upstream_failed")], ids=["skip", "fail"]
)
def test_a_chain_of_20_000_skipped_steps_does_not_recurse(condition: str, reason: str) -> None:
    program = compile_definition(large_chain({"condition": condition}, {"handler": "test.handler"}), "sha256:test")
    runner = Runner(program, RunState.new(program.order, None, {}))
    runner.start(1.0)
    assert runner.commands(1.0) == []
    assert runner.finished
    assert runner.state.counts["skipped"] >= MANY - 1
    assert runner.state.steps[f"s{MANY - 1}"].reason == reason


def test_a_task_looks_at_a_limited_number_of_steps() -> None:
    count = MAX_TASK_STEPS * 2 + 10
    driver = drive(workflow(*({"id": f"m{n}"} for n in range(count))))
    assert driver.runner.state.counts["completed"] == count
    assert len(driver.batches) == 3


def test_a_task_schedules_a_limited_number_of_bytes() -> None:
    text = "x" * 60_000
    steps = [step(f"s{n}", input={"text": text}) for n in range(50)]
    driver = Driver(workflow(*steps), scripted({}))
    driver.begin()
    sizes = [sum(command.size for command in batch if isinstance(command, StartStep)) for batch in driver.batches]
    assert len(sizes) == 3
    assert max(sizes) < MAX_TASK_BYTES + 61_000
    assert driver.runner.running == 50
    assert not driver.runner.backlog


def test_the_context_counts_towards_the_bytes() -> None:
    definition = workflow(*(step(f"s{n}") for n in range(20)), context={"text": "x" * 100_000})
    driver = Driver(definition, scripted({}))
    driver.begin()
    assert len(driver.batches) == 2


def test_no_more_than_a_few_hundred_steps_run_at_once() -> None:
    driver = drive(workflow(*(step(f"s{n}") for n in range(MAX_IN_FLIGHT + 50))))
    assert max(started.running for started in driver.started) == MAX_IN_FLIGHT


def test_the_ids_of_activities_are_the_ids_of_steps() -> None:
    driver = drive(workflow(step("load-data"), step("b", "load-data")))
    assert [(each.activity_id, each.call.start) for each in driver.started] == [("load-data", 1), ("b", 1)]


def test_small_outputs_are_kept() -> None:
    driver = drive(workflow(step("a"), step("b", "a"), step("c", "b")), {"a": gives(1), "b": gives(2), "c": gives(3)})
    assert driver.runner.state.outputs == {"a": 1, "b": 2, "c": 3}


def test_large_outputs_are_kept_while_something_can_need_them() -> None:
    definition = workflow(
        step("a"),
        step("b"),
        step("uses_a", "a", "b", input={"x": "${a.result}"}),
        step("later", "uses_a", input={"x": "${b.result}"}),
        step("end", "later"),
        step("sink"),
    )
    driver = Driver(definition, lambda call: gives(LARGE if call.step_id in ("a", "b", "sink") else "small"))
    kept: dict[str, set[str]] = {}
    driver.begin()
    while not driver.runner.finished:
        for started in driver.started:
            kept.setdefault(started.call.step_id, set(driver.runner.state.outputs))
        driver.advance()
    assert {"a", "b"} <= kept["uses_a"]
    assert "a" not in kept["later"]
    assert "b" in kept["later"]
    assert driver.started[-2].call.input == {"x": LARGE}
    ending = driver.runner.ending(driver.now)
    assert ending.output == {"end": "small", "sink": LARGE}
    assert "b" not in driver.runner.state.outputs


def test_a_condition_of_an_error_handler_can_need_them_too() -> None:
    definition = workflow(
        step("a"),
        step("b", "a"),
        step("c", "b"),
        step("h", condition="len(step_outputs['a']) > 0"),
        error_handlers={"c": "h"},
    )
    driver = drive(definition, {"a": gives(LARGE), "b": gives(LARGE), "c": breaks()})
    assert driver.told()["h"] == ("completed", "")


def test_values_kept_outside_travel_by_reference() -> None:
    packed, slots = pack({"big": BlobRef("sha256:1", 99_999)})
    driver = Driver(workflow(step("a"), step("b", input={"x": "${a.result.big.part}"})), scripted({}))
    driver.begin()
    driver.runner.step_completed("a", {"output": packed, "slots": slots}, driver.now)
    (command,) = driver.runner.commands(driver.now)
    assert isinstance(command, StartStep)
    assert command.call.input == {"x": None}
    assert command.call.slots == [{"at": ["x"], "blob": ["sha256:1", 99_999, ["part"]]}]
    assert json.dumps(command.call.slots)
