"""Steps whose outcome the store has: what is left of them in a run, and in what it takes into a new history."""

from __future__ import annotations

import json

import pytest

from definitions.errors import CheckpointInvalid
from definitions.recorded_steps import KEPT_FAILURES, KEPT_WHOLE, mark_recorded, unrecorded
from definitions.run_state import RunState
from definitions.values import json_size
from tests.workflows.test_runner_checkpoints import block, checkpoint_of


def ended_state(count: int, *, failed: int = 0) -> RunState:
    """So many steps that have ended, the first of them failed, and one that has not."""
    ids = [f"step_{number}" for number in range(count)]
    state = RunState.new([*ids, "waits"], None, {})
    for number, step_id in enumerate(ids):
        ended = state.set_status(step_id, "failed" if number < failed else "completed")
        ended.started_at, ended.completed_at = 1_763_708_324.5 + number / 7, 1_763_708_324.6 + number / 7
        ended.starts = ended.attempts = 1
        ended.usage = {"tokens": 5.0}
        ended.settled = True
        if number < failed:
            ended.error = {"message": f"no {number}", "error_class": "broken", "traceback": "long"}
            state.failures.append(step_id)
    return state


def again(state: RunState) -> RunState:
    return RunState.from_checkpoint(block(*state.steps), json.loads(json.dumps(state.checkpoint())))


def test_a_large_run_takes_hardly_more_along_than_the_names_of_what_has_ended() -> None:
    state = ended_state(10_000)
    before = json_size(state.checkpoint())
    mark_recorded(state, unrecorded(state))
    written = state.checkpoint()
    assert json_size(written) < before / 8
    assert unrecorded(state) == []
    assert again(state) == state
    assert again(state).counts == {"completed": 10_000, "pending": 1}


def test_how_it_ended_and_why_stays_known_of_each() -> None:
    state = ended_state(KEPT_WHOLE + 1)
    state.set_status("step_3", "skipped").reason = "condition"
    mark_recorded(state, ["step_3", "step_4"])
    for known in (state, again(state)):
        assert (known.steps["step_3"].status, known.steps["step_3"].reason) == ("skipped", "condition")
        assert (known.steps["step_4"].status, known.steps["step_4"].reason) == ("completed", "")
        assert known.steps["step_4"].settled
        assert known.steps["step_5"].completed_at is not None


def test_a_small_run_keeps_all_that_can_be_looked_at() -> None:
    state = ended_state(KEPT_WHOLE - 1, failed=2)
    whole = {step_id: state.outcome(step_id) for step_id in state.steps}
    mark_recorded(state, unrecorded(state))
    assert unrecorded(again(state)) == []
    assert {step_id: again(state).outcome(step_id) for step_id in state.steps} == whole


def test_of_a_large_run_the_first_failures_keep_their_message() -> None:
    state = ended_state(2 * KEPT_WHOLE, failed=KEPT_FAILURES + 5)
    mark_recorded(state, unrecorded(state))
    kept = again(state)
    assert kept.steps["step_0"].error == {"message": "no 0", "error_class": "broken"}
    assert kept.steps[f"step_{KEPT_FAILURES}"].error is None
    assert kept.failures == state.failures


def test_a_step_that_changes_after_all_changes_alone_and_is_told_again() -> None:
    state = again(ended_state(2 * KEPT_WHOLE))
    mark_recorded(state, unrecorded(state))
    state.set_status("step_7", "cancelled").reason = "enough"
    assert (state.steps["step_8"].status, state.steps["step_8"].reason) == ("completed", "")
    assert unrecorded(state) == ["step_7"]
    assert state.counts == {"completed": 2 * KEPT_WHOLE - 1, "cancelled": 1, "pending": 1}


def test_an_unknown_step_among_them_is_refused_by_name() -> None:
    with pytest.raises(CheckpointInvalid, match="'gone'"):
        RunState.from_checkpoint(block("a", "b"), checkpoint_of(recorded=[["completed", "", ["a", "gone"]]]))


def test_a_checkpoint_of_the_version_before_is_read() -> None:
    written = checkpoint_of(version=1, steps={"a": {"status": "completed", "settled": True, "completed_at": 2.0}})
    del written["recorded"]
    state = RunState.from_checkpoint(block("a", "b"), written)
    assert unrecorded(state) == ["a"]
