"""States of steps: what many of them share, and what is a step's own."""

from __future__ import annotations

import json

import pytest

from definitions.block_state import BlockState, StepState
from definitions.recorded_steps import mark_recorded
from definitions.run_state import RunState

IDS = tuple(f"s{number}" for number in range(1_000))


def run_state() -> RunState:
    return RunState.new(IDS, {}, {})


def distinct(state: BlockState) -> int:
    return len({id(step) for step in state.steps.values()})


def test_a_step_that_changes_leaves_the_others_alone() -> None:
    state = run_state()
    state.set_status("s1", "running").starts += 1
    assert (state.steps["s1"].status, state.steps["s1"].starts) == ("running", 1)
    assert all(step == state.steps["s0"] for step_id, step in state.steps.items() if step_id != "s1")
    assert (state.steps["s2"].status, state.steps["s2"].starts) == ("pending", 0)
    assert state.counts == {"pending": 999, "running": 1}


def test_what_is_shared_can_not_be_changed_by_mistake() -> None:
    with pytest.raises(AttributeError, match=r"'reason' of a state that steps share is changed: take it by `own`"):
        run_state().steps["s1"].reason = "mine"


def test_a_checkpoint_keeps_what_is_shared_shared() -> None:
    state = run_state()
    for step_id in IDS[:900]:
        state.set_status(step_id, "completed").settled = True
    mark_recorded(state, IDS[:900])
    state.set_status("s900", "failed").reason = "mine"
    told = json.loads(json.dumps(state.to_json()))
    read = BlockState.from_json(IDS, told)
    assert (distinct(state), distinct(read)) == (3, 3)
    assert {
        step_id: (step.status, step.reason, step.settled, step.recorded) for step_id, step in read.steps.items()
    } == {step_id: (step.status, step.reason, step.settled, step.recorded) for step_id, step in state.steps.items()}
    assert read.to_json() == told


def test_a_recorded_step_that_begins_again_is_no_longer_recorded() -> None:
    state = run_state()
    state.set_status("s1", "completed").settled = True
    mark_recorded(state, ["s1"])
    before = state.steps["s1"]
    assert state.set_status("s1", "running") == StepState("running", settled=True)
    assert (before.status, before.recorded) == ("completed", True)
