"""`prompt_template`: `{name}` is a parameter or an upstream step's result, `{step.key}` what is in one; `{{` is `{`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from api.scheduling.wire import MOST_CHARACTERS, WorkflowStep
from definitions.errors import Problem

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_REST = re.compile(r"(?:\.[\w-]+)*")


def prompt_reference(step: WorkflowStep, steps: Mapping[str, str], path: str, problems: list[Problem]) -> str:
    """A step's prompt in the core's words: parameters filled in, results of other steps as references. `steps`: name ->
    id. What is neither is added to `problems`."""
    template, parameters = step.prompt_template, step.parameters

    def filled(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        name = match[1].strip()
        if name in parameters:
            value = parameters[name]
            return str(literal(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        for length in _lengths(name):
            other, rest = name[:length], name[length:]
            if other in steps and other != step.step_name and _REST.fullmatch(rest):
                return f"${{{steps[other]}.result{rest}}}"
        message = f"`{{{name[:80]}}}` is neither a parameter nor a step"
        remedy = "add it to `parameters`, or write `{{` for a brace that is meant as one"
        problems.append(Problem("unknown_placeholder", path, message, remedy))
        return ""

    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        parts += [literal(template[end : match.start()]), filled(match)]
        end = match.end()
    return "".join([*parts, literal(template[end:])])


def _lengths(name: str) -> Iterator[int]:
    """How much of it may be the name of a step, which may hold dots; the longest first."""
    yield len(name)
    yield from (place for place in range(min(len(name) - 1, MOST_CHARACTERS), 0, -1) if name[place] == ".")


def literal(value: Any) -> Any:
    """The same to the letter once references are looked up: nothing in it is one."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [literal(item) for item in value]
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    return value
