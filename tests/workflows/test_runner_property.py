"""Random workflows: the runner and the reference say the same, whatever the order of events."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.workflows.driving import Driver
from tests.workflows.generating import RUN_INPUT, Case, cases
from tests.workflows.reference import Reference, needs, reference

QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=3_000, derandomize=False)
CHECKPOINTS = st.sets(st.integers(1, 30), max_size=4)


def check_same(driver: Driver, case: Case, told: Reference) -> None:
    """The run ended as the reference says."""
    ending = driver.ending
    assert ending is not None
    state = driver.runner.state
    handlers = set(case.definition.error_handlers.values())
    for step_id, expected in told.steps.items():
        step = state.steps[step_id]
        assert (step.status, step.reason) == (expected.status, expected.reason), step_id
        if expected.status == "failed":
            assert step.error is not None
            assert step.error["error_class"] == expected.error_class
        runs = told.handled.get(step_id, [])
        if step_id in handlers and len(runs) > 1:
            assert state.outputs.get(step_id) in [run.output for run in runs]
        else:
            assert (step_id in state.outputs, state.outputs.get(step_id)) == (
                step_id in told.outputs,
                told.outputs.get(step_id),
            ), step_id
    assert (ending.status, ending.output) == (told.status, told.result)
    if told.status == "failed":
        assert ending.error is not None
        assert ending.error["error_class"] in {step.error_class for step in told.steps.values()}


def check_kept(driver: Driver, case: Case) -> None:
    """What holds for every run, however it ended."""
    definition = case.definition
    limit = definition.max_parallel_steps or 200
    handlers = set(definition.error_handlers.values())
    by_id = {step.id: step for step in definition.steps}
    for started in driver.started:
        assert started.running <= limit
        assert not started.paused
        assert not started.stopping
        step = by_id[started.call.step_id]
        if step.id not in handlers:
            assert needs(step) <= started.settled
            assert started.activity_id == step.id
    starts = Counter(started.call.step_id for started in driver.started)
    for step_id, count in starts.items():
        assert step_id in handlers or count == 1
    failing = [started.call.input["error"]["step_id"] for started in driver.started if started.call.step_id in handlers]
    assert len(failing) == len(set(failing))
    assert len({started.activity_id for started in driver.started}) == len(driver.started)
    state = driver.runner.state
    assert all(step.settled for step in state.steps.values())
    assert all(step.status not in ("pending", "running") for step in state.steps.values())
    assert +state.counts == Counter(step.status for step in state.steps.values())


def check_one_at_a_time(driver: Driver, case: Case) -> None:
    """Sequential siblings never run together."""
    handlers = set(case.definition.error_handlers.values())
    siblings: dict[frozenset[str], list[str]] = {}
    for step in case.definition.steps:
        if step.execution_mode == "sequential" and step.id not in handlers:
            siblings.setdefault(frozenset(step.depends_on), []).append(step.id)
    times = {started.call.step_id: started.at for started in driver.started}
    for group in siblings.values():
        spans = sorted(
            (times[step_id], driver.runner.state.steps[step_id].completed_at or 0.0)
            for step_id in group
            if step_id in times
        )
        for (_, earlier_end), (later_start, _) in pairwise(spans):
            assert earlier_end <= later_start


def agrees(case: Case, checkpoints: set[int]) -> None:
    told = reference(case.definition, case.act, RUN_INPUT)
    event(f"reference: {told.status}")
    driver = Driver(case.definition, case.behave, run_input=RUN_INPUT, checkpoints=checkpoints)
    driver.run()
    event(f"checkpoints: {driver.checkpoints_taken}")
    check_same(driver, case, told)
    check_kept(driver, case)
    check_one_at_a_time(driver, case)


@QUICK
@given(cases(), CHECKPOINTS)
def test_the_runner_and_the_reference_agree(case: Case, checkpoints: set[int]) -> None:
    agrees(case, checkpoints)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@LONG
@given(cases(), CHECKPOINTS)
def test_the_runner_and_the_reference_agree_at_length(case: Case, checkpoints: set[int]) -> None:
    agrees(case, checkpoints)


@QUICK
@given(cases(), CHECKPOINTS, st.lists(st.tuples(st.floats(0, 30), st.floats(0, 10)), max_size=3))
def test_nothing_starts_while_a_run_is_paused(
    case: Case, checkpoints: set[int], pauses: list[tuple[float, float]]
) -> None:
    told = reference(case.definition, case.act, RUN_INPUT)
    driver = Driver(case.definition, case.behave, run_input=RUN_INPUT, checkpoints=checkpoints)
    for at, lasting in pauses:
        driver.at(at, driver.pause)
        driver.at(at + lasting, driver.resume)
    driver.run()
    check_same(driver, case, told)
    check_kept(driver, case)


@QUICK
@given(cases(), CHECKPOINTS, st.floats(0, 20), st.sets(st.integers(0, 24)), st.booleans(), st.booleans())
def test_a_cancelled_run_ends_and_keeps_what_completed(
    case: Case, checkpoints: set[int], at: float, deaf: set[int], save_partial: bool, paused: bool
) -> None:
    told = reference(case.definition, case.act, RUN_INPUT)

    def behave(call: Any) -> Any:
        behaviour = case.behave(call)
        is_deaf = int(call.step_id[1:]) in deaf
        return type(behaviour)(behaviour.output, behaviour.seconds * 4, behaviour.error, deaf=is_deaf)

    driver = Driver(case.definition, behave, run_input=RUN_INPUT, checkpoints=checkpoints)
    if paused:
        driver.at(max(0.0, at - 1), driver.pause)
    driver.at(at, lambda: driver.stop("cancelled", reason="enough", save_partial=save_partial))
    ending = driver.run()
    check_kept(driver, case)
    state = driver.runner.state
    event(f"ended: {ending.status}")
    if ending.status != "cancelled":
        assert not state.counts["cancelled"]
        assert ending.status in ("completed", "failed")
    else:
        assert ending.error == {"message": "enough", "error_class": "cancelled"}
        assert ending.output == (state.outputs if save_partial else None)
    shared = {step_id for step_id, runs in told.handled.items() if len(runs) > 1}
    for step_id, step in state.steps.items():
        if step.status == "completed" and step_id not in shared:
            assert told.steps[step_id].status == "completed"
            if step.reason != "recovered":
                assert state.outputs[step_id] == told.outputs[step_id]
        if step.status == "cancelled":
            assert step.reason in ("enough", "abandoned")


@QUICK
@given(cases(fail_fast=True), CHECKPOINTS)
def test_fail_fast_fails_what_would_have_failed(case: Case, checkpoints: set[int]) -> None:
    told = reference(case.definition, case.act, RUN_INPUT)
    driver = Driver(case.definition, case.behave, run_input=RUN_INPUT, checkpoints=checkpoints)
    ending = driver.run()
    check_kept(driver, case)
    assert ending.status == told.status
    if told.status == "completed":
        check_same(driver, case, told)


@settings(QUICK, max_examples=30)
@given(cases())
def test_the_same_events_give_the_same_commands(case: Case) -> None:
    runs = [Driver(case.definition, case.behave, run_input=RUN_INPUT) for _ in range(2)]
    for driver in runs:
        driver.run()
    one, other = runs
    assert one.commands == other.commands
    assert one.events == other.events
    assert one.ending == other.ending
