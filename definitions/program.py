"""A definition made ready to run: everything that can be computed before the first step is, once per content digest.

Compiling a definition of n steps and m edges takes O(n + m); the runner then only counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from definitions.errors import DefinitionInvalid, Problem
from definitions.expressions import Expression, compile_expression
from definitions.graph import dependencies, sinks, topological_order, with_handler_edges
from definitions.model import Definition, Step
from definitions.references import Template, compile_template


@dataclass(frozen=True, slots=True)
class StepProgram:
    """One step, compiled."""

    index: int
    step: Step
    requires: tuple[str, ...]
    """Steps that must have ended before this one starts, declared or referred to; an error handler waits for none."""
    reads: tuple[str, ...]
    """Steps whose outputs its input refers to."""
    is_sink: bool
    required_by: tuple[str, ...]
    after: str | None
    """The sequential sibling that must have ended, well or not, before this one starts."""
    before: str | None
    """The sequential sibling that waits for this one."""
    handles: tuple[str, ...]
    """Steps whose final failure starts this one; a step that handles others runs for nothing else."""
    error_handler: str | None
    input: Template | None
    condition: Expression | None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Program:
    """A whole definition, compiled; `steps` is in the definition's order."""

    definition: Definition
    digest: str
    steps: Mapping[str, StepProgram]
    order: tuple[str, ...]
    sinks: tuple[str, ...]
    """The steps whose outputs are the run's result; never error handlers."""


def compile_definition(definition: Definition, digest: str) -> Program:
    """Compile a checked definition.

    Raises `definitions.errors.LongpoleError` when a reference or condition in it is refused, or when a run of it could
    never end, which validation has ruled out for every stored definition.
    """
    _require_an_end(definition)
    handlers = set(definition.error_handlers.values())
    # An error handler starts when its step fails; it must not wait for what may itself wait for that step.
    requires = {step_id: () if step_id in handlers else needed for step_id, needed in dependencies(definition).items()}
    ends = sinks(definition)
    is_sink = frozenset(ends)
    required_by: dict[str, list[str]] = {step.id: [] for step in definition.steps}
    for step_id, needed in requires.items():
        for other in needed:
            required_by[other].append(step_id)
    handles: dict[str, list[str]] = {}
    for failing, handler in definition.error_handlers.items():
        handles.setdefault(handler, []).append(failing)
    after = _sequential_siblings(definition, requires)
    before = {earlier: later for later, earlier in after.items()}

    steps: dict[str, StepProgram] = {}
    for index, step in enumerate(definition.steps):
        template = compile_template(dict(step.input)) if step.input is not None else None
        steps[step.id] = StepProgram(
            index=index,
            step=step,
            requires=requires[step.id],
            reads=tuple(template.step_ids) if template else (),
            is_sink=step.id in is_sink,
            required_by=tuple(required_by[step.id]),
            after=after.get(step.id),
            before=before.get(step.id),
            handles=tuple(handles.get(step.id, ())),
            error_handler=definition.error_handlers.get(step.id),
            input=template,
            condition=compile_expression(step.condition) if step.condition is not None else None,
        )
    return Program(definition=definition, digest=digest, steps=steps, order=tuple(steps), sinks=tuple(ends))


def _require_an_end(definition: Definition) -> None:
    edges = dependencies(definition, with_error_handlers=True)
    named = {*(other for needed in edges.values() for other in needed), *definition.error_handlers.values()}
    if len(topological_order(edges)) < len(definition.steps) or not named <= edges.keys():
        raise DefinitionInvalid(
            [
                Problem(
                    "not_runnable", "steps", "steps wait for each other, share an id, or wait for a step that is none"
                )
            ]
        )


def _sequential_siblings(definition: Definition, requires: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """For each sequential step but the first of its group, the sibling before it.

    A group is what has the same declared dependencies; it runs in listed order or, where references make that
    impossible, in an order that they allow. Error handlers are in no group: they start when their step has failed.
    """
    handlers = set(definition.error_handlers.values())
    groups: dict[frozenset[str], list[str]] = {}
    for step in definition.steps:
        if step.execution_mode == "sequential" and step.id not in handlers:
            groups.setdefault(frozenset(step.depends_on), []).append(step.id)
    after = _in_turn(groups.values())
    edges = with_handler_edges(requires, definition.error_handlers)
    in_turn = {**edges, **{later: (*edges[later], earlier) for later, earlier in after.items()}}
    if after and len(topological_order(in_turn)) < len(edges):
        place = {step_id: index for index, step_id in enumerate(topological_order(edges))}
        after = _in_turn(sorted(group, key=place.__getitem__) for group in groups.values())
    return after


def _in_turn(groups: Iterable[list[str]]) -> dict[str, str]:
    return {later: earlier for group in groups for earlier, later in pairwise(group)}


class ProgramCache:
    """The programs of the definitions used last, by digest: many runs of one definition compile it once.

    What a run holds stays findable as long as it does. Threads may share it; two that come at the same time may both
    compile, with the same result."""

    def __init__(self, size: int = 64, steps: int = 250_000) -> None:
        self._size = size
        self._steps = steps
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._held: WeakValueDictionary[str, Program] = WeakValueDictionary()
        self._lock = Lock()

    def get(self, document: Mapping[str, Any], digest: str) -> Program:
        """The program of a core definition document whose digest is known.

        Raises `pydantic.ValidationError` when the document is no definition.
        """
        return self.known(digest) or self._keep(compile_definition(Definition.model_validate(document), digest))

    def known(self, digest: str) -> Program | None:
        """The program, where it has been compiled."""
        with self._lock:
            program = self._held.get(digest)
            if program is not None and digest in self._programs:
                self._programs.move_to_end(digest)
            return program

    def forget(self, digest: str) -> None:
        """As if it had not been compiled."""
        with self._lock:
            self._programs.pop(digest, None)
            self._held.pop(digest, None)

    def _keep(self, program: Program) -> Program:
        with self._lock:
            self._held[program.digest] = self._programs[program.digest] = program
            steps = sum(len(each.order) for each in self._programs.values())
            while len(self._programs) > self._size or (steps > self._steps and len(self._programs) > 1):
                steps -= len(self._programs.popitem(last=False)[1].order)
        return program


programs = ProgramCache()
