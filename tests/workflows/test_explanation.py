"""Why a step is where it is, by what the runner knows."""

from __future__ import annotations

from tests.workflows.driving import Behaviour, Driver, scripted
from tests.workflows.workflow_documents import breaks, gives, step, workflow
from workflows.explanation import explain, explanation


def begun(*steps: dict[str, object], behaviours: dict[str, Behaviour] | None = None, **fields: object) -> Driver:
    driver = Driver(workflow(*steps, **fields), scripted(behaviours or {}))
    driver.begin()
    return driver


def why(driver: Driver, step_id: str) -> tuple[str, list[str]]:
    told = explain(driver.runner, step_id)
    return told["why"], told["waits_for"]


def test_dependencies_that_have_not_ended_are_named() -> None:
    driver = begun(step("a"), step("b"), step("c", "a", "b"), behaviours={"b": gives(1, seconds=9)})
    assert why(driver, "a") == ("running", [])
    assert why(driver, "c") == ("dependencies", ["a", "b"])
    assert explain(driver.runner, "c")["message"] == "it waits for `a` and `b`"
    driver.advance()
    assert (why(driver, "a"), why(driver, "c")) == (("ended", []), ("dependencies", ["b"]))


def test_a_sequential_sibling_is_told_apart_from_a_dependency() -> None:
    driver = begun(step("a", execution_mode="sequential"), step("b", execution_mode="sequential"))
    assert why(driver, "b") == ("sequential", ["a"])


def test_a_pause_holds_back_only_what_could_start() -> None:
    driver = begun(step("a"), step("b", "a"), step("c", "b"))
    driver.pause()
    driver.advance()
    assert (why(driver, "b"), why(driver, "c")) == (("paused", []), ("dependencies", ["b"]))


def test_a_limit_names_what_runs() -> None:
    driver = begun(step("a"), step("b"), step("c"), max_parallel_steps=2)
    assert why(driver, "c") == ("parallel_limit", ["a", "b"])


def test_error_handlers_wait_for_a_failure() -> None:
    driver = begun(step("a"), step("h"), step("z", "a"), behaviours={"a": breaks()}, error_handlers={"a": "h"})
    assert why(driver, "h") == ("not_needed_yet", ["a"])
    driver.pause()
    driver.advance()
    assert why(driver, "a") == ("error_handler", ["h"])
    assert why(driver, "h") == ("paused", [])
    assert why(driver, "z") == ("dependencies", ["a"])


def test_a_run_that_is_being_ended_starts_nothing() -> None:
    driver = begun(step("a"), step("b", "a"))
    driver.stop(reason="enough")
    assert why(driver, "b") == ("stopping", [])
    assert "enough" in explain(driver.runner, "b")["message"]


def test_the_query_tells_of_all_that_has_not_ended() -> None:
    driver = begun(step("a"), step("b", condition="False"), step("c", "a"))
    assert [told["step_id"] for told in explanation(driver.runner)["steps"]] == ["a", "c"]
    (skipped,) = explanation(driver.runner, "b")["steps"]
    assert (skipped["why"], skipped["message"]) == ("ended", "it is skipped: condition")
    assert "did you mean `a`?" in explanation(driver.runner, "A")["error"]
    wide = begun(*[step(f"s{n}") for n in range(600)])
    told = explanation(wide.runner)
    assert (len(told["steps"]), told["more"]) == (500, 100)
