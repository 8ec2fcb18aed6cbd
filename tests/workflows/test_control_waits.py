"""Waits, events, approvals and workflows as steps."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.calls import MOST_RUNS_ABOVE
from definitions.errors import DecisionRefused, EventRefused
from definitions.messages import StartChild
from definitions.values import unpack
from tests.workflows.driving import START, Behaviour, Driver, scripted
from tests.workflows.workflow_documents import drive, gives, step, workflow
from workflows.explanation import explain
from workflows.waits import MAX_EVENT_BYTES, MAX_EVENTS


def wait(what: Any, step_id: str = "pause", **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "wait": what, **fields}


def ask(step_id: str = "ask", depends_on: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {"id": step_id, "depends_on": list(depends_on), "approval": {"message": "is it?", **fields}}


def begun(*steps: dict[str, Any], **options: Any) -> Driver:
    driver = Driver(workflow(*steps), scripted({}), **options)
    driver.begin()
    return driver


def finished(driver: Driver) -> Any:
    """Let the run that was begun come to its end."""
    driver.at(driver.now - START, lambda: None)
    while not driver.runner.finished:
        driver.advance()
    return driver.runner.ending(driver.now)


def error_class(driver: Driver, step_id: str) -> str | None:
    error = driver.runner.state.steps[step_id].error
    return error["error_class"] if error is not None else None


def waiting_for(driver: Driver, step_id: str) -> str:
    return driver.runner.state.steps[step_id].waiting_for


# -- times ------


def test_a_wait_takes_its_time() -> None:
    driver = drive(workflow(wait("10m"), step("after", "pause")))
    assert driver.started[0].at == START + 600
    assert driver.told()["pause"] == ("completed", "")


@pytest.mark.parametrize(
    ("until", "seconds"),
    [("1970-01-01T00:17:40Z", 60), ("${input_data.when}", 120), ("1970-01-01T00:00:00+00:00", 0)],
)
def test_a_wait_until_a_moment_ends_then_or_at_once(until: str, seconds: float) -> None:
    driver = drive(
        workflow(wait({"until": until}), step("after", "pause")), run_input={"when": "1970-01-01T01:18:40+01:00"}
    )
    assert driver.started[0].at == START + seconds


@pytest.mark.parametrize("never", ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-05:00"])
def test_the_last_moment_of_all_is_waited_for_as_long_as_can_be(never: str) -> None:
    driver = begun(wait({"until": "${input_data.when}"}), run_input={"when": never})
    assert waiting_for(driver, "pause") == "until 2070-03-17T00:16:40+00:00"
    assert explain(driver.runner, "pause")["why"] == "timer"


@pytest.mark.parametrize("when", ["soon", "2026-07-02 22:00", None, 7])
def test_what_is_no_moment_fails_the_wait(when: Any) -> None:
    driver = drive(workflow(wait({"until": "${input_data.when}"})), run_input={"when": when})
    assert driver.told()["pause"][0] == "failed"


def test_it_is_told_what_is_waited_for() -> None:
    driver = begun(wait("10m"), wait({"event": "go"}, "event"), ask())
    assert waiting_for(driver, "pause") == "until 1970-01-01T00:26:40+00:00"
    assert waiting_for(driver, "event") == "event:go"
    assert waiting_for(driver, "ask") == "approval"
    driver.send("go")
    assert waiting_for(driver, "event") == ""


# -- events ------


def test_an_event_gives_its_data() -> None:
    driver = Driver(
        workflow(wait({"event": "go"}), step("a", "pause", input={"got": "${pause.result.x}"})), scripted({})
    )
    driver.at(5, lambda: driver.send("other", 1))
    driver.at(9, lambda: driver.send("go", {"x": [1, 2]}))
    driver.run()
    assert driver.started[0].at == START + 9
    assert driver.started[0].call.input == {"got": [1, 2]}
    assert driver.events.count(("event.received", None)) == 2


def test_events_are_kept_until_something_waits_for_them() -> None:
    driver = Driver(
        workflow(step("slow"), wait({"event": "go"}, depends_on=["slow"])), scripted({"slow": gives(1, 50)})
    )
    driver.at(1, lambda: driver.send("go", "first"))
    driver.at(2, lambda: driver.send("go", "second"))
    assert driver.run().output == "first"
    assert driver.runner.state.events == {"go": ["second"]}


def test_an_event_with_a_known_id_is_no_other_event() -> None:
    driver = begun(wait({"event": "go"}, "one"), wait({"event": "go"}, "two"))
    driver.send("go", 1, "id-1")
    driver.send("go", 2, "id-1")
    assert driver.told() == {"one": ("completed", ""), "two": ("running", "")}
    driver.send("go", 2, "id-2")
    assert finished(driver).output == {"one": 1, "two": 2}


def test_the_wait_that_began_first_takes_the_first_event() -> None:
    driver = Driver(
        workflow(step("a"), wait({"event": "go"}, "late", depends_on=["a"]), wait({"event": "go"}, "early")),
        scripted({}),
    )
    driver.at(5, lambda: driver.send("go", 1))
    driver.at(6, lambda: driver.send("go", 2))
    assert driver.run().output == {"late": 2, "early": 1}


def test_more_events_than_fit_are_refused() -> None:
    driver = begun(wait({"event": "go"}))
    for number in range(MAX_EVENTS):
        driver.send("other", number)
    with pytest.raises(EventRefused, match="no step has taken"):
        driver.send("other")
    driver.send("go", "x")
    assert finished(driver).output == "x"
    large = begun(wait({"event": "go"}))
    large.send("other", "x" * (MAX_EVENT_BYTES // 2))
    with pytest.raises(EventRefused, match="larger"):
        large.send("other", "x" * (MAX_EVENT_BYTES // 2))


@pytest.mark.parametrize("name", ["", "x" * 201, 7])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(EventRefused, match="name"):
        begun(wait({"event": "go"})).send(name)


def test_a_run_that_is_over_takes_no_events() -> None:
    driver = drive(workflow(step("a")))
    with pytest.raises(EventRefused, match="over"):
        driver.send("go")


@pytest.mark.parametrize(("on_timeout", "told"), [("fail", "failed"), ("continue", "completed")])
def test_an_event_may_take_its_time_and_no_more(on_timeout: str, told: str) -> None:
    driver = drive(workflow(wait({"event": "go", "timeout": "1h", "on_timeout": on_timeout}), step("b", "pause")))
    assert driver.now >= START + 3_600
    assert driver.told()["pause"][0] == told
    assert error_class(driver, "pause") == ("timeout" if told == "failed" else None)


# -- approvals ------


def test_an_approval_gives_who_when_and_what() -> None:
    driver = Driver(
        workflow(step("draft"), ask(depends_on=("draft",), values={"text": "${draft.result}", "to": "all"})),
        scripted({"draft": gives("hello")}),
    )
    driver.at(30, lambda: driver.decide("ask", by="ann", comment="fine", values={"to": "some"}))
    assert driver.run().output == {
        "approved": True,
        "by": "ann",
        "at": "1970-01-01T00:17:10+00:00",
        "comment": "fine",
        "values": {"text": "hello", "to": "some"},
    }
    assert [event for event, _ in driver.events if event.startswith("approval")] == [
        "approval.requested",
        "approval.decided",
    ]


def test_open_approvals_are_told() -> None:
    driver = begun(ask(approvers=["ann"], values={"n": 1}, timeout="1h", form={"type": "object"}), run_input={})
    assert driver.runner.approvals == [
        {
            "step_id": "ask",
            "message": "is it?",
            "approvers": ["ann"],
            "values": {"n": 1},
            "slots": [],
            "form": {"type": "object"},
            "requested_at": START,
            "expires_at": START + 3_600,
        }
    ]


@pytest.mark.parametrize(("on_reject", "told"), [("fail", "failed"), ("continue", "completed")])
def test_a_rejection_fails_the_step_or_is_its_result(on_reject: str, told: str) -> None:
    driver = begun(ask(on_reject=on_reject))
    driver.decide("ask", False, by="ann", comment="no")
    assert driver.told()["ask"][0] == told
    if told == "failed":
        assert error_class(driver, "ask") == "rejected"
    else:
        assert driver.runner.state.outputs["ask"]["approved"] is False


@pytest.mark.parametrize(
    ("on_timeout", "told", "approved"),
    [("fail", "failed", None), ("approve", "completed", True), ("reject", "failed", None)],
)
def test_without_an_answer_it_is_as_the_approval_says(on_timeout: str, told: str, approved: bool | None) -> None:
    driver = drive(workflow(ask(timeout=60, on_timeout=on_timeout)))
    assert driver.now == START + 60
    assert driver.told()["ask"][0] == told
    assert error_class(driver, "ask") == {"fail": "timeout", "reject": "rejected"}.get(on_timeout)
    if approved is not None:
        assert driver.runner.state.outputs["ask"]["approved"] is approved
        assert driver.runner.state.outputs["ask"]["by"] == ""


FORM = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 10}}, "required": ["amount"]}


@pytest.mark.parametrize(
    ("path", "said", "code"),
    [
        ("asc", {}, "not_an_approval"),
        ("pause", {}, "not_an_approval"),
        ("ask", {"by": "bob"}, "not_an_approver"),
        ("ask", {"by": "ann", "values": {"amount": 11}}, "values_invalid"),
        ("ask", {"by": "ann", "values": {"amount": "much"}}, "values_invalid"),
        ("ask", {"by": "ann", "values": {"amount": float("nan")}}, "values_invalid"),
        ("free", {"values": {"other": 1}}, "values_invalid"),
    ],
)
def test_answers_that_can_not_be_taken_change_nothing(path: str, said: dict[str, Any], code: str) -> None:
    driver = begun(wait("1h"), ask(approvers=["ann"], values={"amount": 5}, form=FORM), ask("free", values={"a": 1}))
    with pytest.raises(DecisionRefused) as refused:
        driver.decide(path, **said)
    assert refused.value.code == code
    assert len(driver.runner.approvals) == 2
    driver.decide("ask", by="ann", values={"amount": 10})
    assert driver.runner.state.outputs["ask"]["values"] == {"amount": 10}
    with pytest.raises(DecisionRefused):
        driver.decide("ask", by="ann")


def test_each_iteration_asks_for_itself() -> None:
    driver = begun(
        {
            "id": "docs",
            "loop": {
                "iterate_over": ["a", "b"],
                "parallel": True,
                "steps": [ask(values={"of": "${loop.current_item}"})],
            },
        }
    )
    assert [each["step_id"] for each in driver.runner.approvals] == ["docs[0].ask", "docs[1].ask"]
    driver.decide("docs[1].ask", by="x")
    assert [each["step_id"] for each in driver.runner.approvals] == ["docs[0].ask"]
    driver.decide("docs[0].ask", by="y")
    assert [each["by"] for each in finished(driver).output] == ["y", "x"]


# -- workflows ------


def test_a_workflow_is_started_like_an_activity() -> None:
    made = workflow(
        {"id": "child", "workflow": {"name": "other", "version": "2"}, "input": {"n": "${input_data.n}"}},
        step("after", "child", input={"got": "${child.result}"}),
    )
    driver = drive(made, run_input={"n": 3})
    [command] = [each for _, each in driver.commands if isinstance(each, StartChild)]
    call = command.call
    assert (command.activity_id, call.step_id, call.start, call.workflow, call.version) == (
        "child",
        "child",
        1,
        "other",
        "2",
    )
    assert (call.execution_id, call.depth, unpack(call.input, call.slots)) == ("exec_test", 1, {"n": 3})
    assert driver.started[0].call.input == {"got": {"n": 3}}


def test_a_workflow_counts_as_a_step_that_runs() -> None:
    made = workflow(*({"id": f"c{n}", "workflow": {"name": "other"}} for n in range(4)), max_parallel_steps=2)
    driver = drive(made, children=lambda _call: Behaviour(seconds=10))
    assert driver.now == START + 20


def test_the_error_of_a_workflow_is_that_of_its_step() -> None:
    driver = drive(
        workflow(
            {"id": "docs", "loop": {"iterate_over": [1], "steps": [{"id": "child", "workflow": {"name": "other"}}]}}
        ),
        children=lambda _call: Behaviour(error="broken"),
    )
    error = driver.runner.state.steps["docs"].error
    assert error is not None
    assert (error["error_class"], error["at"]) == ("broken", "docs[0].child")


def test_workflows_are_nested_ten_levels_at_most() -> None:
    made = workflow({"id": "child", "workflow": {"name": "other"}})
    assert drive(made, depth=MOST_RUNS_ABOVE - 1).told()["child"] == ("completed", "")
    driver = drive(made, depth=MOST_RUNS_ABOVE)
    assert error_class(driver, "child") == "too_deep"
    assert not any(isinstance(each, StartChild) for _, each in driver.commands)


def test_a_workflow_may_handle_an_error() -> None:
    made = workflow(step("a"), {"id": "rescue", "workflow": {"name": "other"}}, error_handlers={"a": "rescue"})
    driver = drive(made, {"a": Behaviour(error="broken")}, children=lambda _call: Behaviour(output={"recovered": True}))
    assert driver.told() == {"a": ("completed", "recovered"), "rescue": ("completed", "")}


def test_an_approval_may_handle_an_error() -> None:
    driver = Driver(
        workflow(step("a"), step("b"), ask(), error_handlers={"a": "ask", "b": "ask"}),
        scripted({"a": Behaviour(error="broken"), "b": Behaviour(error="broken")}),
    )
    driver.at(5, lambda: driver.decide("ask"))
    driver.at(7, lambda: driver.decide("ask"))
    assert driver.run().status == "failed"
    assert driver.told() == {"a": ("failed", ""), "b": ("failed", ""), "ask": ("completed", "")}
