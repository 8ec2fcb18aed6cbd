"""Configs of operations, checked when a workflow is stored, and whole when its step runs.

What a `${...}` will be is not known before the run. So in the first check, what Pydantic has to say against a value
that is, or holds, a reference does not count; unknown and missing fields do, and so does all that is said of other
values. In the attempt all references are values, and all of it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from activities.errors import InvalidInput
from definitions.errors import Problem
from definitions.field_problems import field_problem
from definitions.references import located_strings
from definitions.values import Path

BAD_CONFIG = "bad_config"
M = TypeVar("M", bound=BaseModel)


def config_problems(model: type[BaseModel], config: object, at: Path = ()) -> list[Problem]:
    """All that can be known to be wrong with a config before its references have values (code `bad_config`).

    `at`: where it is in the document."""
    given = {} if config is None else config
    try:
        model.model_validate(given)
    except ValidationError as error:
        counting = [details for details in error.errors(include_url=False) if not _may_be_right(details, given)]
        return [replace(field_problem(dict(details), model, at), code=BAD_CONFIG) for details in counting]
    return []


def read_config(model: type[M], given: object) -> M:
    """The config of an attempt. Raises `InvalidInput` with all that is wrong with it."""
    try:
        return model.model_validate({} if given is None else given)
    except ValidationError as error:
        problems = [field_problem(dict(details), model, ()) for details in error.errors(include_url=False)]
        raise InvalidInput("; ".join(["the config is not one of this operation", *map(str, problems)])) from None


def _may_be_right(details: ErrorDetails, given: object) -> bool:
    """Whether the value that Pydantic complains of will be another one when the step runs."""
    if details["type"] in ("missing", "extra_forbidden"):
        return False
    return any(True for _ in located_strings(_value_at(details["loc"], given)))


def _value_at(loc: Path, value: object) -> object:
    """What an error is about. Pydantic puts the names of a union's members into places; they lead nowhere."""
    for part in loc:
        if isinstance(value, Mapping):
            value = value.get(part, value)
        elif isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
    return value
