"""What the steps before have told: the field `inputs` of configs that can go without references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from activities.errors import InvalidInput

Inputs = Annotated[
    dict[str, Any],
    Field(
        default_factory=dict,
        description="Results of other steps by their ids; what the config does not say is looked up in them. "
        "Surfaces fill it with those that the step depends on.",
    ),
]


def told(given: Any, inputs: Mapping[str, Any], *names: str) -> Any:
    """`given`, unless it is None; else the first of `names` that a result has; else None."""
    if given is not None:
        return given
    for name in names:
        for result in inputs.values():
            if isinstance(result, Mapping) and result.get(name) is not None:
                return result[name]
    return None


def needed(field: str, given: Any, inputs: Mapping[str, Any], *names: str) -> Any:
    """The same. Raises `InvalidInput` when there is none."""
    found = told(given, inputs, *names)
    if found is None:
        listed = " or ".join(f"`{name}`" for name in names)
        raise InvalidInput(f"`{field}` is missing: no step before told {listed} either")
    return found


def datasets(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Names of data sets and where they are, as `process_features` tells them and `train_model` passes them on."""
    found: dict[str, str] = {}
    for result in inputs.values():
        sets = result.get("datasets") if isinstance(result, Mapping) else None
        if isinstance(sets, Mapping):
            found |= {str(name): str(place) for name, place in sets.items()}
    return found
