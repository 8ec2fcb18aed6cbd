"""Error handlers: when they run, with what, and what their output means."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.calls import StepCall
from tests.workflows.driving import Behaviour, Driver
from tests.workflows.workflow_documents import breaks, drive, gives, step, workflow

RECOVERS = gives({"recovered": True, "value": 5})


def test_a_handler_that_is_not_needed_is_skipped() -> None:
    driver = drive(workflow(step("a"), step("h"), error_handlers={"a": "h"}))
    assert driver.told() == {"a": ("completed", ""), "h": ("skipped", "not_needed")}


def test_a_handler_is_not_needed_for_a_step_that_never_ran() -> None:
    definition = workflow(step("a"), step("b", "a"), step("h"), error_handlers={"b": "h"})
    assert drive(definition, {"a": breaks()}).told()["h"] == ("skipped", "not_needed")


def test_a_handler_gets_its_own_input_and_the_error() -> None:
    definition = workflow(
        step("before"),
        step("a", "before"),
        step("h", input={"to": "ops", "n": "${before.result}"}),
        error_handlers={"a": "h"},
    )
    driver = drive(definition, {"before": gives(3), "a": breaks("rate_limit")})
    assert driver.started[-1].call.input == {
        "to": "ops",
        "n": 3,
        "error": {"step_id": "a", "message": "a failed", "error_class": "rate_limit", "attempts": 1},
    }


@pytest.mark.parametrize(
    ("run_input", "given"), [({"x": 1}, {"x": 1}), (None, {}), ([1, 2], {"input": [1, 2]}), ("text", {"input": "text"})]
)
def test_a_handler_without_input_gets_that_of_the_run_and_the_error(run_input: Any, given: dict[str, Any]) -> None:
    driver = drive(workflow(step("a"), step("h"), error_handlers={"a": "h"}), {"a": breaks()}, run_input=run_input)
    received = driver.started[-1].call.input
    assert {key: value for key, value in received.items() if key != "error"} == given
    assert received["error"]["step_id"] == "a"


def test_the_failure_stands_when_the_handler_only_notifies() -> None:
    definition = workflow(step("a"), step("b", "a"), step("h"), error_handlers={"a": "h"})
    driver = drive(definition, {"a": breaks(), "h": gives({"recovered": "yes"})})
    assert driver.told() == {"a": ("failed", ""), "b": ("skipped", "upstream_failed"), "h": ("completed", "")}
    assert driver.ending is not None
    assert driver.ending.status == "failed"


def test_a_recovered_output_stands_for_the_steps() -> None:
    definition = workflow(step("a"), step("h"), step("b", input={"x": "${a.result.value}"}), error_handlers={"a": "h"})
    driver = drive(definition, {"a": breaks(), "h": RECOVERS, "b": gives("end")})
    assert driver.told() == {"a": ("completed", "recovered"), "h": ("completed", ""), "b": ("completed", "")}
    assert driver.started[-1].call.input == {"x": 5}
    assert driver.outcome("a").get("output") == {"recovered": True, "value": 5}
    assert driver.ending is not None
    assert (driver.ending.status, driver.ending.output) == ("completed", "end")
    assert ("step.recovered", "a") in driver.events


def test_dependants_wait_for_the_handler() -> None:
    definition = workflow(step("a"), step("h"), step("b", "a"), error_handlers={"a": "h"})
    driver = drive(definition, {"a": breaks(seconds=1.0), "h": gives({"recovered": True}, seconds=5.0)})
    assert [(started.activity_id, started.at - 1000.0) for started in driver.started] == [("a", 0), ("h", 1), ("b", 6)]


def test_a_handler_that_fails_leaves_the_failure() -> None:
    definition = workflow(step("a"), step("b", "a"), step("h"), error_handlers={"a": "h"})
    driver = drive(definition, {"a": breaks("first"), "h": breaks("second")})
    assert driver.told() == {"a": ("failed", ""), "b": ("skipped", "upstream_failed"), "h": ("failed", "")}
    assert driver.ending is not None
    assert driver.ending.error == {"message": "step 'a' failed (and 1 more): a failed", "error_class": "first"}


def test_a_condition_that_fails_is_handled_too() -> None:
    definition = workflow(step("a", condition="1 / 0 == 1"), step("h"), error_handlers={"a": "h"})
    driver = drive(definition, {"h": RECOVERS})
    assert driver.told() == {"a": ("completed", "recovered"), "h": ("completed", "")}
    assert driver.started[0].call.input["error"]["error_class"] == "condition_error"


def test_a_handler_whose_condition_is_false_is_skipped_and_the_failure_stands() -> None:
    definition = workflow(step("a"), step("b", "a"), step("h", condition="input_data.retry"), error_handlers={"a": "h"})
    driver = drive(definition, {"a": breaks()}, run_input={"retry": False})
    assert driver.told() == {"a": ("failed", ""), "b": ("skipped", "upstream_failed"), "h": ("skipped", "condition")}


def test_a_handler_with_a_reference_that_leads_nowhere_fails() -> None:
    definition = workflow(
        step("a"), step("later", "a"), step("h", input={"x": "${later.result}"}), error_handlers={"a": "h"}
    )
    driver = drive(definition, {"a": breaks()})
    assert driver.told()["h"] == ("failed", "")
    assert driver.outcome("h").get("error", {})["error_class"] == "reference_error"  # type: ignore[index]


def test_a_milestone_can_handle_an_error() -> None:
    handler = {"id": "h", "input": {"recovered": True, "value": "${workflow.input.otherwise}"}}
    definition = workflow(step("a"), handler, step("b", input={"x": "${a.result.value}"}), error_handlers={"a": "h"})
    driver = drive(definition, {"a": breaks()}, run_input={"otherwise": 8})
    assert driver.told() == {"a": ("completed", "recovered"), "h": ("completed", ""), "b": ("completed", "")}
    assert driver.started[-1].call.input == {"x": 8}


def test_a_shared_handler_runs_once_for_each_failing_step_under_ids_of_its_own() -> None:
    def behave(call: StepCall) -> Behaviour:
        return gives({"recovered": call.input["error"]["step_id"] == "b"}) if call.step_id == "h" else breaks()

    definition = workflow(
        step("a"), step("b"), step("c"), step("h"), step("d", "b"), error_handlers={"a": "h", "b": "h", "c": "h"}
    )
    driver = Driver(definition, lambda call: gives(1) if call.step_id in ("c", "d") else behave(call))
    driver.run()
    assert [(started.activity_id, started.call.start) for started in driver.started] == [
        ("a", 1),
        ("b", 1),
        ("c", 1),
        ("h", 1),
        ("h#2", 2),
        ("d", 1),
    ]
    assert driver.told() == {
        "a": ("failed", ""),
        "b": ("completed", "recovered"),
        "c": ("completed", ""),
        "d": ("completed", ""),
        "h": ("completed", ""),
    }


def test_a_shared_handler_is_as_it_ended_last() -> None:
    def behave(call: StepCall) -> Behaviour:
        if call.step_id != "h":
            return breaks(seconds=1.0 if call.step_id == "a" else 5.0)
        return breaks("for_a") if call.input["error"]["step_id"] == "a" else RECOVERS

    driver = Driver(workflow(step("a"), step("b"), step("h"), error_handlers={"a": "h", "b": "h"}), behave)
    driver.run()
    assert driver.told() == {"a": ("failed", ""), "b": ("completed", "recovered"), "h": ("completed", "")}
    assert "error" not in driver.outcome("h")


def test_a_step_may_wait_for_a_handler() -> None:
    definition = workflow(step("a"), step("h"), step("after", "h"), error_handlers={"a": "h"})
    assert drive(definition).told()["after"] == ("completed", "")
    assert drive(definition, {"a": breaks()}).told()["after"] == ("completed", "")
    assert drive(definition, {"a": breaks(), "h": breaks()}).told()["after"] == ("skipped", "upstream_failed")
