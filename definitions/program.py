"""A definition made ready to run: everything that can be computed before the first step is, once per content digest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from definitions.block import Block, StepProgram
from definitions.compiling import compile_block
from definitions.errors import DefinitionInvalid, Problem
from definitions.graph import dependencies
from definitions.looked_into import looked_into
from definitions.model import Definition


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Program:
    """A whole definition, compiled."""

    definition: Definition
    digest: str
    root: Block
    """The outermost steps."""
    looked_into: frozenset[str]
    """Of which steps outputs stay in a checkpoint (`definitions.looked_into`)."""

    @property
    def steps(self) -> Mapping[str, StepProgram]:
        """The outermost steps, in the definition's order."""
        return self.root.steps

    @property
    def order(self) -> tuple[str, ...]:
        """Their ids."""
        return self.root.order

    @property
    def sinks(self) -> tuple[str, ...]:
        """The steps whose outputs are the run's result; never error handlers."""
        return self.root.sinks


def compile_definition(definition: Definition, digest: str) -> Program:
    """Compile a checked definition.

    Raises `definitions.errors.LongpoleError` when a reference or condition in it is refused, or when a run of it could
    never end, which validation has ruled out for every stored definition.
    """
    edges = dependencies(definition)
    for step_id, needed in edges.items():
        for other in needed:
            if other not in edges:
                message = f"step {step_id!r} waits for {other!r}, which is no step"
                raise DefinitionInvalid([Problem("not_runnable", "steps", message)])
    root = compile_block(definition.steps, edges, definition.error_handlers)
    return Program(definition, digest, root, looked_into(root))


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
