"""Branches, loops and parallel blocks: what they come to, and what runs when."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.messages import StoreValue
from definitions.values import BlobRef
from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.workflow_documents import breaks, drive, gives, step, workflow
from workflows.loops import MAX_KEPT_BYTES


def loop(over: Any, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "docs", "loop": {"iterate_over": over, "steps": list(steps), **fields}}


def branch(test: str, then: list[dict[str, Any]], otherwise: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"id": "route", "branch": {"if": test, "then": then, **({"else": otherwise} if otherwise else {})}}


def activity_ids(driver: Driver) -> list[str]:
    return [started.activity_id for started in driver.started]


def failure(driver: Driver, step_id: str) -> dict[str, Any]:
    error = driver.runner.state.steps[step_id].error
    assert error is not None
    return dict(error)


# -- branches ------


@pytest.mark.parametrize(("size", "taken"), [(5, "route.big"), (1, "route.small")])
def test_one_of_two_blocks_runs(size: int, taken: str) -> None:
    made = workflow(branch("input_data.size > 3", [step("big")], [step("small")]), step("after", "route"))
    driver = drive(made, {"route.big": gives("b"), "route.small": gives("s")}, run_input={"size": size})
    assert activity_ids(driver) == [taken, "after"]
    assert driver.runner.state.outputs["route"] == taken[6]


def test_without_else_there_is_nothing_to_run_and_the_result_is_null() -> None:
    driver = drive(workflow(branch("1 > 2", [step("a")]), step("b", "route", input={"got": "${route.result}"})))
    assert activity_ids(driver) == ["b"]
    assert driver.started[0].call.input == {"got": None}
    assert driver.told()["route"] == ("completed", "")


def test_a_block_with_several_ends_gives_all_of_them() -> None:
    driver = drive(
        workflow(branch("1 < 2", [step("a"), step("b", "a"), step("c", "a")])),
        {"route.b": gives(2), "route.c": gives(3)},
    )
    assert driver.ending is not None
    assert driver.ending.output == {"b": 2, "c": 3}


def test_a_test_that_can_not_be_told_fails_the_step() -> None:
    driver = drive(workflow(branch("input_data.size > 3", [step("a")])), run_input={})
    assert failure(driver, "route")["error_class"] in ("condition_error", "reference_error")
    assert ("step.failed", "route") in driver.events


# -- loops over lists ------


def test_iterations_follow_each_other_and_their_results_are_a_list() -> None:
    made = workflow(
        step("find"),
        loop("${find.result.found}", step("read", input={"of": "${loop.current_item}", "n": "${loop.index}"})),
    )
    driver = drive(made, {"find": gives({"found": ["a", "b", "c"]}), "docs[1].read": gives("two")})
    assert activity_ids(driver) == ["find", "docs[0].read", "docs[1].read", "docs[2].read"]
    assert [started.call.input for started in driver.started[1:]] == [
        {"of": "a", "n": 0},
        {"of": "b", "n": 1},
        {"of": "c", "n": 2},
    ]
    assert [started.running for started in driver.started] == [1, 1, 1, 1]
    assert driver.ending is not None
    assert driver.ending.output == [None, "two", None]
    assert driver.started[2].call.idempotency_key == "exec_test/docs[1].read"


@pytest.mark.parametrize(
    ("over", "given"),
    [
        ([], []),
        ("input_data.names + ['z']", ["x", "y", "z"]),
        (["${input_data.names[1]}", "q"], ["y", "q"]),
        ("${input_data.names}", ["x", "y"]),
    ],
)
def test_a_list_comes_from_anywhere(over: Any, given: list[str]) -> None:
    driver = drive(
        workflow(loop(over, {"id": "a", "input": {"x": "${loop.current_item}"}})), run_input={"names": ["x", "y"]}
    )
    assert driver.ending is not None
    assert driver.ending.output == [{"x": each} for each in given]


@pytest.mark.parametrize(
    ("items", "said"), [("abc", "a text"), ({"a": 1}, "a mapping"), (None, "null"), (7, "a number")]
)
def test_what_is_no_list_fails_the_step(items: Any, said: str) -> None:
    driver = drive(workflow(loop("${input_data.items}", step("a"))), run_input={"items": items})
    assert failure(driver, "docs")["error_class"] == "not_a_list"
    assert said in failure(driver, "docs")["message"]


@pytest.mark.parametrize(("fields", "at_once"), [({}, 6), ({"max_parallel": 4}, 4)])
def test_parallel_iterations_keep_to_their_limits(fields: dict[str, Any], at_once: int) -> None:
    made = workflow(loop(list(range(20)), step("a"), parallel=True, **fields), max_parallel_steps=6)
    driver = drive(made)
    assert max(started.running for started in driver.started) == at_once
    assert len(driver.started) == 20


def test_results_keep_their_order_whatever_ends_first() -> None:
    made = workflow(loop([0, 1, 2], step("a"), parallel=True))
    driver = drive(made, {f"docs[{n}].a": gives(n, seconds=5 - n) for n in range(3)})
    assert driver.ending is not None
    assert driver.ending.output == [0, 1, 2]


@pytest.mark.parametrize("as_blob", [False, True])
def test_too_many_items_fail_the_step_and_none_is_dealt_with(as_blob: bool) -> None:
    made = workflow(loop("${input_data.found}", step("a"), max_iterations=3))
    driver = Driver(made, scripted({}))
    give(driver, {"found": driver.store([1, 2, 3, 4]) if as_blob else [1, 2, 3, 4]})
    driver.run()
    assert failure(driver, "docs")["error_class"] == "too_many_iterations"
    assert "4 items" in failure(driver, "docs")["message"]
    assert "3 iterations" in failure(driver, "docs")["message"]
    assert driver.started == []


def give(driver: Driver, run_input: Any) -> None:
    """An input that may hold values in blob storage."""
    driver.runner.state.input = driver.runner.root.scope.input_data = run_input


# -- while ------


def test_a_loop_goes_on_while_its_test_holds() -> None:
    made = workflow(
        {
            "id": "docs",
            "loop": {
                "while": "loop.index == 0 or loop.previous.left > 0",
                "max_iterations": 10,
                "steps": [step("work", input={"before": "${loop.previous}"})],
            },
        }
    )
    driver = drive(made, {f"docs[{n}].work": gives({"left": 2 - n}) for n in range(4)})
    assert driver.ending is not None
    assert driver.ending.output == [{"left": 2}, {"left": 1}, {"left": 0}]
    assert [started.call.input["before"] for started in driver.started] == [None, {"left": 2}, {"left": 1}]


def test_a_loop_that_does_not_end_fails() -> None:
    made = workflow({"id": "docs", "loop": {"while": "1 < 2", "max_iterations": 4, "steps": [step("work")]}})
    driver = drive(made)
    assert len(driver.started) == 4
    assert failure(driver, "docs")["error_class"] == "too_many_iterations"
    assert "after 4 iterations, 4 are allowed" in failure(driver, "docs")["message"]


# -- parallel ------


def test_a_parallel_block_has_a_limit_of_its_own() -> None:
    inner = [step(f"s{n}") for n in range(6)]
    made = workflow({"id": "both", "parallel": {"max_parallel": 2, "steps": inner}}, *(step(f"t{n}") for n in range(3)))
    driver = drive(made)
    assert len(driver.started) == 9
    for started in driver.started:
        inside = [each for each in driver.started if each.call.step_id.startswith("both.") and each.at == started.at]
        assert len(inside) <= 2
    assert driver.ending is not None
    assert set(driver.ending.output) == {"both", "t0", "t1", "t2"}
    assert set(driver.ending.output["both"]) == {f"s{n}" for n in range(6)}


# -- scopes ------


def test_inner_steps_see_those_around_them_and_all_loops() -> None:
    made = workflow(
        step("top"),
        loop(
            [10, 20],
            step("near"),
            {
                "id": "rows",
                "loop": {
                    "iterate_over": ["a"],
                    "steps": [
                        step(
                            "cell",
                            input={
                                "top": "${top.result}",
                                "near": "${near.result}",
                                "outer": "${loop.parent.current_item}",
                                "at": "${loop.parent.index}/${loop.index}",
                            },
                        )
                    ],
                },
            },
        ),
    )
    driver = drive(made, {"top": gives("t"), "docs[0].near": gives("n0"), "docs[1].near": gives("n1")})
    cells = {started.activity_id: started.call.input for started in driver.started if "cell" in started.activity_id}
    assert cells == {
        "docs[0].rows[0].cell": {"top": "t", "near": "n0", "outer": 10, "at": "0/0"},
        "docs[1].rows[0].cell": {"top": "t", "near": "n1", "outer": 20, "at": "1/0"},
    }


def nested(levels: int, innermost: dict[str, Any]) -> dict[str, Any]:
    made = innermost
    for level in reversed(range(levels)):
        if level % 3 == 0:
            made = {"id": f"l{level}", "loop": {"iterate_over": [1], "steps": [made]}}
        elif level % 3 == 1:
            made = {"id": f"b{level}", "branch": {"if": "1 < 2", "then": [made]}}
        else:
            made = {"id": f"p{level}", "parallel": {"steps": [made]}}
    return made


def test_eight_levels_run() -> None:
    driver = drive(workflow(nested(8, step("deep"))), {"l0[0].b1.p2.l3[0].b4.p5.l6[0].b7.deep": gives("found")})
    assert driver.ending is not None
    assert driver.ending.output == [[["found"]]]


# -- failures ------


def test_a_failing_iteration_fails_the_loop_when_what_runs_has_ended() -> None:
    made = workflow(
        loop(list(range(9)), step("a"), step("b", "a"), parallel=True, max_parallel=3), step("after", "docs")
    )
    driver = drive(made, {"docs[1].a": breaks("broken", 1), "docs[0].a": gives(0, 3), "docs[2].a": gives(0, 2)})
    assert sorted(activity_ids(driver)) == ["docs[0].a", "docs[1].a", "docs[2].a"], "nothing new starts"
    assert driver.now == 1003
    error = failure(driver, "docs")
    assert error["at"] == "docs[1].a"
    assert error["error_class"] == "broken"
    assert "'docs[1].a' failed" in error["message"]
    assert driver.told() == {"docs": ("failed", ""), "after": ("skipped", "upstream_failed")}


def test_an_error_from_deep_inside_names_the_innermost_step_once() -> None:
    driver = drive(workflow(nested(4, step("deep"))), {"l0[0].b1.p2.l3[0].deep": breaks()})
    assert failure(driver, "l0")["at"] == "l0[0].b1.p2.l3[0].deep"
    assert failure(driver, "l0")["message"].count("deep") == 2, "the step's path, and what the step says itself"


def test_a_loop_goes_on_after_failures_when_it_says_so() -> None:
    made = workflow(loop([0, 1, 2], step("a"), step("b", "a"), on_failure="continue"))
    driver = drive(made, {"docs[1].a": breaks(), "docs[0].b": gives(0), "docs[2].b": gives(2)})
    assert driver.ending is not None
    assert driver.ending.output == [0, None, 2]
    assert ("loop.iteration_failed", "docs") in driver.events
    assert "docs[1].b" not in activity_ids(driver)


def test_fail_fast_ends_what_runs_beside_a_failure() -> None:
    made = workflow(loop([0, 1], step("a"), parallel=True), step("other"), fail_fast=True)
    driver = drive(made, {"docs[0].a": breaks("broken", 1), "docs[1].a": gives(1, 60), "other": gives(1, 60)})
    assert driver.now < 1003
    assert driver.told() == {"docs": ("failed", ""), "other": ("cancelled", "step 'docs' failed")}


def test_an_error_handler_stands_in_for_a_control_step() -> None:
    made = workflow(
        loop([0], step("a")),
        step("rescue"),
        step("after", "docs", input={"got": "${docs.result}"}),
        error_handlers={"docs": "rescue"},
    )
    driver = drive(made, {"docs[0].a": breaks(), "rescue": gives({"recovered": True, "items": []})})
    assert driver.told()["docs"] == ("completed", "recovered")
    assert driver.started[-1].call.input == {"got": {"recovered": True, "items": []}}
    assert driver.started[1].call.input["error"]["step_id"] == "docs"


def test_control_steps_are_skipped_like_others() -> None:
    made = workflow(
        step("a"), {**loop([1], step("b")), "depends_on": ["a"]}, {**branch("1 < 2", [step("c")]), "condition": "1 > 2"}
    )
    driver = drive(made, {"a": breaks()})
    assert driver.told() == {
        "a": ("failed", ""),
        "docs": ("skipped", "upstream_failed"),
        "route": ("skipped", "condition"),
    }


# -- size ------

MANY = 100_000


def test_a_hundred_thousand_iterations_keep_one_block_and_bounded_results() -> None:
    made = workflow(loop("${input_data}", {"id": "a", "input": {"i": "${loop.index}", "of": "${loop.current_item}"}}))
    driver = Driver(made, scripted({}), run_input=list(range(MANY)))
    driver.begin()
    most_results = 0
    while not driver.runner.finished:
        driver.advance()
        opened = driver.runner.state.open.get("docs")
        if opened is not None and opened.loop is not None:
            most_results = max(most_results, len(opened.loop.results))
    ending = driver.runner.ending(driver.now)
    assert isinstance(ending.output, BlobRef)
    assert driver.blobs[ending.output.digest] == [{"i": n, "of": n} for n in range(MANY)]
    stored = [command for _, command in driver.commands if isinstance(command, StoreValue)]
    assert len(stored) > 10
    assert max(command.size for command in stored) < 2 * MAX_KEPT_BYTES
    assert most_results < MANY / 2
    assert driver.most_kept <= 2


def test_items_in_blob_storage_are_read_a_few_at_a_time() -> None:
    made = workflow(
        loop("${input_data.found}", step("a", input={"of": "${loop.current_item}"}), parallel=True, max_parallel=7)
    )
    driver = Driver(made, lambda call: Behaviour(output=call.input["of"]))
    give(driver, {"found": driver.store(list(range(1_000)))})
    driver.run()
    assert driver.ending is not None
    assert driver.ending.output == list(range(1_000))
    assert driver.most_kept <= 8


def test_large_results_behind_a_slow_iteration_hold_the_others_up() -> None:
    made = workflow(loop(list(range(200)), step("a"), parallel=True, max_parallel=4))
    slow = {"docs[0].a": gives("x" * 30_000, 1_000)}
    driver = Driver(made, lambda call: slow.get(call.step_id, gives("x" * 30_000)))
    seen: list[int] = []
    driver.at(900, lambda: seen.append(len(driver.started)))
    driver.run()
    assert seen[0] < 30
    assert len(driver.started) == 200
