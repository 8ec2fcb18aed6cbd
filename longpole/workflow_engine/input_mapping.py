"""`input_mapping`: what starts with `step_outputs.`, `input_data.` or `context.` is a reference, all else is static."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from definitions.errors import Problem, ReferenceInvalid
from definitions.json_values import field_path
from definitions.references import Reference, find_references, located_strings, only_reference, read_reference
from definitions.values import Path

ROOTS = ("step_outputs.", "input_data.", "context.")
_ROOT_OF = {"step": "step_outputs", "input_data": "input_data", "context": "context"}
"""The core's roots under the document's names."""
_DOTTED = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def core_input(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as the core's `input`."""
    return {name: _core_value(value) for name, value in mapping.items()}


def documented_mapping(core: Mapping[str, Any]) -> dict[str, Any]:
    """The core's `input` as a mapping. What a mapping can't say (text with references in it, references to anything
    else) stays as it is."""
    return {name: _documented_value(value) for name, value in core.items()}


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
    return _replaced(value, "${", "$${") if next(located_strings(value), None) is not None else value


def _documented_value(value: Any) -> Any:
    only = only_reference(value) if isinstance(value, str) else None
    if only is not None:
        return _place(only) or value
    return value if find_references(value) else _replaced(value, "$${", "${")


def _place(reference: Reference) -> str | None:
    """A reference as a mapping has it; None: it leads to what mappings have no words for."""
    path = (reference.step_id, *reference.path) if reference.step_id is not None else reference.path
    if reference.root not in _ROOT_OF or not path:
        return None
    found = _ROOT_OF[reference.root]
    for key in path:
        dotted = isinstance(key, str) and _DOTTED.fullmatch(key)
        found += f".{key}" if dotted else f"[{key!r}]"
    return found if is_reference(found) else None


def _readable(value: str) -> bool:
    text = f"${{{value}}}"
    try:
        _, end = read_reference(text)
    except ReferenceInvalid:
        return False
    return end == len(text)


def _replaced(value: Any, old: str, new: str) -> Any:
    """In all its texts: static, whatever they contain, is told from what the core looks for references in."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, Mapping):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, old, new) for item in value]
    return value
