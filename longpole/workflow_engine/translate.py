"""From the document to the core definition, and the core's problems with it back into the document's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from definitions import validation
from definitions.errors import DefinitionInvalid, Problem
from definitions.field_problems import field_problems
from definitions.findings import CheckConfig, CheckHandler
from longpole.workflow_engine.input_mapping import core_input, mapping_problems
from longpole.workflow_engine.wire import RetryPolicy, Step, WorkflowDefinition

_PLAIN_STEP_FIELDS = ("id", "name", "handler", "execution_mode", "depends_on", "condition")
_DOCUMENTED = (
    (re.compile(r"^(steps\[\d+\])\.input\b"), r"\1.input_mapping"),
    (re.compile(r"^(steps\[\d+\])\.retry\b"), r"\1.retry_policy"),
    (re.compile(r"^(steps\[\d+\])\.timeout$"), r"\1.timeout_seconds"),
    (re.compile(r"^timeout$"), "default_timeout_seconds"),
)
"""Paths of the core's fields, and the document's names for them."""
_BESIDE = frozenset({"name", "description", "tags"})
"""What `create_template` takes beside the document."""


def core_document(
    name: str,
    definition: Any,
    *,
    description: str = "",
    tags: Sequence[str] = (),
    check_handler: CheckHandler | None = None,
    check_config: CheckConfig | None = None,
) -> dict[str, Any]:
    """The document as a core definition document, checked. Raises `DefinitionInvalid` with all problems, by the
    document's own fields."""
    if not isinstance(definition, Mapping):
        message = f"a definition is a dictionary with `steps`, not {type(definition).__name__}"
        raise DefinitionInvalid([Problem("not_a_mapping", "", message)])
    document = _core(definition, name=name, description=description, tags=tags)
    problems = _field_problems(definition)
    told = {problem.path for problem in problems}
    for problem in validation.check(document, check_handler=check_handler, check_config=check_config):
        path = _documented_path(problem.path)
        # What the documented model says of a field is said in better words than what follows from it in the core.
        if path not in told:
            problems.append(Problem(problem.code, path, problem.message, _remedy(problem)))
    if problems:
        raise DefinitionInvalid(sorted(problems, key=lambda problem: _order(problem.path)))
    return document


def _field_problems(definition: Mapping[Any, Any]) -> list[Problem]:
    problems: list[Problem] = []
    try:
        WorkflowDefinition.model_validate(dict(definition))
    except ValidationError as error:
        problems += field_problems(error, WorkflowDefinition, ())
    for index, step in enumerate(_steps(definition)):
        try:
            Step.model_validate(step)
        except ValidationError as error:
            problems += field_problems(error, Step, ("steps", index))
        mapping = step.get("input_mapping") if isinstance(step, Mapping) else None
        if isinstance(mapping, Mapping):
            problems += mapping_problems(mapping, ("steps", index, "input_mapping"))
    return problems


def _core(definition: Mapping[Any, Any], *, name: str, description: str, tags: Sequence[str]) -> dict[str, Any]:
    """What can be translated, translated: also of a document that has problems, as others may come after them."""
    document: dict[str, Any] = {
        "name": name,
        "steps": [_core_step(step) if isinstance(step, Mapping) else step for step in _steps(definition)],
    }
    if description:
        document["description"] = description
    if tags:
        document["tags"] = list(tags)
    if definition.get("error_handlers"):
        document["error_handlers"] = definition["error_handlers"]
    if definition.get("default_timeout_seconds") is not None:
        document["timeout"] = definition["default_timeout_seconds"]
    return document


def _core_step(step: Mapping[Any, Any]) -> dict[str, Any]:
    core = {field: step[field] for field in _PLAIN_STEP_FIELDS if step.get(field) is not None}
    if step.get("timeout_seconds") is not None:
        core["timeout"] = step["timeout_seconds"]
    if isinstance(step.get("input_mapping"), Mapping):
        core["input"] = core_input(step["input_mapping"])
    if isinstance(step.get("retry_policy"), Mapping):
        retry = _core_retry(step["retry_policy"])
        if retry is not None:
            core["retry"] = retry
    return core


def _core_retry(policy: Mapping[Any, Any]) -> dict[str, Any] | None:
    """The core waits `initial_interval * backoff_coefficient ** (n - 2)`: with the multiplier for both, it waits what
    the document says. None: it is told elsewhere that the policy can't be used."""
    try:
        read = RetryPolicy.model_validate(dict(policy))
    except ValidationError:
        return None
    return {
        "max_attempts": read.max_attempts,
        "initial_interval": read.backoff_multiplier,
        "backoff_coefficient": read.backoff_multiplier,
        "max_interval": read.max_backoff_seconds,
        "retry_on_timeout": read.retry_on_timeout,
    }


def _steps(definition: Mapping[Any, Any]) -> Sequence[Any]:
    steps = definition.get("steps")
    return steps if isinstance(steps, list) else ()


def _documented_path(path: str) -> str:
    for core, documented in _DOCUMENTED:
        path = core.sub(documented, path)
    return path


def _remedy(problem: Problem) -> str:
    if problem.code == "handler_not_allowed" and "ask its operator" in problem.remedy:
        package = problem.message.partition("`")[2].partition(".")[0]
        return (
            f"allow `{package}`: LONGPOLE_HANDLER_ALLOW, or handler_allow in longpole.toml; and where it is not"
            " installed, name the folder it is in: LONGPOLE_HANDLER_PATHS, or handler_paths"
        )
    return problem.remedy.replace("leave input out", "leave input_mapping out")


def _order(path: str) -> int:
    """What is beside the document first, then its own fields, then step by step."""
    match = re.match(r"steps\[(\d+)\]", path)
    if match:
        return int(match[1])
    return -2 if path in _BESIDE else -1
