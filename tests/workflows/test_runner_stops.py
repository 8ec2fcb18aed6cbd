"""Pausing, cancelling, timing out, failing fast, and giving up."""

from __future__ import annotations

import pytest

from definitions.calls import StepFailure, StepResult
from definitions.messages import CancelStep, StartStep
from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.workflow_documents import breaks, drive, gives, step, workflow


def driver_of(*steps: dict[str, object], behaviours: dict[str, Behaviour] | None = None, **fields: object) -> Driver:
    return Driver(workflow(*steps, **fields), scripted(behaviours or {}))


class TestPause:
    def test_lets_running_steps_end_and_starts_nothing(self) -> None:
        driver = driver_of(
            step("a"), step("b", "a"), step("c", condition="False"), step("d", "c"), max_parallel_steps=1
        )
        driver.at(0.5, driver.pause)
        driver.at(7.0, driver.resume)
        ending = driver.run()
        assert [(started.call.step_id, started.at - 1000.0) for started in driver.started] == [
            ("a", 0),
            ("b", 7),
            ("d", 8),
        ]
        assert ending.status == "completed"
        assert [event for event, _ in driver.events if event.startswith("run.")] == ["run.paused", "run.resumed"]

    def test_holds_back_error_handlers_too(self) -> None:
        driver = driver_of(step("a"), step("h"), behaviours={"a": breaks()}, error_handlers={"a": "h"})
        driver.at(0.5, driver.pause)
        driver.at(5.0, driver.resume)
        driver.run()
        assert driver.started[-1].at == 1005.0

    def test_tells_only_what_changes(self) -> None:
        driver = driver_of(step("a"))
        driver.begin()
        for action in (driver.pause, driver.pause, driver.resume, driver.resume):
            action()
        assert [event["type"] for event in driver.runner.take_events()] == ["run.paused", "run.resumed"]

    def test_may_come_before_the_start(self) -> None:
        driver = driver_of(step("a"))
        driver.pause()
        driver.begin()
        assert (driver.started, driver.runner.finished) == ([], False)

    def test_a_paused_run_can_be_cancelled(self) -> None:
        driver = driver_of(step("a"), step("b", "a"))
        driver.at(0.5, driver.pause)
        driver.at(3.0, lambda: driver.stop(reason="enough"))
        assert driver.run().status == "cancelled"
        assert driver.told() == {"a": ("completed", ""), "b": ("cancelled", "enough")}


class TestCancel:
    def test_tells_running_steps_and_cancels_the_rest(self) -> None:
        driver = driver_of(
            step("a"), step("b", "a"), step("c", "b"), behaviours={"a": gives("kept"), "b": gives(1, seconds=60)}
        )
        driver.at(2.0, lambda: driver.stop(reason="not wanted"))
        ending = driver.run()
        assert driver.told() == {
            "a": ("completed", ""),
            "b": ("cancelled", "not wanted"),
            "c": ("cancelled", "not wanted"),
        }
        assert (ending.status, ending.output) == ("cancelled", {"a": "kept"})
        assert ending.error == {"message": "not wanted", "error_class": "cancelled"}
        assert [command for _, command in driver.commands if isinstance(command, CancelStep)] == [CancelStep("b")]
        assert ("run.cancelling", None) in driver.events

    def test_leaves_partial_results_out_when_they_are_not_wanted(self) -> None:
        driver = driver_of(step("a"), step("b", "a"), behaviours={"b": gives(1, seconds=60)})
        driver.at(2.0, lambda: driver.stop(save_partial=False))
        assert driver.run().output is None

    def test_a_step_that_ends_within_the_grace_period_has_completed(self) -> None:
        driver = driver_of(step("a"), step("b", "a"), behaviours={"a": gives("kept", seconds=5, deaf=True)})
        driver.at(2.0, driver.stop)
        ending = driver.run()
        assert driver.told() == {"a": ("completed", ""), "b": ("cancelled", "cancelled")}
        assert (ending.status, ending.output) == ("cancelled", {"a": "kept"})

    def test_what_has_not_ended_after_the_grace_period_is_abandoned_and_its_late_result_refused(self) -> None:
        slow = gives("late", seconds=60, deaf=True)
        driver = driver_of(step("a"), step("b"), step("c"), behaviours={"a": slow, "b": slow, "c": slow})
        driver.at(2.0, driver.stop)
        ending = driver.run()
        assert driver.now == 1012.0
        driver.runner.step_completed("a", StepResult(output="late"), 1060.0)
        driver.runner.step_failed("b", StepFailure(message="late"), 1060.0)
        driver.runner.step_cancelled("c", 1060.0)
        assert driver.told() == dict.fromkeys("abc", ("cancelled", "abandoned"))
        assert ending.output == {}
        assert not driver.runner.has_events

    def test_abandon_names_the_steps_given_up(self) -> None:
        driver = driver_of(step("a"), step("b"))
        driver.begin()
        driver.runner.stop("cancelled", driver.now)
        driver.runner.step_completed("a", StepResult(output=1), driver.now)
        assert driver.runner.abandon(driver.now) == ["b"]
        assert driver.runner.abandon(driver.now) == []

    def test_may_come_before_the_start(self) -> None:
        driver = driver_of(step("a"))
        driver.runner.stop("cancelled", driver.now, reason="changed my mind")
        assert not driver.runner.finished
        assert driver.run().status == "cancelled"
        assert driver.told() == {"a": ("cancelled", "changed my mind")}
        assert driver.started == []

    def test_too_late_changes_nothing(self) -> None:
        driver = driver_of(step("a"), behaviours={"a": gives("done", deaf=True)})
        driver.at(0.5, driver.stop)
        ending = driver.run()
        assert (ending.status, ending.output, ending.error) == ("completed", "done", None)

    def test_after_the_end_changes_nothing(self) -> None:
        driver = driver_of(step("a"), behaviours={"a": gives("done")})
        driver.begin()
        driver.advance()
        driver.stop()
        assert driver.runner.stopping is None

    def test_only_the_first_counts(self) -> None:
        driver = driver_of(step("a"), step("b", "a"), timeout=60)
        driver.at(0.25, lambda: driver.stop("cancelled", reason="first"))
        driver.at(0.3, lambda: driver.stop("timed_out", reason="second"))
        assert driver.run().error == {"message": "first", "error_class": "cancelled"}

    def test_a_step_that_has_ended_since_is_not_told(self) -> None:
        driver = driver_of(step("a"), step("b"))
        driver.begin()
        driver.runner.stop("cancelled", driver.now)
        driver.runner.step_completed("a", StepResult(output=1), driver.now)
        assert driver.runner.commands(driver.now) == [CancelStep("b")]

    def test_a_handler_that_was_needed_is_cancelled_and_the_failure_stands(self) -> None:
        driver = driver_of(
            step("a"), step("h"), step("b", "a"), step("c", "h"), behaviours={"a": breaks()}, error_handlers={"a": "h"}
        )
        driver.at(0.5, driver.pause)
        driver.at(2.0, lambda: driver.stop(reason="enough"))
        assert driver.run().status == "cancelled"
        assert driver.told() == {
            "a": ("failed", ""),
            "h": ("cancelled", "enough"),
            "b": ("skipped", "upstream_failed"),
            "c": ("cancelled", "enough"),
        }

    def test_a_running_handler_is_told(self) -> None:
        driver = driver_of(
            step("a"), step("h"), behaviours={"a": breaks(), "h": gives(1, seconds=60)}, error_handlers={"a": "h"}
        )
        driver.at(2.0, lambda: driver.stop(reason="enough"))
        assert driver.run().status == "cancelled"
        assert driver.told() == {"a": ("failed", ""), "h": ("cancelled", "enough")}

    def test_a_step_that_fails_within_the_grace_period_is_not_handled(self) -> None:
        failing = Behaviour(error="broken", seconds=3.0, deaf=True)
        driver = driver_of(step("a"), step("h"), behaviours={"a": failing}, error_handlers={"a": "h"})
        driver.at(2.0, lambda: driver.stop(reason="enough"))
        driver.run()
        assert driver.told() == {"a": ("failed", ""), "h": ("cancelled", "enough")}


class TestTimeout:
    def test_ends_the_run_and_keeps_what_completed(self) -> None:
        driver = driver_of(
            step("a"), step("b", "a"), behaviours={"a": gives(4), "b": gives(5, seconds=60)}, timeout="20s"
        )
        driver.at(20.0, lambda: driver.stop("timed_out", reason="the run's timeout is over"))
        ending = driver.run()
        assert (ending.status, ending.output) == ("timed_out", {"a": 4})
        assert ending.error == {
            "message": "the run took longer than its timeout of 20 seconds",
            "error_class": "run_timeout",
        }
        assert driver.told()["b"] == ("cancelled", "the run's timeout is over")


class TestFailFast:
    def test_cancels_what_does_not_depend_on_the_failed_step(self) -> None:
        driver = driver_of(
            step("a"),
            step("b"),
            step("c", "b"),
            step("d", "a", "c"),
            step("e", "d"),
            behaviours={"a": breaks("broken"), "b": gives(1, seconds=60)},
            fail_fast=True,
        )
        ending = driver.run()
        assert driver.told() == {
            "a": ("failed", ""),
            "b": ("cancelled", "step 'a' failed"),
            "c": ("cancelled", "step 'a' failed"),
            "d": ("skipped", "upstream_failed"),
            "e": ("skipped", "upstream_failed"),
        }
        assert ending.status == "failed"
        assert ending.error == {"message": "step 'a' failed: a failed", "error_class": "broken"}

    @pytest.mark.parametrize("recovered", [True, False])
    def test_waits_for_the_error_handler(self, recovered: bool) -> None:
        definition = workflow(step("a"), step("h"), step("b"), error_handlers={"a": "h"}, fail_fast=True)
        handled = gives({"recovered": recovered}, seconds=3.0)
        driver = drive(definition, {"a": breaks(), "h": handled, "b": gives(1, seconds=10.0)})
        assert driver.told()["b"] == (("completed", "") if recovered else ("cancelled", "step 'a' failed"))

    def test_tells_a_step_that_was_started_in_the_same_breath(self) -> None:
        driver = driver_of(step("a"), step("b", condition="input_data.missing"), fail_fast=True)
        driver.begin()
        assert [type(command) for command in driver.batches[0]] == [StartStep, CancelStep]
        while not driver.runner.finished:
            driver.advance()
        assert driver.runner.ending(driver.now).status == "failed"
        assert driver.told() == {"a": ("cancelled", "step 'b' failed"), "b": ("failed", "")}
