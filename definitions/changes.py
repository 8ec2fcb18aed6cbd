"""Changes of a run that goes on: what is asked for, and the definition that comes of it. Pure.

    {"inject": [steps], "edit": {"step": {"field": value}}, "skip": ["step"], "max_parallel_steps": 4, "priority": 80}

Steps in blocks are named by their paths (`definitions.changed_steps`). Injected steps come after the others of their
block. An edited field replaces the one that was there, null gives it its default again.
A step that is skipped gets a condition that is false, so that it is skipped in whatever goes on with that definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from definitions.changed_steps import ChangedSteps
from definitions.digest import canonical_json, digest_bytes
from definitions.errors import ChangeRefused, DefinitionInvalid, Problem
from definitions.field_problems import field_problems
from definitions.findings import CheckConfig, CheckHandler
from definitions.json_values import field_path, json_problems
from definitions.model import Definition, Frozen
from definitions.validation import load

MOST_STEPS = 2_000
"""A larger definition would take longer to check than a workflow task may."""
MOST_BYTES = 512 * 1024
"""Of the changed definition: it goes with the run into each of its histories."""
NEVER = "False"
"""The condition of a step that is skipped."""


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
    def inside(self) -> list[tuple[str, str]]:
        """The paths of the steps in blocks that it names, and where it does."""
        named = [(path, field_path(("edit", path))) for path in self.edit]
        named += [(path, f"skip[{place}]") for place, path in enumerate(self.skip)]
        named += [(str(step.get("id")), f"inject[{place}]") for place, step in enumerate(self.inject)]
        return [(path, at) for path, at in named if "." in path]

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
        remedy = "cancel it, and go on with another version of its definition: `longpole rerun RUN --version V`"
        raise ChangeRefused([Problem("too_large_to_change", "", message, remedy)])
    steps = _applied(definition.model_dump(mode="json", exclude_defaults=True), change)
    problems = list(steps.problems)
    changed: Definition | None = None
    try:
        changed = load(steps.document, check_handler=check_handler, check_config=check_config)
    except DefinitionInvalid as invalid:
        problems += [replace(each, path=steps.told(each.path)) for each in invalid.problems]
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


def _applied(before: Mapping[str, Any], change: RunChange) -> ChangedSteps:
    """The changed document, and what can't be applied to it."""
    steps = ChangedSteps(before)
    for path, fields in change.edit.items():
        steps.edit(path, fields, field_path(("edit", path)))
    for place, path in enumerate(change.skip):
        steps.replace_condition(path, NEVER, f"skip[{place}]")
    for place, step in enumerate(change.inject):
        steps.inject(step, f"inject[{place}]")
    if change.max_parallel_steps is not None:
        steps.document["max_parallel_steps"] = change.max_parallel_steps
    return steps
