"""From a document to a `Definition`: everything that is wrong with it, all at once.

Every check that can still be made is made: a broken step hides no problem of another step, and a misspelt field hides
no cycle. All checks take linear time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from definitions.errors import (
    DefinitionInvalid,
    ExpressionRefused,
    InputInvalid,
    Problem,
    ReferenceInvalid,
)
from definitions.expressions import compile_expression
from definitions.field_problems import field_problems
from definitions.graph import find_cycles, with_handler_edges
from definitions.input_schema import input_problems, schema_problems
from definitions.json_values import field_path, json_problems
from definitions.model import CONTROL_KEYS, MAX_STEPS, RESERVED_STEP_IDS, Definition, Step
from definitions.nearest import did_you_mean
from definitions.references import find_references, located_strings

CheckHandler = Callable[[str], Problem | None]
"""Whether a handler may be used: None, or the problem (its path is filled in here)."""

MAX_PROBLEMS = 1_000
_MAX_SUGGESTIONS = 50
_MAX_CYCLES = 20
_PLACEHOLDER = Step(id="placeholder")


def load(document: object, *, check_handler: CheckHandler | None = None) -> Definition:
    """The definition in a document. Raises `DefinitionInvalid` with every problem there is."""
    check = _Check(check_handler)
    definition = check.run(document)
    if definition is None:
        raise DefinitionInvalid(check.in_order())
    return definition


def check(document: object, *, check_handler: CheckHandler | None = None) -> list[Problem]:
    """Every problem of a document, in document order; empty when it can be stored and run."""
    made = _Check(check_handler)
    made.run(document)
    return made.in_order()


def check_input(definition: Definition, data: Any) -> None:
    """Raises `InputInvalid`, with every problem, for a run's input that is not JSON or does not meet `input_schema`."""
    problems = json_problems(data)
    if not problems and definition.input_schema is not None:
        problems = input_problems(definition.input_schema, data)
    if problems:
        raise InputInvalid(problems)


class _Check:
    """One check of one document."""

    def __init__(self, check_handler: CheckHandler | None) -> None:
        self._check_handler = check_handler
        self._handlers: dict[str, Problem | None] = {}
        self._found: list[tuple[int, Problem]] = []
        self._suggestions = 0
        self._index_of: dict[str, int] = {}
        self._edges: dict[str, tuple[str, ...]] = {}

    def run(self, document: object) -> Definition | None:
        if not isinstance(document, Mapping):
            self._add(
                -1, "not_a_mapping", "", "a definition is a mapping with name and steps", "see docs/definitions.md"
            )
            return None
        for problem in json_problems(document):
            self._found.append((-1, problem))
        if any(problem.code in ("too_deep", "too_large") for _, problem in self._found):
            return None
        raw_steps = self._raw_steps(document)
        steps = self._valid_steps(raw_steps)
        definition = self._valid_whole(document, steps)
        self._learn_ids(raw_steps)
        for index, raw in enumerate(raw_steps):
            if isinstance(raw, Mapping):
                self._check_step(index, raw)
        handlers = _strings(document.get("error_handlers"))
        self._check_error_handlers(handlers, raw_steps)
        self._check_cycles(handlers)
        if isinstance(document.get("input_schema"), Mapping):
            self._found += [(-1, problem) for problem in schema_problems(document["input_schema"])]
        return None if self._found else definition

    def in_order(self) -> list[Problem]:
        """What was found: the workflow's own fields first, then step by step."""
        ordered = [problem for _, problem in sorted(self._found, key=lambda found: found[0])]
        more = len(ordered) - MAX_PROBLEMS
        if more <= 0:
            return ordered
        return [
            *ordered[:MAX_PROBLEMS],
            Problem("too_many_problems", "", f"and {more} more", "fix the first ones first"),
        ]

    # -- fields ------------------------------------------------------------

    def _raw_steps(self, document: Mapping[Any, Any]) -> Sequence[Any]:
        steps = document.get("steps")
        if not isinstance(steps, list | tuple):
            code, remedy = (
                ("missing_field" if steps is None else "invalid_value"),
                "list at least one step under `steps`",
            )
            self._add(-1, code, "steps", "a definition needs a list of steps", remedy)
            return ()
        if not steps:
            self._add(-1, "missing_field", "steps", "there are no steps", "list at least one step")
        elif len(steps) > MAX_STEPS:
            message = f"{len(steps)} steps are more than the {MAX_STEPS} that one definition may have"
            self._add(-1, "too_many_steps", "steps", message, "split the workflow")
            return ()
        return steps

    def _valid_steps(self, raw_steps: Sequence[Any]) -> list[Step]:
        steps: list[Step] = []
        for index, raw in enumerate(raw_steps):
            try:
                steps.append(Step.model_validate(raw))
            except ValidationError as error:
                problems = field_problems(error, Step, ("steps", index), suggest=self._may_suggest())
                self._found += [(index, problem) for problem in problems]
        return steps

    def _valid_whole(self, document: Mapping[Any, Any], steps: list[Step]) -> Definition | None:
        try:
            return Definition.model_validate({**document, "steps": steps or (_PLACEHOLDER,)})
        except ValidationError as error:
            self._found += [(-1, problem) for problem in field_problems(error, Definition, ())]
            return None

    # -- steps ------------------------------------------------------------

    def _learn_ids(self, raw_steps: Sequence[Any]) -> None:
        for index, raw in enumerate(raw_steps):
            step_id = raw.get("id") if isinstance(raw, Mapping) else None
            if not isinstance(step_id, str):
                continue
            path = f"steps[{index}].id"
            if step_id in RESERVED_STEP_IDS:
                self._add(
                    index, "reserved_id", path, f"`{step_id}` means something else in references", "rename the step"
                )
            elif step_id in self._index_of:
                first = self._index_of[step_id]
                message = f"`{step_id}` is already the id of steps[{first}]"
                self._add(index, "duplicate_id", path, message, "give each step an id of its own")
            else:
                self._index_of[step_id] = index
                self._edges[step_id] = ()

    def _check_step(self, index: int, raw: Mapping[Any, Any]) -> None:
        at = f"steps[{index}]"
        needs: dict[str, None] = {}
        depends_on = raw.get("depends_on")
        if isinstance(depends_on, list | tuple):
            for place, other in enumerate(depends_on):
                if isinstance(other, str):
                    self._need(needs, index, other, f"{at}.depends_on[{place}]")
        for path, text in located_strings(raw.get("input"), ("steps", index, "input")):
            try:
                for reference in find_references(text):
                    if reference.step_id is not None:
                        self._need(needs, index, reference.step_id, field_path(path))
            except ReferenceInvalid as error:
                self._add(index, error.code, field_path(path), error.message, error.remedy)
        if isinstance(raw.get("condition"), str):
            self._check_condition(index, raw["condition"], needs)
        if isinstance(raw.get("handler"), str):
            self._check_handler_name(index, raw["handler"])
        self._check_retry(index, raw)
        self._refuse_control_keys(index, raw)
        step_id = raw.get("id")
        if isinstance(step_id, str) and self._index_of.get(step_id) == index:
            self._edges[step_id] = tuple(needs)

    def _refuse_control_keys(self, index: int, raw: Mapping[Any, Any]) -> None:
        for key in CONTROL_KEYS:
            if raw.get(key) is not None:
                message = f"steps with `{key}` can't be run yet: this version knows their form only"
                remedy = "write the steps out, or let a handler do it"
                self._add(index, "not_supported", f"steps[{index}].{key}", message, remedy)

    def _check_condition(self, index: int, condition: str, needs: dict[str, None]) -> None:
        path = f"steps[{index}].condition"
        try:
            for other in compile_expression(condition).step_ids:
                self._need(needs, index, other, path)
        except ExpressionRefused as error:
            self._add(index, error.code, path, error.message, error.remedy)

    def _need(self, needs: dict[str, None], index: int, other: str, path: str) -> None:
        if other in self._index_of:
            needs[other] = None
        else:
            self._add(index, "unknown_step", path, f"there is no step `{other[:128]}`", self._nearest_step(other))

    def _check_handler_name(self, index: int, handler: str) -> None:
        if self._check_handler is None:
            return
        if handler not in self._handlers:
            self._handlers[handler] = self._check_handler(handler)
        problem = self._handlers[handler]
        if problem is not None:
            self._found.append((index, replace(problem, path=f"steps[{index}].handler")))

    def _check_retry(self, index: int, raw: Mapping[Any, Any]) -> None:
        retry = raw.get("retry")
        attempts = retry.get("max_attempts") if isinstance(retry, Mapping) else None
        if raw.get("at_most_once") is True and isinstance(attempts, int) and attempts > 1:
            self._add(
                index,
                "retry_at_most_once",
                f"steps[{index}].retry.max_attempts",
                f"a step that may start once only can't have {attempts} attempts",
                "remove max_attempts, or at_most_once",
            )

    # -- error handlers and cycles -------------------------------------

    def _check_error_handlers(self, handlers: Mapping[str, str], raw_steps: Sequence[Any]) -> None:
        handled: dict[str, set[str]] = {}
        for failing, handler in handlers.items():
            path = field_path(("error_handlers", failing))
            for step_id in (failing, handler):
                if step_id not in self._index_of:
                    message = f"there is no step `{step_id[:128]}`"
                    self._add(-1, "unknown_step", path, message, self._nearest_step(step_id))
            if failing == handler:
                self._add(
                    -1, "bad_error_handler", path, f"`{failing}` can't handle its own failure", "name another step"
                )
            elif handler in handlers:
                message = f"`{handler}` handles errors itself, so its own failure has no handler"
                self._add(
                    -1, "bad_error_handler", field_path(("error_handlers", handler)), message, "remove this entry"
                )
            handled.setdefault(handler, set()).add(failing)
        for handler, failing_steps in handled.items():
            if handler in self._index_of:
                self._check_handler_step(handler, failing_steps, raw_steps[self._index_of[handler]])

    def _check_handler_step(self, handler: str, handled: set[str], raw: Mapping[str, Any]) -> None:
        """An error handler starts when a step fails, so it can wait for nothing, nor read what was never returned."""
        index = self._index_of[handler]
        declared = [item for item in raw.get("depends_on") or () if isinstance(item, str)]
        for place, other in enumerate(declared):
            if other not in handled and other in self._index_of:
                message = f"`{handler}` is an error handler: it starts when a step fails and can't wait for `{other}`"
                path = f"steps[{index}].depends_on[{place}]"
                self._add(index, "bad_error_handler", path, message, "remove the dependency")
        for other in self._edges.get(handler, ()):
            if other in handled and other not in declared:
                message = f"`{handler}` handles the failure of `{other}`, which then has no output to refer to"
                remedy = "leave input out: an error handler is given the error"
                self._add(index, "bad_error_handler", f"steps[{index}]", message, remedy)

    def _check_cycles(self, handlers: Mapping[str, str]) -> None:
        edges = with_handler_edges(self._edges, {k: v for k, v in handlers.items() if k != v})
        for count, cycle in enumerate(find_cycles(edges)):
            if count == _MAX_CYCLES:
                break
            index = self._index_of[cycle[0]]
            shown = cycle if len(cycle) <= 20 else [*cycle[:10], f"({len(cycle) - 20} more)", *cycle[-10:]]
            message = f"these steps wait for each other: {' -> '.join(shown)}"
            self._add(index, "cycle", f"steps[{index}]", message, "remove one of these dependencies or references")

    # -- telling ------------------------------------------------------------

    def _add(self, index: int, code: str, path: str, message: str, remedy: str = "") -> None:
        self._found.append((index, Problem(code, path, message, remedy)))

    def _may_suggest(self) -> bool:
        """Searching for the nearest name is slow: only the first problems get one."""
        self._suggestions += 1
        return self._suggestions <= _MAX_SUGGESTIONS

    def _nearest_step(self, step_id: str) -> str:
        known: Iterable[str] = self._index_of if self._may_suggest() else ()
        return did_you_mean(step_id, known) or "add the step, or remove the dependency"


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, str)}
