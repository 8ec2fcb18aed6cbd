"""Changes of a run that goes on: what is asked for, and the definition that comes of it. Pure.

    {"inject": [steps], "edit": {"step": {"field": value}}, "skip": ["step"], "max_parallel_steps": 4, "priority": 80}

Injected steps come after the others. An edited field replaces the one that was there, null gives it its default again.
A step that is skipped gets a condition that is false, so that it is skipped in whatever goes on with that definition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from definitions.digest import canonical_json, digest_bytes
from definitions.errors import ChangeRefused, DefinitionInvalid, Problem
from definitions.field_problems import field_problems
from definitions.findings import CheckConfig, CheckHandler
from definitions.json_values import field_path, json_problems
from definitions.model import Definition, Frozen
from definitions.nearest import did_you_mean
from definitions.validation import load

MOST_STEPS = 2_000
"""A larger definition would take longer to check than a workflow task may."""
MOST_BYTES = 512 * 1024
"""Of the changed definition: it goes with the run into each of its histories."""
NEVER = "False"
"""The condition of a step that is skipped."""
_STEP_PATH = re.compile(r"steps\[(\d+)\]")


class RunChange(Frozen):
    """What is to be another from now on."""

    inject: tuple[Mapping[str, Any], ...] = ()
    edit: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    skip: tuple[str, ...] = ()
    max_parallel_steps: Annotated[int, Field(ge=1, le=500)] | None = None
    priority: Annotated[int, Field(ge=0, le=100)] | None = None
    by: Annotated[str, Field(max_length=200)] = ""
    """Who asks for it."""

    @property
    def is_of_the_definition(self) -> bool:
        """Whether the run goes by another definition from then on."""
        return bool(self.inject or self.edit or self.skip or self.max_parallel_steps is not None)

    @property
    def is_of_the_limit_alone(self) -> bool:
        """Whether of the definition nothing but `max_parallel_steps` is to be another."""
        return self.max_parallel_steps is not None and not (self.inject or self.edit or self.skip)

    @property
    def told(self) -> dict[str, Any]:
        """What its event says of it."""
        return self.model_dump(mode="json", exclude_defaults=True)


class ChangedDefinition(NamedTuple):
    """A core definition document, as a model and by its digest."""

    definition: Definition
    document: dict[str, Any]
    digest: str


def run_change(asked: object) -> RunChange:
    """What somebody asked for. Raises `ChangeRefused` with every problem of its form."""
    if not isinstance(asked, Mapping):
        raise ChangeRefused([Problem("not_a_mapping", "", "a change is a mapping", "see docs/operations.md")])
    problems = json_problems(asked)
    if problems:
        raise ChangeRefused(problems)
    try:
        change = RunChange.model_validate(asked)
    except ValidationError as error:
        raise ChangeRefused(field_problems(error, RunChange, ())) from None
    if not change.model_fields_set - {"by"}:
        raise ChangeRefused(
            [Problem("nothing_to_change", "", "it changes nothing", f"known are {', '.join(_CHANGES)}")]
        )
    return change


def skip_of(asked: object) -> object:
    """What was typed in to skip a step, a path or `{"step": path, "by": ...}`, as a change."""
    if not isinstance(asked, Mapping):
        return {"skip": [asked]}
    return {**{name: value for name, value in asked.items() if name != "step"}, "skip": [asked.get("step")]}


_CHANGES = [name for name in RunChange.model_fields if name != "by"]


def changed_definition(
    definition: Definition,
    change: RunChange,
    *,
    check_handler: CheckHandler | None = None,
    check_config: CheckConfig | None = None,
) -> ChangedDefinition | None:
    """The definition as it is after the change, checked like any other; None where it is too large to go with the run
    and nothing but the limit of parallel steps changes, which the run's state keeps then.

    Raises `ChangeRefused` with every problem, whose paths are those of the change (`inject[0].handler`,
    `edit.step.input`)."""
    if len(definition.steps) + len(change.inject) > MOST_STEPS:
        if change.is_of_the_limit_alone:
            return None
        message = f"a run of more than {MOST_STEPS:,} steps can't be changed while it goes on"
        remedy = "cancel it, and go on with another version of its definition: longpole rerun RUN --version V"
        raise ChangeRefused([Problem("too_large_to_change", "", message, remedy)])
    before = definition.model_dump(mode="json", exclude_defaults=True)
    document, problems = _applied(before, change)
    changed: Definition | None = None
    try:
        changed = load(document, check_handler=check_handler, check_config=check_config)
    except DefinitionInvalid as invalid:
        paths = _paths(before, change)
        problems += [replace(each, path=_told_path(each.path, paths)) for each in invalid.problems]
    if problems or changed is None:
        raise ChangeRefused(problems)
    core = changed.model_dump(mode="json", exclude_defaults=True)
    content = canonical_json(core)
    if len(content) > MOST_BYTES:
        if change.is_of_the_limit_alone:
            return None
        message = f"the changed definition takes {len(content):,} bytes, {MOST_BYTES:,} can go with a run"
        raise ChangeRefused([Problem("too_large_to_change", "", message, "pass large values by the run's input")])
    return ChangedDefinition(changed, core, digest_bytes(content))


def _applied(before: Mapping[str, Any], change: RunChange) -> tuple[dict[str, Any], list[Problem]]:
    """The changed document, and what can't be applied to it."""
    steps = {step["id"]: step for step in before["steps"]}
    problems: list[Problem] = []
    for step_id, fields in change.edit.items():
        at = field_path(("edit", step_id))
        if step_id not in steps:
            problems.append(_unknown(step_id, at, steps))
            continue
        if "id" in fields:
            problems.append(
                Problem("id_is_fixed", f"{at}.id", "a step keeps its id", "skip it, and inject one of another id")
            )
        edited = {name: value for name, value in fields.items() if name != "id"}
        steps[step_id] = {name: value for name, value in {**steps[step_id], **edited}.items() if value is not None}
    for place, step_id in enumerate(change.skip):
        if step_id in steps:
            steps[step_id] = {**steps[step_id], "condition": NEVER}
        else:
            problems.append(_unknown(step_id, f"skip[{place}]", steps))
    document = {**before, "steps": [*steps.values(), *change.inject]}
    if change.max_parallel_steps is not None:
        document["max_parallel_steps"] = change.max_parallel_steps
    return document, problems


def _unknown(step_id: str, path: str, known: Mapping[str, Any]) -> Problem:
    remedy = did_you_mean(step_id, known) or "`longpole show` lists the steps of a run"
    return Problem("unknown_step", path, f"there is no step `{step_id[:128]}`", remedy)


def _paths(before: Mapping[str, Any], change: RunChange) -> dict[int, str]:
    """Where the steps of the changed document come from, by their places in it."""
    count = len(before["steps"])
    edited = {
        place: field_path(("edit", step["id"]))
        for place, step in enumerate(before["steps"])
        if step["id"] in change.edit
    }
    return edited | {count + place: f"inject[{place}]" for place in range(len(change.inject))}


def _told_path(path: str, paths: Mapping[int, str]) -> str:
    match = _STEP_PATH.match(path)
    if match is None or int(match[1]) not in paths:
        return path
    return paths[int(match[1])] + path[match.end() :]
