"""The examples of control steps in docs/definitions.md do what the page says of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from definitions import validation
from definitions.files import parse_document
from engine.mock.responses import read_responses
from engine.mock.run import MockRun, mock_run

PAGE = (Path(__file__).parents[3] / "docs" / "definitions.md").read_text()
EXAMPLES = {
    document["name"]: document
    for example in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for document in [parse_document(example, ".yaml")]
}


def run(name: str, run_input: Any = None, **responses: Any) -> MockRun:
    definition = validation.load(EXAMPLES[name])
    return mock_run(definition, read_responses(responses, definition), run_input or {})


def given(made: MockRun, step_id: str) -> Any:
    return next(attempt.input for attempt in made.attempts if attempt.step_id == step_id)


@pytest.mark.parametrize(("kg", "taken"), [(30, "route.truck"), (3, "route.bike")])
def test_branch(kg: int, taken: str) -> None:
    made = run("branch", steps={"weigh": {"output": {"kg": kg}}, taken: {"output": "sent"}})
    assert [attempt.step_id for attempt in made.attempts] == ["weigh", taken, "confirm"]
    assert given(made, "confirm") == {"sent": "sent"}


def test_loop() -> None:
    made = run(
        "loop",
        steps={
            "find": {"output": {"urls": ["a", "b", "c"]}},
            "pages[1].read": {"always_fails": "not_found"},
            "sum_up": {"output": "short"},
        },
    )
    assert made.status == "completed"
    assert given(made, "pages[2].read") == {"url": "c", "number": 2}
    assert given(made, "report") == {"summaries": ["short", None, "short"]}


def test_loop_while() -> None:
    scores = [0.5, 0.75, 0.95]
    steps = {f"improve[{number}].train": {"output": {"score": score}} for number, score in enumerate(scores)}
    made = run("loop_while", steps=steps)
    assert [attempt.input["before"] for attempt in made.attempts] == [None, {"score": 0.5}, {"score": 0.75}]
    endless = run("loop_while", default={"output": {"score": 0}}).error or {}
    assert endless.get("error_class") == "too_many_iterations"


def test_parallel() -> None:
    made = run("parallel", default={"output": "ok", "seconds": 60})
    assert made.output == {"spelling": "ok", "links": "ok", "images": "ok"}
    assert made.seconds == 120


def test_workflow() -> None:
    made = run("workflow", {"customer": 7}, workflows={"write_invoice": {"output": "no. 1"}})
    assert given(made, "invoice") == {"customer": 7}
    assert given(made, "send") == {"invoice": "no. 1"}


def test_wait() -> None:
    opens = {"opens_at": "1970-01-01T06:00:01Z"}
    paid = run("wait", opens, events=[{"name": "paid", "after": "1h", "data": {"amount": 5}}])
    assert (given(paid, "ship"), paid.seconds) == ({"amount": 5}, 6 * 3_600)
    unpaid = run("wait", opens)
    assert unpaid.seconds == 6 * 3_600 + 2 * 86_400
    assert unpaid.steps["ship"]["status"] == "skipped"


def test_approval() -> None:
    quote = {"quote": {"output": {"customer": "Ann", "discount": 10}}}
    given_ = run(
        "approval", steps=quote, approvals={"approve": {"by": "bob", "values": {"discount": 5}, "after": "1h"}}
    )
    assert given(given_, "offer") == {"discount": 5, "approved_by": "bob"}
    late = run("approval", steps=quote, approvals={"approve": {"approved": None}})
    assert (late.status, late.seconds, late.steps["offer"]["status"]) == ("completed", 2 * 86_400, "skipped")
