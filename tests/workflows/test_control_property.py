"""Random workflows of nested control steps come to what a recursive reading of them says, however often their runs are
cut by checkpoints."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.workflows.control_generating import Answering, ControlCase, control_cases
from tests.workflows.control_reference import ControlReference

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=1_000, derandomize=False)
CUTS = st.one_of(st.just(set[int]()), st.sets(st.integers(1, 40), max_size=6), st.just(set(range(1, 400))))


def without_moments(value: Any) -> Any:
    """Answers to approvals say when; that is another moment after each cut."""
    if isinstance(value, dict):
        return {key: None if key == "at" else without_moments(each) for key, each in value.items()}
    return [without_moments(each) for each in value] if isinstance(value, list) else value


def check(case: ControlCase, cuts: set[int]) -> None:
    told = ControlReference(case.fails).root(case.document["steps"])
    driver = Answering(case, checkpoints=cuts)
    ending = driver.run()
    steps = {step_id: (step.status, step.reason) for step_id, step in driver.runner.state.steps.items()}
    assert steps == told.statuses
    failed = any(status == "failed" for status, _ in told.statuses.values())
    assert ending.status == ("failed" if failed else "completed")
    if not failed:
        assert without_moments(ending.output) == ControlReference(case.fails).result(told)
    runner = driver.runner
    assert list(runner.controls.frames) == [""], "instances of blocks are left"
    assert not any((runner.controls.opened, runner.state.open, runner.running_activities))
    assert len({started.activity_id for started in driver.started}) == len(driver.started), "a step ran twice"
    limit = case.definition.max_parallel_steps or 200
    assert all(started.running <= limit for started in driver.started)


@QUICK
@given(case=control_cases(), cuts=CUTS)
def test_the_runner_and_the_reference_agree(case: ControlCase, cuts: set[int]) -> None:
    check(case, cuts)


@pytest.mark.soak
@LONG
@given(case=control_cases(), cuts=CUTS)
def test_the_runner_and_the_reference_agree_on_many(case: ControlCase, cuts: set[int]) -> None:
    check(case, cuts)
