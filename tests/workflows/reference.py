"""What a definition means, said as simply as can be: every step is looked at again and again until nothing changes.

Written from the rules, sharing no code with the runner or the expression compiler. Only for what does not depend on
timing: no `fail_fast`, no context, no stops; a handler of several steps ends as it ended for one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from definitions.calls import StepCall
from definitions.model import Definition, Step

Act = Callable[[StepCall], tuple[bool, Any]]
"""What a step does: whether it completes, and its output or its error class."""

_INPUT_REFERENCE = re.compile(r"\$\$\{|\$\{(?:step_outputs\.)?([A-Za-z_]\w*)((?:\.\w+)*)\}")
"""Or a `$${`, which stands for a plain `${`."""
_CONDITION_STEP = re.compile(
    r"step_outputs\['(\w+)'\]|step_outputs\.get\('(\w+)'|\$\{(\w+)\.result|'(\w+)' (?:not )?in step_outputs"
)
_NOT_STEPS = ("input_data", "workflow", "context")


@dataclass
class Told:
    """How the reference says that a step ends."""

    status: str
    reason: str = ""
    error_class: str = ""
    output: Any = None


@dataclass
class Reference:
    """How the reference says that a run ends."""

    steps: dict[str, Told] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    handled: dict[str, list[Told]] = field(default_factory=dict)
    """How each error handler ended for each of the steps that it was started for."""
    status: str = ""
    result: Any = None


def reference(definition: Definition, act: Act, run_input: Any) -> Reference:
    """The outcome of a run."""
    return _Run(definition, act, run_input).to_the_end()


def refers_to(step: Step) -> set[str]:
    """The steps that a step's input refers to."""
    found = {match[1] for match in _INPUT_REFERENCE.finditer(json.dumps(dict(step.input or {})))}
    return {name for name in found if name and name not in _NOT_STEPS}


def needs(step: Step) -> set[str]:
    """Everything that a step waits for."""
    conditions = {name for match in _CONDITION_STEP.findall(step.condition or "") for name in match if name}
    return set(step.depends_on) | refers_to(step) | conditions


class _Unresolved(Exception):
    pass


class _Nothing:
    """A path through a skipped step."""

    def __getitem__(self, key: object) -> _Nothing:
        return self

    def get(self, key: object, default: Any = None) -> Any:
        return default

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, _Nothing)

    __hash__ = None  # type: ignore[assignment]


class _Outputs(dict[str, Any]):
    def __missing__(self, step_id: str) -> _Nothing:
        return _Nothing()

    def get(self, step_id: str, default: Any = None) -> Any:
        found = super().get(step_id)
        return default if found is None else found


class _Fields(dict[str, Any]):
    def __getattr__(self, key: str) -> Any:
        return self[key]


class _Run:
    def __init__(self, definition: Definition, act: Act, run_input: Any) -> None:
        self._definition = definition
        self._by_id = {step.id: step for step in definition.steps}
        self._handlers = set(definition.error_handlers.values())
        self._act = act
        self._input = run_input
        self._out = Reference()

    def to_the_end(self) -> Reference:
        out = self._out
        changed = True
        while changed:
            changed = False
            for step in self._definition.steps:
                if step.id not in out.steps and self._look_at(step):
                    changed = True
        assert set(out.steps) == set(self._by_id)
        out.status = "failed" if any(told.status == "failed" for told in out.steps.values()) else "completed"
        if out.status == "completed":
            out.result = self._result()
        return out

    def _look_at(self, step: Step) -> bool:
        """Whether the step has ended now."""
        steps = self._out.steps
        if step.id in self._handlers:
            handled = [failing for failing, handler in self._definition.error_handlers.items() if handler == step.id]
            if not all(failing in steps for failing in handled):
                return False
            ended = self._out.handled.get(step.id, [])
            steps[step.id] = ended[-1] if ended else Told("skipped", "not_needed")
            return True
        required = needs(step)
        if not all(other in steps for other in required):
            return False
        steps[step.id] = self._ended(step, required)
        return True

    def _ended(self, step: Step, required: set[str]) -> Told:
        steps = self._out.steps
        for other in required:
            if steps[other].status == "failed" or steps[other].reason == "upstream_failed":
                return Told("skipped", "upstream_failed")
        data = refers_to(step)
        if data and all(steps[other].status == "skipped" for other in data):
            return Told("skipped", "upstream_skipped")
        told = self._tried(step, None)
        handler = self._definition.error_handlers.get(step.id)
        if told.status == "failed" and handler is not None:
            recovery = self._tried(self._by_id[handler], (step.id, told.error_class))
            self._out.handled.setdefault(handler, []).append(recovery)
            output = recovery.output
            if isinstance(output, dict) and output.get("recovered") is True:
                self._out.outputs[step.id] = output
                return Told("completed", "recovered")
        return told

    def _tried(self, step: Step, error: tuple[str, str] | None) -> Told:
        """The step run, after its condition and its references."""
        try:
            if step.condition is not None and not self._holds(step.condition):
                return Told("skipped", "condition")
        except (TypeError, LookupError, ZeroDivisionError):
            return Told("failed", error_class="condition_error")
        try:
            given = None if step.input is None else self._resolved(dict(step.input))
        except _Unresolved:
            return Told("failed", error_class="reference_error")
        if step.handler is None:
            self._out.outputs[step.id] = given
            return Told("completed", output=given)
        if given is None:
            given = self._input
        if error is not None:
            given = {**given, "error": {"step_id": error[0], "error_class": error[1]}}
        completes, value = self._act(StepCall("", step.id, step.handler, given))
        if not completes:
            return Told("failed", error_class=value)
        self._out.outputs[step.id] = value
        return Told("completed", output=value)

    def _holds(self, condition: str) -> bool:
        code = re.sub(r"\$\{(\w+)\.result((?:\.\w+)*)\}", _as_python, condition)
        names = {"step_outputs": _Outputs(self._out.outputs), "input_data": _Fields(self._input)}
        return bool(eval(code, {"__builtins__": {"len": len}}, names))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = _INPUT_REFERENCE.fullmatch(value)
        if whole and whole[1]:
            return self._looked_up(whole)
        return _INPUT_REFERENCE.sub(lambda match: _joined(self._looked_up(match)) if match[1] else "${", value)

    def _looked_up(self, match: re.Match[str]) -> Any:
        root, *path = f"{match[1]}{match[2]}".split(".")
        if root in ("input_data", "workflow"):
            value = self._input
            path = path[1:] if root == "workflow" else path
        else:
            path = path[1:] if match[0].startswith(f"${{{root}.result") else path
            if root not in self._out.outputs:
                return None
            value = self._out.outputs[root]
        for key in path:
            if not isinstance(value, dict) or key not in value:
                raise _Unresolved
            value = value[key]
        return value

    def _result(self) -> Any:
        inner = {other for step in self._definition.steps if step.id not in self._handlers for other in needs(step)}
        sinks = [step.id for step in self._definition.steps if step.id not in inner | self._handlers]
        if len(sinks) == 1:
            return self._out.outputs.get(sinks[0])
        return {step_id: self._out.outputs.get(step_id) for step_id in sinks}


def _as_python(match: re.Match[str]) -> str:
    return f"step_outputs['{match[1]}']" + "".join(f"['{key}']" for key in match[2].split(".") if key)


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
