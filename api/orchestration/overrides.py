"""Steps of a workflow as they are to be for one execution: what is said of them is merged into the document."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from definitions.errors import Problem, ProblemsError
from definitions.nearest import did_you_mean

_BLOCKS = (("branch", "then"), ("branch", "else"), ("loop", "steps"), ("parallel", "steps"))
_FIXED = ("id", "depends_on")


class OverridesInvalid(ProblemsError):
    """Overrides of steps that can't be made."""

    default_code = "step_overrides_invalid"
    subject = "`step_overrides`"


def overridden(document: Mapping[str, Any], overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The document with the overrides merged in: mappings key by key, everything else replaced.

    Raises `OverridesInvalid` for steps that there are not, and for what can't be another for one execution."""
    changed = copy.deepcopy(dict(document))
    steps = {step["id"]: step for step in _all_steps(changed["steps"])}
    problems: list[Problem] = []
    for step_id, override in overrides.items():
        path = f"step_overrides.{step_id[:128]}"
        if step_id not in steps:
            remedy = did_you_mean(step_id, steps) or f"its steps are {', '.join([*steps][:20])}"
            problems.append(Problem("unknown_step", path, f"there is no step `{step_id[:128]}`", remedy))
            continue
        for key in _FIXED:
            if key in override:
                message = f"`{key}` is the same in all executions"
                problems.append(Problem("bad_override", f"{path}.{key}", message, "update the workflow instead"))
        steps[step_id].update(_merged(steps[step_id], override))
    if problems:
        raise OverridesInvalid(problems)
    return changed


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for key, value in new.items():
        before = found.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            found[key] = _merged(before, value)
        else:
            found[key] = value
    return found


def _all_steps(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        for key, inner in _BLOCKS:
            yield from _all_steps((step.get(key) or {}).get(inner) or [])
