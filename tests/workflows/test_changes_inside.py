"""Changes of blocks: of a step that has begun in some instances, those stay as they are, and all others are changed."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.calls import StepCall
from definitions.errors import ChangeRefused
from tests.workflows.driving import Behaviour, Driver
from tests.workflows.workflow_documents import breaks, gives, step, workflow
from workflows.changing import change_run


def loop(*steps: dict[str, Any], items: int = 3, **fields: Any) -> dict[str, Any]:
    return {"id": "pages", "loop": {"iterate_over": list(range(items)), "steps": list(steps), **fields}}


AT_ONCE = {"parallel": True, "max_parallel": 2}
BODY = (step("a", input={"v": 1}), step("b", "a", input={"v": 1}))


def behave(call: StepCall) -> Behaviour:
    if call.step_id.endswith("bad"):
        return breaks()
    return gives([call.step_id, call.input], 5 if call.step_id.endswith("slow") else 1)


def begun(*steps: dict[str, Any], **options: Any) -> Driver:
    driver = Driver(workflow(*steps), behave, **options)
    driver.begin()
    return driver


def finished(driver: Driver) -> dict[str, Any]:
    """What each step was given, by its path, once all have ended."""
    while not driver.runner.finished:
        driver.advance()
    driver.ending = driver.runner.ending(driver.now)
    return {started.activity_id: started.call.input for started in driver.started}


def change(driver: Driver, **asked: Any) -> None:
    change_run(driver.runner, asked, driver.now)


def refused(driver: Driver, **asked: Any) -> list[tuple[str, str]]:
    before = driver.runner.program
    with pytest.raises(ChangeRefused) as caught:
        change(driver, **asked)
    assert driver.runner.program is before
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_a_block_that_has_not_begun_is_changed_as_a_whole() -> None:
    driver = begun(step("first"), {**loop(*BODY), "depends_on": ["first"]})
    change(
        driver,
        edit={"pages.b": {"input": {"v": 2, "new": "${new.result[0]}"}}},
        inject=[step("pages.new", input={"item": "${loop.current_item}"})],
        skip=["pages.a"],
    )
    given = finished(driver)
    assert {path: given[path] for path in given if path != "first"} == {
        **{f"pages[{n}].new": {"item": n} for n in range(3)},
        **{f"pages[{n}].b": {"v": 2, "new": f"pages[{n}].new"} for n in range(3)},
    }


@pytest.mark.parametrize("checkpoints", [(), range(1, 50)], ids=["in one history", "in many"])
def test_what_has_begun_in_an_iteration_stays_and_the_rest_is_changed(checkpoints: Any) -> None:
    driver = begun(loop(*BODY, items=4, **AT_ONCE), checkpoints=checkpoints)
    driver.advance()
    driver.advance()  # `a` has ended in iterations 0 and 1, `b` runs there unless the run goes on elsewhere first
    has_begun = {started.activity_id for started in driver.started}
    assert "pages[1].a" in has_begun
    change(
        driver,
        edit={"pages.a": {"input": {"v": 2}}, "pages.b": {"input": {"v": 2}}},
        inject=[step("pages.c", "b", input={"v": 2})],
    )
    given = finished(driver)
    assert set(given) == {f"pages[{n}].{each}" for n in range(4) for each in "abc"}
    assert given == {path: {"v": 1 if path in has_begun else 2} for path in given}
    assert driver.ending is not None
    assert [each[0] for each in driver.ending.output] == [f"pages[{n}].c" for n in range(4)]


def test_a_skip_counts_where_the_step_has_not_begun() -> None:
    driver = begun(loop(*BODY, step("c", "b")))
    driver.advance()  # `pages[0].b` runs
    change(driver, skip=["pages.b"])
    assert [path for path in finished(driver) if path.endswith("b")] == ["pages[0].b"]


def test_blocks_in_blocks_and_the_limit_of_one() -> None:
    both = {
        "id": "both",
        "parallel": {"max_parallel": 1, "steps": [step("x", input={"v": 1}), step("y", input={"v": 1})]},
    }
    driver = begun(loop(both, items=2))
    change(driver, edit={"pages.both.y": {"input": {"v": 2}}}, inject=[step("pages.both.z", input={"v": 2})])
    given = finished(driver)
    assert given == {f"pages[{n}].both.{each}": {"v": 1 if each == "x" else 2} for n in range(2) for each in "xyz"}
    assert max(started.running for started in driver.started) == 1


def test_a_branch_is_changed_where_it_goes_on() -> None:
    route = {
        "id": "route",
        "branch": {"if": "1 < 2", "then": [step("t1"), step("t2", "t1")], "else": [step("e1")]},
    }
    driver = begun(route)
    assert refused(driver, edit={"route.t1": {"timeout": 5}}) == [("already_started", "edit['route.t1']")]
    assert refused(driver, edit={"route.e1": {"timeout": 5}}) == [("already_started", "edit['route.e1']")]
    assert refused(driver, inject=[step("route.else.e2")]) == [("already_started", "inject[0]")]
    assert refused(driver, inject=[step("route.new")]) == [("which_block", "inject[0].id")]
    change(driver, inject=[step("route.then.t3", "t2")], edit={"route.t2": {"input": {"v": 2}}})
    given = finished(driver)
    assert list(given) == ["route.t1", "route.t2", "route.t3"]
    assert given["route.t2"] == {"v": 2}


def test_a_branch_gets_an_else() -> None:
    driver = begun(
        step("first"), {"id": "route", "depends_on": ["first"], "branch": {"if": "1 > 2", "then": [step("t")]}}
    )
    change(driver, inject=[step("route.else.e")])
    assert list(finished(driver)) == ["first", "route.e"]


def test_what_is_past_can_not_be_changed() -> None:
    driver = begun(loop(*BODY, items=1), {"id": "after", "depends_on": ["pages"], "wait": {"event": "go"}})
    driver.advance()  # `b` of the only iteration runs
    assert refused(driver, skip=["pages.a", "pages.b"]) == [
        ("already_started", "skip[0]"),
        ("already_started", "skip[1]"),
    ]
    driver.advance()
    assert refused(driver, inject=[step("pages.new")]) == [("already_started", "inject[0]")]


def test_nothing_new_begins_in_a_block_that_fails() -> None:
    driver = begun({"id": "block", "parallel": {"steps": [step("bad"), step("slow"), step("c", "slow")]}})
    driver.advance()
    assert refused(driver, skip=["block.c"]) == [("already_started", "skip[0]")]


def test_what_is_under_way_waits_for_nothing_more() -> None:
    driver = begun(loop(*BODY), step("other"), step("done"))
    assert refused(driver, edit={"pages.b": {"input": {"v": "${other.result}"}}}) == [("already_started", "")]
    while driver.runner.state.steps["other"].status != "completed":
        driver.advance()
    change(driver, edit={"pages.b": {"input": {"v": "${other.result[0]}"}}})
    assert finished(driver)["pages[2].b"] == {"v": "other"}


def test_problems_are_told_where_the_change_has_them() -> None:
    driver = begun(step("first"), {**loop(*BODY), "depends_on": ["first"]})
    assert refused(driver, edit={"pages.b": {"input": {"v": "${nowhere.result}"}}}) == [
        ("unknown_step", "edit['pages.b'].input.v")
    ]
    assert refused(driver, inject=[step("pages.b"), step("pages.c", "nowhere")]) == [
        ("duplicate_id", "inject[0].id"),
        ("unknown_step", "inject[1].depends_on[0]"),
    ]
    assert refused(driver, edit={"pages.b": {"id": "z"}}) == [("id_is_fixed", "edit['pages.b'].id")]
    assert refused(driver, skip=["pages.x"]) == [("unknown_step", "skip[0]")]
    assert refused(driver, inject=[step("first.x")]) == [("no_block", "inject[0].id")]
    with pytest.raises(ChangeRefused, match=r"write `pages\.b`"):
        change(driver, skip=["pages[1].b"])


@pytest.mark.parametrize("made", [5, {"iterate_over": [1], "steps": 5}, {"iterate_over": [1], "steps": [5]}])
def test_an_edit_of_what_another_one_has_broken_is_refused(made: Any) -> None:
    driver = begun(step("first"), {**loop(*BODY), "depends_on": ["first"]})
    codes = {code for code, _ in refused(driver, edit={"pages": {"loop": made}, "pages.b": {"timeout": 5}})}
    assert "unknown_step" in codes


def test_runs_of_an_earlier_interpreter_are_changed_outside_only() -> None:
    driver = begun(step("first"), {**loop(*BODY), "depends_on": ["first"]})
    with pytest.raises(ChangeRefused, match="earlier version of Longpole"):
        change_run(driver.runner, {"skip": ["pages.b"]}, driver.now, interpreter=2)
