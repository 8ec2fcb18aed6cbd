"""From a document to a `Definition`: everything that is wrong with it, all at once.

Every check that can still be made is made: a broken step hides no problem of another step, and a misspelt field hides
no cycle. All checks take linear time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from definitions.block_checks import BlockChecks
from definitions.error_handler_checks import check_error_handlers
from definitions.errors import DefinitionInvalid, InputInvalid, Problem
from definitions.field_problems import field_problems
from definitions.findings import CheckConfig, CheckHandler, Findings
from definitions.graph import with_handler_edges
from definitions.input_schema import input_problems, schema_problems
from definitions.json_values import json_problems
from definitions.model import MAX_STEPS, Definition, Step

_PLACEHOLDER = Step(id="placeholder")


def load(
    document: object, *, check_handler: CheckHandler | None = None, check_config: CheckConfig | None = None
) -> Definition:
    """The definition in a document. Raises `DefinitionInvalid` with every problem there is."""
    findings = Findings(check_handler, check_config)
    definition = _checked(document, findings)
    if definition is None:
        raise DefinitionInvalid(findings.in_order())
    return definition


def check(
    document: object, *, check_handler: CheckHandler | None = None, check_config: CheckConfig | None = None
) -> list[Problem]:
    """Every problem of a document, in document order; empty when it can be stored and run."""
    findings = Findings(check_handler, check_config)
    _checked(document, findings)
    return findings.in_order()


def check_input(definition: Definition, data: Any) -> None:
    """Raises `InputInvalid`, with every problem, for a run's input that is not JSON or does not meet `input_schema`."""
    problems = json_problems(data)
    if not problems and definition.input_schema is not None:
        problems = input_problems(definition.input_schema, data)
    if problems:
        raise InputInvalid(problems)


def _checked(document: object, findings: Findings) -> Definition | None:
    if not isinstance(document, Mapping):
        message, remedy = "a definition is a mapping with name and steps", "see docs/definitions.md"
        findings.add(-1, "not_a_mapping", "", message, remedy)
        return None
    problems = json_problems(document)
    findings.extend(-1, problems)
    if any(problem.code in ("too_deep", "too_large") for problem in problems):
        return None
    raw_steps = _raw_steps(document, findings)
    definition = _valid_whole(document, _valid_steps(raw_steps, findings), findings)
    checks = BlockChecks(findings, raw_steps)
    checks.run()
    handlers = _strings(document.get("error_handlers"))
    check_error_handlers(findings, checks, handlers)
    edges = {step_id: tuple(needs) for step_id, needs in checks.root.edges.items()}
    checks.check_cycles(checks.root, with_handler_edges(edges, {k: v for k, v in handlers.items() if k != v}))
    if isinstance(document.get("input_schema"), Mapping):
        findings.extend(-1, schema_problems(document["input_schema"]))
    return None if findings else definition


def _raw_steps(document: Mapping[Any, Any], findings: Findings) -> Sequence[Any]:
    steps = document.get("steps")
    if not isinstance(steps, list | tuple):
        code, remedy = "missing_field" if steps is None else "invalid_value", "list at least one step under `steps`"
        findings.add(-1, code, "steps", "a definition needs a list of steps", remedy)
        return ()
    if not steps:
        findings.add(-1, "missing_field", "steps", "there are no steps", "list at least one step")
    elif len(steps) > MAX_STEPS:
        message = f"{len(steps)} steps are more than the {MAX_STEPS} that one definition may have"
        findings.add(-1, "too_many_steps", "steps", message, "split the workflow")
        return ()
    return steps


def _valid_steps(raw_steps: Sequence[Any], findings: Findings) -> list[Step]:
    steps: list[Step] = []
    for index, raw in enumerate(raw_steps):
        try:
            steps.append(Step.model_validate(raw))
        except ValidationError as error:
            problems = field_problems(error, Step, ("steps", index), suggest=findings.may_suggest())
            findings.extend(index, problems)
    return steps


def _valid_whole(document: Mapping[Any, Any], steps: list[Step], findings: Findings) -> Definition | None:
    try:
        return Definition.model_validate({**document, "steps": steps or (_PLACEHOLDER,)})
    except ValidationError as error:
        findings.extend(-1, field_problems(error, Definition, ()))
        return None


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, str)}
