"""Dependencies, references, conditions, skips and results: each rule by an example."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.driving import Driver
from tests.workflows.workflow_documents import breaks, drive, gives, step, workflow


def inputs(driver: Driver) -> dict[str, Any]:
    return {started.call.step_id: started.call.input for started in driver.started}


def starts(driver: Driver) -> list[tuple[str, float]]:
    return [(started.call.step_id, started.at - 1000.0) for started in driver.started]


class TestResult:
    def test_is_the_output_of_the_only_sink(self) -> None:
        driver = drive(workflow(step("a"), step("b", "a")), {"b": gives({"done": 1})})
        assert driver.ending is not None
        assert (driver.ending.status, driver.ending.output) == ("completed", {"done": 1})

    def test_is_a_dictionary_of_several_sinks(self) -> None:
        definition = workflow(step("a"), step("b", "a"), step("c", "a"), step("d", condition="False"))
        driver = drive(definition, {"b": gives(1), "c": gives("two")})
        assert driver.ending is not None
        assert driver.ending.output == {"b": 1, "c": "two", "d": None}

    def test_of_a_skipped_sink_is_null(self) -> None:
        driver = drive(workflow(step("a", condition="1 > 2")))
        assert driver.ending is not None
        assert (driver.ending.status, driver.ending.output) == ("completed", None)

    def test_a_handler_that_declares_its_failing_step_leaves_it_a_sink(self) -> None:
        definition = workflow(step("a"), step("h", "a"), error_handlers={"a": "h"})
        driver = drive(definition, {"a": gives(7)})
        assert driver.ending is not None
        assert driver.ending.output == 7

    def test_a_handler_is_no_sink(self) -> None:
        definition = workflow(step("a"), step("h"), error_handlers={"a": "h"})
        driver = drive(definition, {"a": breaks(), "h": gives({"recovered": True, "n": 1})})
        assert driver.ending is not None
        assert driver.ending.output == {"recovered": True, "n": 1}


class TestOrder:
    def test_a_reference_is_a_dependency(self) -> None:
        driver = drive(workflow(step("b", input={"x": "${a.result}"}), step("a")), {"a": gives(5)})
        assert starts(driver) == [("a", 0), ("b", 1)]
        assert inputs(driver)["b"] == {"x": 5}

    def test_a_condition_is_a_dependency(self) -> None:
        driver = drive(workflow(step("b", condition="step_outputs['a'] == 5"), step("a")), {"a": gives(5)})
        assert starts(driver) == [("a", 0), ("b", 1)]

    def test_parallel_steps_start_together_in_listed_order(self) -> None:
        driver = drive(workflow(step("c"), step("a"), step("b")))
        assert starts(driver) == [("c", 0), ("a", 0), ("b", 0)]

    def test_no_more_than_max_parallel_steps_run(self) -> None:
        driver = drive(workflow(*(step(f"s{n}") for n in range(5)), max_parallel_steps=2))
        assert starts(driver) == [("s0", 0), ("s1", 0), ("s2", 1), ("s3", 1), ("s4", 2)]

    def test_sequential_siblings_run_one_at_a_time(self) -> None:
        siblings = [step(name, "a", execution_mode="sequential") for name in ("b", "c", "d")]
        driver = drive(workflow(step("a"), *siblings, step("e", "a")))
        assert starts(driver) == [("a", 0), ("b", 1), ("e", 1), ("c", 2), ("d", 3)]

    def test_sequential_siblings_go_on_when_one_fails(self) -> None:
        definition = workflow(*(step(name, execution_mode="sequential") for name in ("a", "b")))
        driver = drive(definition, {"a": breaks()})
        assert driver.told() == {"a": ("failed", ""), "b": ("completed", "")}
        assert driver.ending is not None
        assert driver.ending.status == "failed"

    def test_sequential_siblings_go_on_after_a_skipped_one(self) -> None:
        definition = workflow(
            step("a", execution_mode="sequential", condition="False"), step("b", execution_mode="sequential")
        )
        assert drive(definition).told() == {"a": ("skipped", "condition"), "b": ("completed", "")}

    def test_sequential_siblings_with_different_references_are_still_siblings(self) -> None:
        definition = workflow(
            step("a", execution_mode="sequential"),
            step("b", execution_mode="sequential", input={"x": "${a.result}"}),
            step("c", execution_mode="sequential"),
        )
        assert starts(drive(definition)) == [("a", 0), ("b", 1), ("c", 2)]

    def test_sequential_siblings_that_refer_backwards_run_in_an_order_they_allow(self) -> None:
        definition = workflow(
            step("a", execution_mode="sequential", input={"x": "${b.result}"}), step("b", execution_mode="sequential")
        )
        assert starts(drive(definition)) == [("b", 0), ("a", 1)]

    def test_a_sequential_error_handler_has_no_siblings(self) -> None:
        definition = workflow(
            step("a", execution_mode="sequential"),
            step("h", execution_mode="sequential"),
            step("b", execution_mode="sequential"),
            step("c", "b"),
            error_handlers={"c": "h"},
        )
        driver = drive(definition, {"c": breaks()})
        assert starts(driver) == [("a", 0), ("b", 1), ("c", 2), ("h", 3)]


class TestInput:
    def test_without_input_is_the_whole_input_of_the_run(self) -> None:
        assert inputs(drive(workflow(step("a")), run_input=[1, 2])) == {"a": [1, 2]}

    def test_one_reference_keeps_its_type_and_several_are_joined(self) -> None:
        given = {
            "list": "${a.result.list}",
            "text": "${a.result.list} of ${workflow.input.who}",
            "plain": "$${a.result}",
        }
        definition = workflow(step("a"), step("b", input=given))
        driver = drive(definition, {"a": gives({"list": [1, "x"]})}, run_input={"who": "Ann"})
        assert inputs(driver)["b"] == {"list": [1, "x"], "text": '[1,"x"] of Ann', "plain": "${a.result}"}

    def test_what_a_value_contains_is_not_looked_at_again(self) -> None:
        definition = workflow(step("a"), step("b", input={"x": "${a.result}"}), step("c", input={"x": "${b.result}"}))
        driver = drive(definition, {"a": gives("${c.result}"), "b": gives("${workflow.id}")})
        assert inputs(driver)["b"] == {"x": "${c.result}"}
        assert inputs(driver)["c"] == {"x": "${workflow.id}"}

    def test_a_path_through_a_skipped_step_is_null(self) -> None:
        given = {"x": "${a.result.deep.er}", "text": "<${a.result}>", "y": "${b.result}"}
        definition = workflow(step("a", condition="False"), step("b"), step("c", input=given))
        assert inputs(drive(definition, {"b": gives(2)}))["c"] == {"x": None, "text": "<null>", "y": 2}

    def test_a_reference_that_leads_nowhere_fails_the_step(self) -> None:
        definition = workflow(step("a"), step("b", input={"x": "${a.result.missing}"}), step("c", "b"))
        driver = drive(definition, {"a": gives({"present": 1})})
        assert driver.told() == {"a": ("completed", ""), "b": ("failed", ""), "c": ("skipped", "upstream_failed")}
        error = driver.outcome("b").get("error")
        assert error is not None
        assert error["error_class"] == "reference_error"
        assert "${a.result.missing}" in error["message"]
        assert ("step.failed", "b") in driver.events

    def test_a_milestone_gives_its_input(self) -> None:
        definition = workflow(step("a"), {"id": "m", "input": {"x": "${a.result}", "y": 1}}, step("b", "m"))
        driver = drive(definition, {"a": gives("value")})
        assert driver.runner.state.outputs["m"] == {"x": "value", "y": 1}
        assert starts(driver) == [("a", 0), ("b", 1)]
        assert ("step.completed", "m") in driver.events

    def test_a_milestone_without_input_gives_null(self) -> None:
        driver = drive(workflow({"id": "m"}), run_input={"x": 1})
        assert driver.ending is not None
        assert (driver.ending.status, driver.ending.output) == ("completed", None)
        assert driver.told() == {"m": ("completed", "")}


class TestContext:
    def test_is_merged_in_the_order_of_completion(self) -> None:
        definition = workflow(
            step("slow"),
            step("fast"),
            step("last", "slow", "fast", input={"x": "${context.x}"}),
            context={"x": 0, "y": 9},
        )
        driver = drive(
            definition,
            {"slow": gives(None, 2.0, context={"x": "slow"}), "fast": gives(None, 1.0, context={"x": "fast"})},
        )
        assert inputs(driver)["last"] == {"x": "slow"}
        assert driver.started[-1].call.context == {"x": "slow", "y": 9}
        assert driver.started[0].call.context == {"x": 0, "y": 9}

    def test_is_seen_by_conditions(self) -> None:
        definition = workflow(step("a"), step("b", "a", condition="context.go == True"))
        assert drive(definition, {"a": gives(1, context={"go": True})}).told()["b"] == ("completed", "")
        driver = drive(definition, {"a": gives(1)})
        assert driver.outcome("b").get("error", {})["error_class"] == "condition_error"  # type: ignore[index]


class TestConditions:
    def test_false_skips_the_step(self) -> None:
        driver = drive(workflow(step("a", condition="input_data.n > 3")), run_input={"n": 3})
        assert driver.told() == {"a": ("skipped", "condition")}
        assert driver.started == []
        assert driver.events == [("step.skipped", "a")]

    @pytest.mark.parametrize("condition", ["1 / 0 == 1", "input_data.missing", "'a' > 1", "len(3) == 3"])
    def test_an_error_fails_the_step(self, condition: str) -> None:
        driver = drive(workflow(step("a", condition=condition), step("b", "a"), step("c")), run_input={})
        assert driver.told() == {"a": ("failed", ""), "b": ("skipped", "upstream_failed"), "c": ("completed", "")}
        assert driver.ending is not None
        assert driver.ending.error is not None
        assert driver.ending.error["error_class"] == "condition_error"
        assert condition in driver.ending.error["message"]

    def test_see_null_through_a_skipped_step(self) -> None:
        definition = workflow(
            step("a", condition="False"),
            step("b", condition="step_outputs['a']['deep']['er'] is None"),
            step("c", condition="${a.result.label} == 'x'"),
            step("d", condition="'a' in step_outputs"),
        )
        told = drive(definition).told()
        assert told["b"] == ("completed", "")
        assert told["c"] == ("skipped", "condition")
        assert told["d"] == ("skipped", "condition")


class TestSkips:
    def test_an_ordering_dependency_on_a_skipped_step_counts_as_met(self) -> None:
        told = drive(workflow(step("a", condition="False"), step("b", "a"))).told()
        assert told == {"a": ("skipped", "condition"), "b": ("completed", "")}

    def test_a_step_whose_references_all_lead_to_skipped_steps_is_skipped_in_turn(self) -> None:
        definition = workflow(
            step("a", condition="False"),
            step("b", condition="False"),
            step("c", input={"x": "${a.result}", "y": "${b.result}"}),
            step("d", input={"x": "${c.result}"}),
            step("e", "d"),
        )
        assert drive(definition).told() == {
            "a": ("skipped", "condition"),
            "b": ("skipped", "condition"),
            "c": ("skipped", "upstream_skipped"),
            "d": ("skipped", "upstream_skipped"),
            "e": ("completed", ""),
        }

    def test_a_step_with_one_reference_to_a_step_that_ran_runs(self) -> None:
        definition = workflow(
            step("a", condition="False"), step("b"), step("c", input={"x": "${a.result}", "y": "${b.result}"})
        )
        assert drive(definition).told()["c"] == ("completed", "")


class TestFailures:
    def test_fail_what_depends_on_them_and_nothing_else(self) -> None:
        definition = workflow(
            step("a"), step("b", "a"), step("c", input={"x": "${b.result}"}), step("d"), step("e", "d")
        )
        driver = drive(definition, {"a": breaks("rate_limit"), "d": gives(1, seconds=9)})
        assert driver.told() == {
            "a": ("failed", ""),
            "b": ("skipped", "upstream_failed"),
            "c": ("skipped", "upstream_failed"),
            "d": ("completed", ""),
            "e": ("completed", ""),
        }
        assert driver.ending is not None
        assert (driver.ending.status, driver.ending.output) == ("failed", None)
        assert driver.ending.error == {"message": "step 'a' failed: a failed", "error_class": "rate_limit"}

    def test_the_first_one_is_told_with_the_number_of_others(self) -> None:
        driver = drive(workflow(step("a"), step("b")), {"a": breaks("late", 2.0), "b": breaks("early", 1.0)})
        assert driver.ending is not None
        assert driver.ending.error == {"message": "step 'b' failed (and 1 more): b failed", "error_class": "early"}

    def test_a_failure_wins_over_a_skip(self) -> None:
        definition = workflow(step("a", condition="False"), step("b"), step("c", "b", input={"x": "${a.result}"}))
        assert drive(definition, {"b": breaks()}).told()["c"] == ("skipped", "upstream_failed")

    def test_a_step_cancelled_by_somebody_else_has_failed(self) -> None:
        driver = Driver(workflow(step("a"), step("b", "a")), lambda call: gives(1))
        driver.begin()
        driver.runner.step_cancelled("a", driver.now)
        assert driver.runner.finished
        ending = driver.runner.ending(driver.now)
        assert driver.told() == {"a": ("failed", ""), "b": ("skipped", "upstream_failed")}
        assert ending.status == "failed"
        assert ending.error is not None
        assert ending.error["error_class"] == "cancelled"

    def test_a_worker_that_was_lost_for_good_is_told_by_the_run(self) -> None:
        assert ("step.failed", "a") in drive(workflow(step("a")), {"a": breaks("worker_lost")}).events
        assert drive(workflow(step("a")), {"a": breaks("broken")}).events == []
