"""`input_mapping`: what starts with `step_outputs.`, `input_data.` or `context.` is a reference, all else is static."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.errors import Problem, ReferenceInvalid
from definitions.json_values import field_path
from definitions.references import located_strings, read_reference
from definitions.values import Path

ROOTS = ("step_outputs.", "input_data.", "context.")


def core_input(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as the core's `input`."""
    return {name: _core_value(value) for name, value in mapping.items()}


def mapping_problems(mapping: Mapping[Any, Any], at: Path) -> list[Problem]:
    """What is wrong with its references; `at` is where it stands in the document."""
    problems = []
    for name, value in mapping.items():
        if is_reference(value) and not _readable(value):
            shown = value if len(value) <= 80 else f"{value[:80]}..."
            message = f"`{shown}` can't be read as a reference, which is what starts with {', '.join(ROOTS)}"
            remedy = "write e.g. step_outputs.step_id.key, input_data.key or context.key"
            problems.append(Problem("bad_reference", field_path((*at, name)), message, remedy))
    return problems


def is_reference(value: Any) -> bool:
    """Whether it is meant as one."""
    return isinstance(value, str) and value.startswith(ROOTS)


def _core_value(value: Any) -> Any:
    if is_reference(value):
        # One that can't be read is told about already (`mapping_problems`): here it only must not hide other problems.
        return f"${{{value}}}" if _readable(value) else None
    return _escaped(value) if next(located_strings(value), None) is not None else value


def _readable(value: str) -> bool:
    text = f"${{{value}}}"
    try:
        _, end = read_reference(text)
    except ReferenceInvalid:
        return False
    return end == len(text)


def _escaped(value: Any) -> Any:
    """Static, whatever it contains: the core would look for references in it."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return value
