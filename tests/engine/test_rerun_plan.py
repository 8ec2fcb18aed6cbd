"""What a rerun reuses: it ends as a run from the beginning would, and runs no more than it must."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from definitions.errors import LongpoleError
from definitions.model import Definition
from definitions.program import compile_definition
from engine.done_steps import done_steps
from engine.rerun_plan import RerunPlan, RunAsItWas, rerun_plan
from store import continuing
from store.database import Database
from tests.engine.recorded_runs import RecordedRuns
from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.generating import RUN_INPUT, Case, cases
from tests.workflows.reference import reference
from tests.workflows.workflow_documents import breaks, gives, step, workflow

BY_TEST = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
INPUTS = (RUN_INPUT, {**RUN_INPUT, "n": 4}, {**RUN_INPUT, "name": "other"}, {**RUN_INPUT, "missing": 0})


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedRuns]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('plan') / 'store.db'}")
    database.migrate()
    yield RecordedRuns(database)
    database.dispose()


def planned(
    recorded: RecordedRuns,
    driver: Driver,
    *,
    definition: Definition | None = None,
    run_input: Any = None,
    old_input: Any = None,
    chosen: tuple[str, ...] = (),
) -> tuple[RerunPlan, dict[str, Any]]:
    """The plan, and the checkpoint that a rerun begins with."""
    execution_id = recorded.record(driver)
    with recorded.database.read() as session:
        attempts = continuing.last_attempts(session, execution_id)
    program = compile_definition(definition or driver.program.definition, "sha256:again")
    before = RunAsItWas(execution_id, driver.program, attempts, old_input, driver.runner.state.context)
    plan = rerun_plan(before, program, run_input, chosen)
    done = done_steps(program, plan.reused, run_input=run_input, context=plan.context, started_at=0.0)
    # An error handler is settled with the last of the steps that it handles, and one of these may be skipped again.
    assert set(plan.reused) - set(done.reused) <= set(program.definition.error_handlers.values())
    assert sorted([*plan.reused, *plan.why, *plan.decided_again]) == sorted(program.order)
    return plan, json.loads(json.dumps(done.state.checkpoint()))


@BY_TEST
@given(case=cases(), data=st.data())
def test_a_rerun_ends_as_a_run_from_the_beginning_would(
    recorded: RecordedRuns, case: Case, data: st.DataObject
) -> None:
    run_input = data.draw(st.sampled_from(INPUTS))
    stop = data.draw(st.none() | st.floats(0, 15))
    handlers = set(case.definition.error_handlers.values())
    choosable = [each.id for each in case.definition.steps if each.id not in handlers]
    chosen = tuple(data.draw(st.lists(st.sampled_from(choosable), max_size=2, unique=True))) if choosable else ()
    first = Driver(case.definition, case.behave, run_input=RUN_INPUT)
    if stop is not None:
        first.at(stop, first.stop)
    first.run()

    plan, checkpoint = planned(recorded, first, run_input=run_input, old_input=RUN_INPUT, chosen=chosen)
    again = Driver(case.definition, case.behave, checkpoint=checkpoint)
    ending = again.run()

    told = reference(case.definition, case.act, run_input)
    shared = {step_id for step_id, runs in told.handled.items() if len(runs) > 1}
    event(f"reused {min(len(plan.reused), 5)}, ran {min(len(plan.why), 5)}")
    assert (ending.status, ending.output) == (told.status, told.result)
    state = again.runner.state
    for step_id, expected in told.steps.items():
        if step_id not in shared:
            assert state.steps[step_id].status == expected.status, step_id
            assert state.outputs.get(step_id) == told.outputs.get(step_id), step_id
    started = {each.call.step_id for each in again.started}
    assert started <= {*plan.why, *handlers}
    if run_input is RUN_INPUT and not chosen and stop is None:
        # What waits for an error handler may find another outcome of it.
        done = {each for each in plan.why if first.runner.state.steps[each].status == "completed"}
        assert all(plan.why[each].removeprefix("downstream of ") in {*done, *handlers} for each in done)


CHAIN = workflow(
    step("load"),
    step("left", input={"n": "${load.result.n}"}),
    step("right", "load", input={"who": "${workflow.input.who}"}),
    {"id": "both", "input": {"l": "${left.result}", "r": "${right.result}"}},
    step("after", "right"),
    step("last", "both"),
    step("alone", input={"id": "${workflow.id}"}),
)
OUTPUTS = {
    each: gives({"n": number}) for number, each in enumerate(("load", "left", "right", "after", "last", "alone"))
}


def ran(
    definition: Definition = CHAIN, behaviours: dict[str, Behaviour] | None = None, run_input: Any = None
) -> Driver:
    driver = Driver(definition, scripted(behaviours or OUTPUTS), run_input=run_input or {"who": "a", "more": 1})
    driver.run()
    return driver


def why(recorded: RecordedRuns, driver: Driver, **wish: Any) -> dict[str, str]:
    given_input = driver.runner.state.input
    plan, _ = planned(recorded, driver, old_input=given_input, **{"run_input": given_input, **wish})
    return dict(plan.why)


def test_what_is_chosen_runs_with_all_that_follows_ordering_included(recorded: RecordedRuns) -> None:
    assert why(recorded, ran()) == {}
    assert why(recorded, ran(), chosen=("right",)) == {
        "right": "chosen",
        "both": "downstream of right",
        "after": "downstream of right",
        "last": "downstream of both",
    }


def test_only_what_reads_a_changed_input_runs(recorded: RecordedRuns) -> None:
    # A step without input is given all of the run's.
    definition = workflow(*(each for each in json.loads(json.dumps(CHAIN.model_dump(mode="json")))["steps"]))
    fixed = definition.model_copy(
        update={"steps": tuple(each if each.input is not None else each.model_copy(update={"input": {}})
                               for each in definition.steps)}
    )  # fmt: skip
    driver = ran(fixed)
    assert why(recorded, driver, run_input={"who": "a", "more": 2}) == {}
    assert list(why(recorded, driver, run_input={"who": "b", "more": 1})) == ["right", "both", "after", "last"]
    assert set(why(recorded, ran(), run_input={"who": "a", "more": 2}).values()) >= {"input changed"}
    assert why(recorded, driver, run_input={"who": True, "more": 1})["right"] == "input changed"


def test_another_version_runs_what_does_something_else(recorded: RecordedRuns) -> None:
    steps = {each["id"]: each for each in json.loads(CHAIN.model_dump_json(exclude_defaults=True))["steps"]}
    steps["left"]["handler"] = "test.other"
    steps["after"]["timeout"] = 5
    steps["right"]["input"] = {"who": "a"}  # the same, said otherwise
    del steps["alone"]
    changed = workflow(*steps.values(), step("new", "right"))
    assert why(recorded, ran(), definition=changed) == {
        "left": "definition changed",
        "both": "downstream of left",
        "last": "downstream of both",
        "new": "has no output",
    }


def test_a_failed_run_runs_what_has_no_output(recorded: RecordedRuns) -> None:
    failed = ran(behaviours={**OUTPUTS, "left": breaks()})
    assert why(recorded, failed) == {
        "left": "has no output",
        "both": "downstream of left",
        "last": "downstream of both",
    }


def test_conditions_are_decided_by_what_they_read(recorded: RecordedRuns) -> None:
    definition = workflow(
        step("a", input={}),
        step("yes", "a", condition="input_data.n > 2"),
        step("no", "a", condition="input_data.n > 9"),
        step("reads_no", input={"x": "${no.result}"}),
        step("after", "no"),
        step("fixed", input={}),
    )
    driver = Driver(definition, scripted({}, gives(1)), run_input={"n": 3})
    driver.run()
    plan, _ = planned(recorded, driver, old_input={"n": 3}, run_input={"n": 3})
    assert (plan.why, plan.decided_again) == ({}, ("no", "reads_no"))
    plan, _ = planned(recorded, driver, old_input={"n": 3}, run_input={"n": 12})
    assert plan.why["no"] == "input changed"
    assert plan.why["reads_no"] == "downstream of no"
    assert "fixed" in plan.reused


def test_what_handled_a_failure_is_reused_with_it(recorded: RecordedRuns) -> None:
    handlers = {"bad": "mend", "good": "tell"}
    parts = (step("bad"), step("good"), step("after", "bad"), step("tell"))
    definition = workflow(*parts, step("mend"), error_handlers=handlers)
    behaviours = {"bad": breaks(), "mend": gives({"recovered": True})}
    driver = ran(definition, behaviours)
    plan, _ = planned(recorded, driver, old_input=driver.runner.state.input, run_input=driver.runner.state.input)
    assert (tuple(plan.reused), plan.why, plan.decided_again) == (("bad", "good", "after", "mend"), {}, ("tell",))
    assert why(recorded, driver, chosen=("bad",)) == {"bad": "chosen", "after": "downstream of bad"}
    other = workflow(*parts, {"id": "mend", "handler": "test.other"}, error_handlers=handlers)
    assert why(recorded, driver, definition=other)["bad"] == "definition changed"
    with pytest.raises(LongpoleError, match="is an error handler") as caught:
        why(recorded, driver, chosen=("mend",))
    assert caught.value.code == "error_handler_chosen"
    with pytest.raises(LongpoleError, match="did you mean `after`") as unknown:
        why(recorded, driver, chosen=("aftr",))
    assert unknown.value.code == "unknown_step"


def test_the_context_begins_with_what_reused_steps_added(recorded: RecordedRuns) -> None:
    definition = workflow(step("a"), step("b", "a"), context={"x": 0})
    driver = ran(definition, {"a": gives(1, context={"x": 1, "y": 1}), "b": gives(1, context={"x": 2})})
    told = {"a": {"x": 1, "y": 1}, "b": {"x": 2}}
    execution_id = recorded.record(driver, contexts=told)
    with recorded.database.read() as session:
        attempts = continuing.last_attempts(session, execution_id)
    before = RunAsItWas(execution_id, driver.program, attempts, None, driver.runner.state.context)
    assert rerun_plan(before, driver.program, None, ("b",)).context == {"x": 1, "y": 1}
    assert rerun_plan(before, driver.program, None, ("a",)).context == {"x": 0}
    unknown = {step_id: replace(attempt, context=None) for step_id, attempt in attempts.items()}
    assert rerun_plan(replace(before, attempts=unknown), driver.program, None, ("a",)).context == {"x": 2, "y": 1}
