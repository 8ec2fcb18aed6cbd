"""Pydantic's errors in our words: a stable code, the path of the field, what is wrong, what to do."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from definitions.errors import LongpoleError, Problem
from definitions.json_values import field_path
from definitions.nearest import did_you_mean
from definitions.values import Path

_REMEDIES = {
    "string_type": "write a string, in quotes where it looks like a number",
    "tuple_type": "write a list: [a, b]",
    "mapping_type": "write a mapping: {key: value}",
    "model_type": "write a mapping: {key: value}",
    "dict_type": "write a mapping: {key: value}",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
}


def field_problems(
    error: ValidationError, model: type[BaseModel], prefix: Path, *, suggest: bool = True
) -> list[Problem]:
    """One problem for each of Pydantic's errors about `model`, which stands at `prefix` in the document."""
    return [_problem(dict(details), model, prefix, suggest) for details in error.errors(include_url=False)]


def _problem(details: dict[str, Any], model: type[BaseModel], prefix: Path, suggest: bool) -> Problem:
    loc: Path = details["loc"]
    path = field_path((*prefix, *loc))
    kind: str = details["type"]
    field = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        known = list(_model_at(model, loc[:-1]).model_fields)
        remedy = (did_you_mean(field, known) if suggest else "") or f"known fields are {', '.join(known)}"
        return Problem("unknown_key", path, f"`{field[:80]}` is not a field here", remedy)
    if kind == "missing":
        return Problem("missing_field", path, f"`{field}` is missing", f"add `{field}`")
    cause = (details.get("ctx") or {}).get("error")
    if isinstance(cause, LongpoleError):
        return Problem(cause.code, path, cause.message, cause.remedy)
    if kind == "string_pattern_mismatch":
        message = f"{_shown(details['input'])} is not an id"
        return Problem("bad_id", path, message, "letters, digits, _ and -, not beginning with a digit, at most 128")
    message = f"{_shown(details['input'])}: {details['msg'][0].lower()}{details['msg'][1:]}"
    return Problem("invalid_value", path, message, _REMEDIES.get(kind, ""))


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model of what is at `path` in a `model`."""
    for name in path:
        field = model.model_fields.get(str(name))
        kinds = (field.annotation, *get_args(field.annotation)) if field is not None else ()
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 256:
        return "a very large number"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
