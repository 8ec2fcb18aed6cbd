"""A workflow document to the core's definition, with everything that is wrong with it at once.

What is broken in one place hides nothing elsewhere: fields are checked by their models; of what can be read of the
steps a definition is made, whose references, cycles and handlers are checked all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from api.orchestration.document_wire import Resources, RetryPolicy, Step, WorkflowDocument
from definitions import validation
from definitions.durations import parse_duration
from definitions.errors import DefinitionInvalid, Problem, QuantityInvalid
from definitions.field_problems import field_problems
from definitions.findings import CheckHandler
from definitions.schedules import ScheduleInvalid, load_schedule
from engine.orchestration.plugin_steps import PREFIX, PYTHON, handler_of, with_inputs
from engine.plugins import Plugins

_BLOCKS = (("branch", "then"), ("branch", "else"), ("loop", "steps"), ("parallel", "steps"))
_CONTROLS = ("branch", "loop", "parallel", "workflow", "wait", "approval")
_COPIED = ("id", "name", "description", "depends_on", "condition", "at_most_once", "tags")
_OF_WORKFLOW = ("name", "version", "description", "tags", "input_schema", "context", "error_handlers", "timeout")
_OF_WORKFLOW_TOO = ("max_parallel_steps", "fail_fast")
_GRAPH_CODES = frozenset(
    {
        *("unknown_step", "cycle", "refers_to_enclosing", "duplicate_id", "reserved_id", "bad_reference", "too_deep"),
        *("expression_refused", "bad_loop_reference", "handler_not_found", "handler_not_allowed", "handler_error"),
        *("bad_control", "too_many_steps"),
    }
)
"""What the core's check finds beyond the fields, which are checked here."""
_CORE_FIELD = re.compile(r"(\[\d+\])\.(input|retry|handler)(?=[.\[]|$)")
_IN_CONTROL = re.compile(r"\]\.(branch|loop|parallel|workflow|wait|approval)\b")
_FIELDS = {"input": "config", "retry": "retry_policy", "handler": "operation"}


class Reader:
    """Reads documents for a service: its handlers and plugins."""

    def __init__(self, check_handler: CheckHandler, plugins: Plugins) -> None:
        self._check_handler = check_handler
        self._plugins = plugins

    def read(self, document: Any, more: Iterable[Problem] = ()) -> dict[str, Any]:
        """The core definition. `more`: problems that were found elsewhere. Raises `DefinitionInvalid`."""
        core, problems = self.checked(document)
        problems += more
        if problems:
            raise DefinitionInvalid(problems)
        return core

    def checked(self, document: Any) -> tuple[dict[str, Any], list[Problem]]:
        """The core definition as far as there is one, and everything that is wrong."""
        if not isinstance(document, Mapping):
            return {}, [Problem("not_a_mapping", "", "a workflow is a mapping", "see docs/orchestration.md")]
        problems = _field_problems(document, WorkflowDocument)
        core = {key: document[key] for key in (*_OF_WORKFLOW, *_OF_WORKFLOW_TOO) if document.get(key) is not None}
        core["steps"] = self.steps(document.get("steps"), "steps", problems)
        problems += _schedule_problems(document.get("schedule"))
        if document.get("steps"):
            problems += self._core_problems(core, broken=bool(problems))
        return core, problems

    def checked_steps(self, given: list[Any]) -> tuple[list[dict[str, Any]], list[Problem]]:
        """Steps that are to be added to others, in the core's words, and what is wrong with their fields."""
        problems: list[Problem] = []
        for number, step in enumerate(given):
            problems += _field_problems(step, Step, f"steps[{number}]")
        return self.steps(given, "steps", problems), problems

    def steps(self, given: Any, path: str, problems: list[Problem]) -> list[dict[str, Any]]:
        """Steps in the core's words, as far as they can be read."""
        if not isinstance(given, list):
            return []
        return [self._step(raw, f"{path}[{number}]", problems) for number, raw in enumerate(given)]

    def _step(self, raw: Any, path: str, problems: list[Problem]) -> dict[str, Any]:
        if not isinstance(raw, Mapping):
            return {"id": None}
        core = {key: raw[key] for key in _COPIED if raw.get(key) is not None}
        kinds = [key for key in _CONTROLS if raw.get(key) is not None]
        plugin, operation = raw.get("plugin"), raw.get("operation")
        config = raw["config"] if isinstance(raw.get("config"), Mapping) else {}
        if isinstance(plugin, str) and isinstance(operation, str):
            core["handler"] = handler_of(plugin, operation)
            if plugin != PYTHON:
                config = with_inputs(self._plugins, plugin, operation, config, raw.get("depends_on"))
                problems += _at_plugin(self._plugins.check(plugin, operation, config), path)
            if plugin != PYTHON or "config" in raw:  # without, a handler gets all of the parameters
                core["input"] = config
        elif plugin is not None or operation is not None:
            problems += _half(raw, path)
        elif not kinds and config:
            message = "a step with `config` needs `plugin` and `operation`"
            problems.append(Problem("missing_field", f"{path}.plugin", message, "add them, or remove `config`"))
        if "workflow" in kinds and "config" in raw:
            core["input"] = config
        for key in kinds:
            core[key] = self._control(raw[key], key, f"{path}.{key}", problems)
        return core | _terms(raw)

    def _control(self, given: Any, key: str, path: str, problems: list[Problem]) -> Any:
        if not isinstance(given, Mapping):
            return given
        control = dict(given)
        for owner, inner in _BLOCKS:
            if owner == key and isinstance(control.get(inner), list):
                for number, step in enumerate(control[inner]):
                    problems += _field_problems(step, Step, f"{path}.{inner}[{number}]")
                control[inner] = self.steps(control[inner], f"{path}.{inner}", problems)
        return control

    def _core_problems(self, core: Mapping[str, Any], *, broken: bool) -> Iterator[Problem]:
        """`broken`: fields are wrong already, and are not to be told twice."""
        for problem in validation.check(core, check_handler=self._check):
            if not broken or problem.code in _GRAPH_CODES or _IN_CONTROL.search(problem.path):
                path = _CORE_FIELD.sub(lambda match: f"{match[1]}.{_FIELDS[match[2]]}", problem.path, count=1)
                yield Problem(problem.code, path, problem.message, problem.remedy)

    def _check(self, handler: str) -> Problem | None:
        """Operations of plugins are checked by these."""
        return None if handler.startswith(PREFIX) else self._check_handler(handler)


def _field_problems(document: Any, model: type[WorkflowDocument] | type[Step], path: str = "") -> list[Problem]:
    try:
        model.model_validate(document)
    except ValidationError as error:
        found = field_problems(error, model, ())
        return [Problem(p.code, ".".join(filter(None, (path, p.path))), p.message, p.remedy) for p in found]
    return []


def _at_plugin(found: Iterable[Problem], path: str) -> Iterator[Problem]:
    """What plugins say of a config, where the document has it."""
    fields = {"unknown_operation": "operation", "bad_config": "config"}
    for problem in found:
        field = fields.get(problem.code, "plugin")
        at = f"{path}.{field}" + (f".{problem.path}" if field == "config" and problem.path else "")
        yield Problem(problem.code, at, problem.message, problem.remedy)


def _half(raw: Mapping[str, Any], path: str) -> Iterator[Problem]:
    for key, other in (("plugin", "operation"), ("operation", "plugin")):
        if raw.get(key) is None:
            yield Problem("missing_field", f"{path}.{key}", f"`{other}` goes with `{key}`", f"add `{key}`")


def _terms(raw: Mapping[str, Any]) -> dict[str, Any]:
    """How often, how long and with what a step is run. What can't be read is told by its model."""
    found: dict[str, Any] = {}
    for key in ("timeout", "estimated_duration"):
        if raw.get(key) is not None and _is_duration(raw[key]):
            found[key] = raw[key]
    if isinstance(raw.get("retry_policy"), Mapping) and not _field_errors(raw["retry_policy"], RetryPolicy):
        found["retry"] = dict(raw["retry_policy"])
    if isinstance(raw.get("resources"), Mapping) and not _field_errors(raw["resources"], Resources):
        found |= _demand(Resources.model_validate(raw["resources"]))
    return found


def _demand(wanted: Resources) -> dict[str, Any]:
    held = {name: getattr(wanted, name) for name in ("cpu_cores", "memory_gb") if getattr(wanted, name) is not None}
    if wanted.node_type is None:
        return {"resources": held} if held else {}
    held[wanted.node_type] = wanted.min_workers
    if wanted.max_workers is None:
        return {"resources": held}
    amounts = {wanted.node_type: {"min": wanted.min_workers, "max": wanted.max_workers}}
    return {"resources": held, "planning": {"amounts": amounts}}


def _is_duration(value: Any) -> bool:
    try:
        return parse_duration(value) >= 0
    except QuantityInvalid:
        return False


def _field_errors(value: Any, model: type[RetryPolicy] | type[Resources]) -> bool:
    try:
        model.model_validate(value)
    except ValidationError:
        return True
    return False


def _schedule_problems(schedule: Any) -> list[Problem]:
    if not isinstance(schedule, Mapping):
        return []
    try:
        load_schedule({"schedule": schedule})
    except ScheduleInvalid as error:
        return list(error.problems)
    return []
