"""Pydantic's errors in our words: a stable code, the path of the field, what is wrong, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from definitions.errors import LongpoleError, Problem
from definitions.json_values import field_path
from definitions.model import STEP_ID_PATTERN
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
    return [field_problem(dict(each), model, prefix, suggest=suggest) for each in error.errors(include_url=False)]


def field_problem(details: dict[str, Any], model: type[BaseModel], prefix: Path, *, suggest: bool = True) -> Problem:
    """One of Pydantic's errors about `model`."""
    loc: Path = details["loc"]
    path = field_path((*prefix, *loc))
    kind: str = details["type"]
    field = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        known = [each.alias or name for name, each in _model_at(model, loc[:-1]).model_fields.items()]
        remedy = (did_you_mean(field, known) if suggest else "") or f"known fields are {', '.join(known)}"
        return Problem("unknown_key", path, f"`{field[:80]}` is not a field here", remedy)
    if kind == "missing":
        return Problem("missing_field", path, f"`{field}` is missing", f"add `{field}`")
    cause = (details.get("ctx") or {}).get("error")
    if isinstance(cause, LongpoleError):
        return Problem(cause.code, path, cause.message, cause.remedy)
    if kind == "string_pattern_mismatch" and (details.get("ctx") or {}).get("pattern") == STEP_ID_PATTERN:
        message = f"{_shown(details['input'])} is not an id"
        return Problem("bad_id", path, message, "letters, digits, _ and -, not beginning with a digit, at most 128")
    message = f"{_shown(details['input'])}: {details['msg'][0].lower()}{details['msg'][1:]}"
    return Problem("invalid_value", path, message, _REMEDIES.get(kind, ""))


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model of what is at `path` in a `model`; names are those of documents."""
    for name in path:
        fields = model.model_fields.values()
        field = model.model_fields.get(str(name)) or next((each for each in fields if each.alias == name), None)
        if field is not None:
            model = next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    parts = get_args(annotation)
    if not parts and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in parts:
        yield from _models_in(part)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 256:
        return "a very large number"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
