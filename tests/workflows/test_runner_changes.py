"""Changes of a run that goes on: what has not started is another from then on, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from definitions.calls import StepCall
from definitions.changes import MOST_STEPS
from definitions.errors import ChangeRefused
from definitions.run_state import RunState
from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.generating import RUN_INPUT, Case, cases
from tests.workflows.reference import reference
from tests.workflows.workflow_documents import breaks, gives, step, workflow
from workflows.changing import change_run, check_change
from workflows.runner import Runner

BY_TEST = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
SMALL = workflow(step("a"), step("b", "a"), step("c", "b", input={"n": "${a.result}"}), step("d", "c"))


def change(driver: Driver, **asked: Any) -> None:
    change_run(driver.runner, asked, driver.now)


def begun(script: dict[str, Behaviour] | None = None, definition: Any = SMALL, **options: Any) -> Driver:
    driver = Driver(definition, scripted(script or {}, gives(1)), **options)
    driver.begin()
    return driver


def finished(driver: Driver) -> Driver:
    while not driver.runner.finished:
        driver.advance()
    driver.ending = driver.runner.ending(driver.now)
    return driver


def refused(driver: Driver, **asked: Any) -> list[tuple[str, str]]:
    before = driver.runner.program, driver.told()
    with pytest.raises(ChangeRefused) as caught:
        change(driver, **asked)
    assert (driver.runner.program, driver.told()) == before
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_an_injected_step_runs_and_others_may_be_edited_to_wait_for_it() -> None:
    driver = begun({"new": gives({"x": 5})})
    change(
        driver,
        inject=[step("new", "a"), step("report", "d", input={"x": "${new.result.x}"})],
        edit={"c": {"depends_on": ["b", "new"], "input": {"n": "${new.result.x}"}}},
    )
    finished(driver)
    inputs = {each.call.step_id: each.call.input for each in driver.started}
    assert (inputs["c"], inputs["report"]) == ({"n": 5}, {"x": 5})
    order = [each.call.step_id for each in driver.started]
    assert order.index("new") < order.index("c") < order.index("report")
    assert driver.ending is not None
    assert driver.ending.output == 1  # `report` is what comes last now
    assert [each for each, _ in driver.events] == ["run.changed"]


def test_a_step_that_is_skipped_does_not_run_and_null_stands_for_it() -> None:
    driver = begun(definition=workflow(step("a"), step("b", "a"), step("c", "b", input={"n": "${b.result}", "m": 1})))
    change(driver, skip=["b"])
    finished(driver)
    assert driver.told() == {
        "a": ("completed", ""),
        "b": ("skipped", "condition"),
        "c": ("skipped", "upstream_skipped"),
    }
    driver = begun()
    change(driver, skip=["c"])
    assert [each.call.step_id for each in finished(driver).started] == ["a", "b", "d"]


def test_a_field_set_to_null_has_its_default_again() -> None:
    driver = begun(definition=workflow(step("a"), step("b", "a", condition="False", input={"n": 1})))
    change(driver, edit={"b": {"condition": None, "input": None}})
    finished(driver)
    assert [each.call.input for each in driver.started if each.call.step_id == "b"] == [driver.runner.state.input]


def test_the_limit_of_parallel_steps_counts_at_once() -> None:
    wide = workflow(*(step(f"s{number}") for number in range(6)), max_parallel_steps=1)
    driver = begun({}, wide)
    assert len(driver.started) == 1
    change(driver, max_parallel_steps=4)
    driver.at(0.1, lambda: None)
    driver.advance()
    assert len(driver.started) == 4


def test_a_run_that_is_too_large_to_be_changed_can_still_be_limited() -> None:
    wide = workflow(*(step(f"s{number}") for number in range(MOST_STEPS + 1)))
    driver = begun({}, wide)
    change(driver, max_parallel_steps=3)
    runner = driver.runner
    assert (runner.program.digest, runner.max_parallel) == (driver.program.digest, 3)
    assert [each["data"]["max_parallel_steps"] for each in runner.take_events()] == [3]
    assert refused(driver, skip=["s1500"], max_parallel_steps=4) == [("too_large_to_change", "")]
    finished(driver)
    again = RunState.from_checkpoint(driver.program.root, json.loads(json.dumps(runner.state.checkpoint())))
    assert Runner(driver.program, again).max_parallel == 3


def test_a_change_of_priority_alone_leaves_the_definition() -> None:
    driver = begun()
    before = driver.runner.program
    change(driver, priority=90)
    assert driver.runner.program is before
    assert [each["data"]["priority"] for each in driver.runner.take_events()] == [90]


def test_what_has_started_stays_and_all_problems_are_told_at_once() -> None:
    driver = begun()
    driver.advance()
    assert refused(driver, edit={"a": {"timeout": 1}, "b": {"timeout": 1}}, skip=["nope", "a"]) == [
        ("already_started", "edit.a"),
        ("already_started", "edit.b"),
        ("already_started", "skip[1]"),
        ("unknown_step", "skip[0]"),
    ]
    assert ("unknown_step", "edit.x") in refused(driver, edit={"x": {}})
    assert refused(driver, edit={"c": {"id": "z"}}) == [("id_is_fixed", "edit.c.id")]


@pytest.mark.parametrize(
    ("asked", "problems"),
    [
        ({}, [("nothing_to_change", "")]),
        ({"by": "me"}, [("nothing_to_change", "")]),
        ({"inject": [], "skp": ["a"]}, [("unknown_key", "skp")]),
        ({"max_parallel_steps": 0}, [("invalid_value", "max_parallel_steps")]),
        ({"priority": 101}, [("invalid_value", "priority")]),
        ({"inject": [{"handler": "x"}]}, [("missing_field", "inject[0].id")]),
        ({"inject": [step("a")]}, [("duplicate_id", "inject[0].id")]),
        ({"inject": [step("e", "gone")]}, [("unknown_step", "inject[0].depends_on[0]")]),
        ({"edit": {"c": {"condition": "import os"}}}, [("expression_refused", "edit.c.condition")]),
        ({"edit": {"c": {"handler": 5}}}, [("invalid_value", "edit.c.handler")]),
        ({"edit": {"c": {"depends_on": ["d"]}}}, [("cycle", "edit.c")]),
    ],
)
def test_a_change_is_checked_like_a_definition(asked: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    found = refused(begun(), **asked)
    assert [path for _, path in found][: len(problems)] == [path for _, path in problems]
    assert {code for code, _ in problems} <= {code for code, _ in found}


def test_a_change_that_is_no_mapping_is_refused() -> None:
    for asked in (None, "skip b", ["b"], {"inject": {"id": "x"}}, {"edit": []}):
        with pytest.raises(ChangeRefused):
            check_change(begun().runner, asked)


def test_a_run_that_is_being_ended_is_not_changed() -> None:
    driver = begun()
    driver.stop(reason="enough")
    assert refused(driver, skip=["d"]) == [("invalid_status", "")]


def test_an_output_that_is_gone_can_not_be_asked_for() -> None:
    large = "x" * 150_000
    definition = workflow(*(step(f"s{n}", *([f"s{n - 1}"] if n else []), input={}) for n in range(5)))
    driver = begun({f"s{n}": gives(large) for n in range(5)}, definition)
    while driver.runner.state.steps["s3"].status == "pending":
        driver.advance()
    assert "s0" not in driver.runner.state.outputs
    assert refused(driver, edit={"s4": {"input": {"n": "${s0.result}"}}}) == [("output_gone", "")]
    change(driver, edit={"s4": {"input": {"n": "${s2.result}"}}})
    assert finished(driver).ending is not None


def test_a_failure_that_is_being_handled_is_handled_once() -> None:
    handlers = {"a": "mend", "b": "mend"}
    definition = workflow(step("a"), step("b"), step("c", "a", "b"), step("mend"), error_handlers=handlers)
    script = {"a": breaks(), "b": breaks(seconds=1.5), "mend": gives({"recovered": True}, seconds=3.0)}
    plain = finished(begun(script, definition))
    for moment in (0.5, 1.2, 2.0, 3.5, 4.2):
        driver = begun(script, definition)
        driver.at(moment, lambda driver=driver: change(driver, inject=[step("late")]))
        finished(driver)
        assert sorted(each.activity_id for each in driver.started if each.call.step_id != "late") == sorted(
            each.activity_id for each in plain.started
        )
        assert driver.told() == {**plain.told(), "late": ("completed", "")}


@BY_TEST
@given(case=cases(), data=st.data())
def test_a_changed_run_ends_as_one_that_had_begun_with_the_changed_definition(case: Case, data: st.DataObject) -> None:
    """At any moment, in the middle of error handlers, and with checkpoints before and after."""
    ids = [each.id for each in case.definition.steps]
    handlers = set(case.definition.error_handlers.values())
    usable = [each for each in ids if each not in handlers]
    anchors = st.lists(st.sampled_from(usable), max_size=2, unique=True) if usable else st.just([])
    asked: dict[str, Any] = {
        "inject": [step("new", *data.draw(anchors), input={"n": "${workflow.input.n}"})],
        "skip": data.draw(st.lists(st.sampled_from(ids), max_size=1)),
        "edit": {each: {"input": {"edited": 1}} for each in data.draw(st.lists(st.sampled_from(ids), max_size=1))},
        "max_parallel_steps": data.draw(st.integers(1, 5)),
    }

    def act(call: StepCall) -> tuple[bool, Any]:
        return (True, {"x": 0, "n": 1, "seen": 0}) if call.step_id == "new" else case.act(call)

    def behave(call: StepCall) -> Behaviour:
        return gives(act(call)[1], 2.0) if call.step_id == "new" else case.behave(call)

    driver = Driver(case.definition, behave, run_input=RUN_INPUT, checkpoints=data.draw(st.sets(st.integers(1, 20))))
    accepted: list[bool] = []

    def try_to_change() -> None:
        if driver.runner.finished:
            return
        try:
            change(driver, **asked)
            accepted.append(True)
        except ChangeRefused:
            accepted.append(False)

    driver.at(data.draw(st.floats(0, 12)), try_to_change)
    driver.begin()
    ending = finished(driver).ending
    event(f"changed: {accepted}, checkpoints: {min(driver.checkpoints_taken, 3)}")
    told = reference(driver.runner.program.definition, act, RUN_INPUT)
    assert ending is not None
    assert (ending.status, ending.output) == (told.status, told.result)
    shared = {step_id for step_id, runs in told.handled.items() if len(runs) > 1}
    for step_id, expected in told.steps.items():
        if step_id not in shared:
            assert driver.runner.state.steps[step_id].status == expected.status, step_id
    activities = [each.activity_id for each in driver.started]
    assert len(activities) == len(set(activities))


def test_a_loop_that_is_open_goes_on_while_the_rest_is_changed() -> None:
    """With checkpoints before and after; what is inside of it can't be changed any more."""
    loop = {"iterate_over": "[1, 2, 3, 4]", "steps": [step("x", input={"n": "${loop.current_item}"}), step("y", "x")]}
    definition = workflow({"id": "docs", "loop": loop}, step("end", "docs", input={}))
    for checkpoints in (set(), {1}, {4}, {1, 3, 5, 7}):
        driver = Driver(definition, scripted({}, gives(7)), checkpoints=checkpoints)
        driver.begin()
        for _ in range(3):
            driver.advance()
        assert refused(driver, edit={"docs": {"timeout": 5}}) == [("already_started", "edit.docs")]
        assert refused(driver, skip=["docs[3].x"]) == [("unknown_step", "skip[0]")]
        change(driver, inject=[step("new", "docs", input={"all": "${docs.result}"})], edit={"end": {"input": {"k": 1}}})
        finished(driver)
        paths = [f"docs[{number}].{each}" for number in range(4) for each in "xy"]
        assert [each.call.step_id for each in driver.started] == [*paths, "end", "new"]
        assert [each.call.input for each in driver.started[-2:]] == [{"k": 1}, {"all": [7, 7, 7, 7]}]
