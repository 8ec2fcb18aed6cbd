"""Random definitions, and what their steps do."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from definitions.calls import StepCall
from definitions.model import Definition, Step
from definitions.validation import load
from tests.workflows.driving import Behaviour
from tests.workflows.reference import needs

MAX_STEPS = 25
VALUES = (0, 1, 3, True, "", "a", "${s0.result}", None, (), (1, 2), {"y": 2})
RUN_INPUT = {"n": 3, "name": "run", "none": None}

CONDITIONS = (
    "step_outputs['{a}']['x']",
    "not step_outputs['{a}']['x']",
    "step_outputs['{a}']['n'] > 0",
    "step_outputs['{a}']['n'] > step_outputs['{b}']['n']",
    "step_outputs['{a}']['x'] == step_outputs['{b}']['x']",
    "step_outputs['{a}']['x'] == None",
    "step_outputs['{a}']['x'] > 0",
    "step_outputs['{a}']['missing']['more']",
    "len(step_outputs['{a}']['x']) > 0",
    "10 / step_outputs['{a}']['n'] > 3",
    "step_outputs.get('{a}', {{}}).get('n', 0) > 0",
    "step_outputs.get('{a}') == None",
    "${{{a}.result.n}} >= 1",
    "${{{a}.result.missing}} == 1",
    "'{a}' in step_outputs and '{b}' not in step_outputs",
    "'{a}' in step_outputs or step_outputs['{b}']['x']",
    "input_data['n'] > 2 and step_outputs['{a}']['n'] < 5",
)
PLAIN_CONDITIONS = ("input_data.n > 2", "input_data.n > 3", "input_data.missing", "input_data.get('missing') == None")
REFERENCES = (
    "${{{a}.result.n}}",
    "${{{a}.result.x}}",
    "${{{a}.result.seen}}",
    "${{step_outputs.{a}.n}}",
    "x=${{{a}.result.x}}, n=${{{b}.result.n}}; $${{{a}.result}}",
    "${{{a}.result.missing}}",
)
WHOLE_REFERENCES = ("${{{a}.result}}", "all of ${{{a}.result}}")
PLAIN_REFERENCES = (
    "${workflow.input.n}",
    "${input_data.name} runs",
    "${input_data.none}",
    "${input_data.missing}",
    "plain",
)

Act = Callable[[StepCall], tuple[bool, Any]]


@dataclass(frozen=True)
class Case:
    """A definition, and what each of its steps does."""

    definition: Definition
    kinds: Mapping[str, str]
    """`completes`, `fails`, `recovers` or `notifies`."""
    values: Mapping[str, tuple[Any, int]]
    seconds: Mapping[str, int]

    def __repr__(self) -> str:
        shown = self.definition.model_dump(exclude_defaults=True, mode="json")
        return f"Case({json.dumps(shown)}, {self.kinds}, {self.values}, {self.seconds})"

    def act(self, call: StepCall) -> tuple[bool, Any]:
        """Whether the step completes, and its output or error class; the output tells exactly what its input was."""
        kind = self.kinds[call.step_id]
        if kind == "fails":
            return False, f"{call.step_id}_broke"
        given = call.input
        if isinstance(given, dict) and "error" in given:
            error = {key: given["error"][key] for key in ("step_id", "error_class")}
            given = {**given, "error": error}
        x, n = self.values[call.step_id]
        seen = zlib.crc32(json.dumps(given, sort_keys=True).encode())
        output = {"x": json.loads(json.dumps(x)), "n": n, "seen": seen}
        if kind in ("recovers", "notifies"):
            output["recovered"] = True if kind == "recovers" else 1
        return True, output

    def behave(self, call: StepCall) -> Behaviour:
        """The same as a script for the driver."""
        completes, value = self.act(call)
        seconds = float(self.seconds[call.step_id])
        if completes:
            return Behaviour(output=value, seconds=seconds)
        return Behaviour(error=value, seconds=seconds)


@st.composite
def cases(draw: st.DrawFn, *, fail_fast: bool = False) -> Case:
    """Valid definitions of up to `MAX_STEPS` steps, listed in any order."""
    count = draw(st.integers(1, MAX_STEPS))
    ids = [f"s{index}" for index in range(count)]
    error_handlers = _error_handlers(draw, ids)
    handled: dict[str, list[str]] = {}
    for failing, handler in error_handlers.items():
        handled.setdefault(handler, []).append(failing)
    often_failing = draw(st.booleans())
    kinds = {
        step_id: draw(st.sampled_from(_kinds(step_id, handled, error_handlers, often_failing=often_failing)))
        for step_id in ids
    }
    above: dict[str, set[str]] = {}
    documents: dict[str, dict[str, Any]] = {}
    for index, step_id in enumerate(ids):
        if step_id in handled:
            usable = sorted(set.intersection(*(above[failing] for failing in handled[step_id])))
            declarable = handled[step_id]
        else:
            # What a handler of several steps returned last depends on timing.
            usable = declarable = [other for other in ids[:index] if len(handled.get(other, ())) < 2]
        document = _step(draw, step_id, usable, declarable)
        if step_id in handled and document["handler"] is None:
            kinds[step_id] = "completes"
        documents[step_id] = document
        direct = needs(Step.model_validate(document))
        above[step_id] = direct.union(
            *(above[other] for other in direct), *(above[h] for h in handled.get(step_id, ()))
        )
    document = {
        "name": "random",
        "steps": [documents[step_id] for step_id in draw(st.permutations(ids))],
        "error_handlers": error_handlers,
        "max_parallel_steps": draw(st.none() | st.integers(1, 4)),
        "fail_fast": fail_fast,
    }
    return Case(
        definition=load(document),
        kinds=kinds,
        values={step_id: (draw(st.sampled_from(VALUES)), draw(st.sampled_from((0, 1, 5)))) for step_id in ids},
        seconds={step_id: draw(st.integers(0, 5)) for step_id in ids},
    )


def _error_handlers(draw: st.DrawFn, ids: list[str]) -> dict[str, str]:
    """Some steps handle the failures of others that come before them; no step does both."""
    error_handlers: dict[str, str] = {}
    for index, step_id in enumerate(ids):
        free = [other for other in ids[:index] if other not in error_handlers and other not in error_handlers.values()]
        if free and step_id not in error_handlers and draw(st.integers(0, 3)) == 0:
            for failing in draw(st.lists(st.sampled_from(free), min_size=1, max_size=3, unique=True)):
                error_handlers[failing] = step_id
    return error_handlers


def _kinds(
    step_id: str, handled: Mapping[str, Any], error_handlers: Mapping[str, str], *, often_failing: bool
) -> tuple[str, ...]:
    if step_id in handled:
        return ("recovers", "recovers", "notifies", "fails")
    if step_id in error_handlers:
        return ("fails", "completes")
    return ("completes", "completes", "completes", "fails") if often_failing else ("completes",)


def _step(draw: st.DrawFn, step_id: str, usable: list[str], declarable: list[str]) -> dict[str, Any]:
    milestone = draw(st.integers(0, 6)) == 0
    document: dict[str, Any] = {
        "id": step_id,
        "handler": None if milestone else "test.handler",
        "execution_mode": draw(st.sampled_from(("parallel", "parallel", "sequential"))),
    }
    if declarable:
        document["depends_on"] = draw(st.lists(st.sampled_from(declarable), max_size=3, unique=True))
    condition = _text(draw, usable, CONDITIONS, PLAIN_CONDITIONS) if draw(st.integers(0, 2)) == 0 else None
    if condition is not None:
        document["condition"] = condition
    if draw(st.booleans()):
        patterns = REFERENCES if milestone else REFERENCES + WHOLE_REFERENCES
        document["input"] = {"first": _text(draw, usable, patterns, PLAIN_REFERENCES)}
        if draw(st.booleans()):
            document["input"]["more"] = [{"second": _text(draw, usable, patterns, PLAIN_REFERENCES)}, 7]
    return document


def _text(draw: st.DrawFn, usable: list[str], patterns: tuple[str, ...], plain: tuple[str, ...]) -> str:
    if not usable or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(plain))
    a, b = draw(st.sampled_from(usable)), draw(st.sampled_from(usable))
    return draw(st.sampled_from(patterns)).format(a=a, b=b)
