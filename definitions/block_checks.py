"""Ids, references and cycles, block by block: what a step refers to is beside it or around it, never inside another.

Works on documents as they come, so that a broken field hides nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from definitions.errors import ExpressionRefused, ReferenceInvalid
from definitions.expressions import compile_expression
from definitions.findings import Findings
from definitions.graph import find_cycles
from definitions.input_schema import schema_problems
from definitions.json_values import field_path
from definitions.loop_values import LoopKind, loop_problem
from definitions.model import MAX_NESTING, MAX_STEPS, RESERVED_STEP_IDS
from definitions.nearest import did_you_mean
from definitions.references import find_references, located_strings, only_reference
from definitions.values import Path

_MAX_CYCLES = 20
_BLOCKS = (("branch", "then"), ("branch", "else"), ("loop", "steps"), ("parallel", "steps"))


@dataclass
class Block:
    """A block of a document, and the blocks around it."""

    steps: Sequence[Any]
    at: Path
    loops: tuple[LoopKind, ...] = ()
    """The loops around its steps, the innermost last."""
    around: Block | None = None
    control: str = ""
    """The step of the block around it that it is in."""
    index_of: dict[str, int] = field(default_factory=dict)
    edges: dict[str, dict[str, None]] = field(default_factory=dict)
    """What each of its steps waits for in this block."""

    @property
    def depth(self) -> int:
        return 0 if self.around is None else self.around.depth + 1


class BlockChecks:
    """The checks of one document; `root` is its outermost block."""

    def __init__(self, findings: Findings, raw_steps: Sequence[Any]) -> None:
        self._findings = findings
        self._inside: dict[str, str] = {}
        """Steps of inner blocks: the control step that each is in."""
        self._count = 0
        self._index = -1
        self.root = Block(raw_steps, ("steps",))

    def run(self) -> None:
        """All of them, except for cycles."""
        blocks: list[tuple[int, Block]] = []
        self._learn_ids(self.root, set())
        for index, raw in enumerate(self.root.steps):
            self._index = index
            self._learn_inner(self.root, index, raw, blocks)
        if self._count > MAX_STEPS:
            message = f"{self._count} steps are more than the {MAX_STEPS} that one definition may have"
            self._findings.add(-1, "too_many_steps", "steps", message, "split the workflow")
            return
        for index, raw in enumerate(self.root.steps):
            self._index = index
            self._check_step(self.root, index, raw)
        for self._index, block in blocks:
            for place, raw in enumerate(block.steps):
                self._check_step(block, place, raw)
        for self._index, block in blocks:
            self.check_cycles(block, {step_id: tuple(needs) for step_id, needs in block.edges.items()})

    # -- ids ------------------------------------------------------------

    def _learn_ids(self, block: Block, taken: set[str]) -> None:
        """`taken`: ids of the other block of the same control step."""
        self._count += len(block.steps)
        for place, raw in enumerate(block.steps):
            step_id = raw.get("id") if isinstance(raw, Mapping) else None
            if not isinstance(step_id, str):
                continue
            index = place if block.around is None else self._index
            path = field_path((*block.at, place, "id"))
            if step_id in RESERVED_STEP_IDS:
                message, remedy = f"`{step_id}` means something else in references", "rename the step"
                self._findings.add(index, "reserved_id", path, message, remedy)
            elif step_id in block.index_of:
                first = field_path((*block.at, block.index_of[step_id]))
                message = f"`{step_id}` is already the id of {first}"
                self._findings.add(index, "duplicate_id", path, message, "give each step an id of its own")
            elif step_id in taken or any(step_id in other.index_of for other in _around(block)):
                message = f"`{step_id}` is already the id of a step around or beside this block"
                self._findings.add(index, "duplicate_id", path, message, "give each step an id of its own")
            else:
                block.index_of[step_id] = place
                block.edges[step_id] = {}

    def _learn_inner(self, block: Block, place: int, raw: object, blocks: list[tuple[int, Block]]) -> None:
        if not isinstance(raw, Mapping):
            return
        taken: set[str] = set()
        for key, steps_key in _BLOCKS:
            holder = raw.get(key)
            steps = holder.get(steps_key) if isinstance(holder, Mapping) else None
            if not isinstance(holder, Mapping) or not isinstance(steps, list | tuple):
                continue
            at = (*block.at, place, key, steps_key)
            step_id = raw.get("id")
            control = step_id if isinstance(step_id, str) else ""
            loops = (*block.loops, _loop_kind(holder)) if key == "loop" else block.loops
            inner = Block(steps, at, loops, block, control)
            if inner.depth > MAX_NESTING:
                message = f"blocks are nested deeper than {MAX_NESTING} levels"
                self._findings.add(self._index, "too_deep", field_path(at), message, "make a workflow of its own of it")
                continue
            self._learn_ids(inner, taken)
            taken |= inner.index_of.keys()
            self._inside.update(dict.fromkeys(inner.index_of, control))
            blocks.append((self._index, inner))
            for inner_place, inner_raw in enumerate(steps):
                self._learn_inner(inner, inner_place, inner_raw, blocks)

    # -- references ------------------------------------------------------------

    def _check_step(self, block: Block, place: int, raw: object) -> None:
        if not isinstance(raw, Mapping):
            return
        step_id = raw.get("id")
        is_first = isinstance(step_id, str) and block.index_of.get(step_id) == place
        needs = block.edges[str(step_id)] if is_first else {}
        at = (*block.at, place)
        depends_on = raw.get("depends_on")
        if isinstance(depends_on, list | tuple):
            for number, other in enumerate(depends_on):
                if isinstance(other, str):
                    self._need(block, needs, other, (*at, "depends_on", number))
        self._check_references(block, needs, raw.get("input"), (*at, "input"))
        self._check_expression(block, needs, raw.get("condition"), (*at, "condition"))
        if isinstance(raw.get("handler"), str):
            self._findings.check_handler(self._index, raw["handler"], raw.get("input"), at)
        self._check_retry(raw, at)
        self._check_control(block, needs, raw, at)

    def _check_control(self, block: Block, needs: dict[str, None], raw: Mapping[str, Any], at: Path) -> None:
        for key in ("branch", "loop", "wait", "approval"):
            control = raw.get(key)
            if not isinstance(control, Mapping):
                continue
            if key == "branch":
                self._check_expression(block, needs, control.get("if"), (*at, key, "if"))
            elif key == "loop":
                inside = Block((), at, (*block.loops, "while"), block.around, block.control, block.index_of)
                self._check_expression(inside, needs, control.get("while"), (*at, key, "while"))
                self._check_items(block, needs, control.get("iterate_over"), (*at, key, "iterate_over"))
            elif key == "wait":
                self._check_references(block, needs, control.get("until"), (*at, key, "until"))
            else:
                self._check_references(block, needs, control.get("message"), (*at, key, "message"))
                self._check_references(block, needs, control.get("values"), (*at, key, "values"))
                if isinstance(control.get("form"), Mapping):
                    path = field_path((*at, key, "form"))
                    self._findings.extend(self._index, schema_problems(control["form"], path, "bad_form"))

    def _check_items(self, block: Block, needs: dict[str, None], items: object, at: Path) -> None:
        if not isinstance(items, str):
            self._check_references(block, needs, items, at)
            return
        try:
            reference = only_reference(items)
        except ReferenceInvalid as error:
            self._findings.add(self._index, error.code, field_path(at), error.message, error.remedy)
            return
        if reference is not None:
            self._check_references(block, needs, items, at)
        else:
            self._check_expression(block, needs, items, at)

    def _check_references(self, block: Block, needs: dict[str, None], value: object, at: Path) -> None:
        for path, text in located_strings(value, at):
            try:
                references = find_references(text)
            except ReferenceInvalid as error:
                self._findings.add(self._index, error.code, field_path(path), error.message, error.remedy)
                continue
            for reference in references:
                if reference.step_id is not None:
                    self._need(block, needs, reference.step_id, path)
                elif reference.root == "loop":
                    self._check_loop_value(block, reference.path, path)

    def _check_expression(self, block: Block, needs: dict[str, None], text: object, at: Path) -> None:
        if not isinstance(text, str):
            return
        try:
            expression = compile_expression(text)
        except ExpressionRefused as error:
            self._findings.add(self._index, error.code, field_path(at), error.message, error.remedy)
            return
        for other in expression.step_ids:
            self._need(block, needs, other, at)
        for path in expression.loop_paths:
            self._check_loop_value(block, path, at)

    def _check_loop_value(self, block: Block, loop_path: Path, at: Path) -> None:
        wrong = loop_problem(loop_path, block.loops)
        if wrong is not None:
            self._findings.add(self._index, "bad_loop_reference", field_path(at), *wrong)

    def _need(self, block: Block, needs: dict[str, None], other: str, at: Path) -> None:
        """A step of this block, or of a block around it: then the control step that it is in waits for that."""
        if other in block.index_of:
            needs[other] = None
            return
        control = block.control
        for outer in _around(block):
            if other in outer.index_of:
                if other == control:
                    message = f"this is inside of `{other}`, which has no result before it ends"
                    remedy = "refer to the steps beside this one"
                    self._findings.add(self._index, "refers_to_enclosing", field_path(at), message, remedy)
                elif control in outer.edges:
                    outer.edges[control][other] = None
                return
            control = outer.control
        remedy = self._nearest_step(block, other)
        message = f"there is no step `{other[:128]}`"
        if other in self._inside:
            message += " beside or around this one"
            remedy = f"it is inside of `{self._inside[other]}`: refer to that step's result"
        self._findings.add(self._index, "unknown_step", field_path(at), message, remedy)

    def _nearest_step(self, block: Block, step_id: str) -> str:
        return self.suggestion(step_id, (known for each in (block, *_around(block)) for known in each.index_of))

    def suggestion(self, step_id: str, known: Iterator[str]) -> str:
        """What to do about an id that is none of the known ones."""
        near = did_you_mean(step_id, known) if self._findings.may_suggest() else ""
        return near or "add the step, or remove the dependency"

    def _check_retry(self, raw: Mapping[Any, Any], at: Path) -> None:
        retry = raw.get("retry")
        attempts = retry.get("max_attempts") if isinstance(retry, Mapping) else None
        if raw.get("at_most_once") is True and isinstance(attempts, int) and attempts > 1:
            message = f"a step that may start once only can't have {attempts} attempts"
            path = field_path((*at, "retry", "max_attempts"))
            self._findings.add(self._index, "retry_at_most_once", path, message, "remove max_attempts, or at_most_once")

    # -- cycles ------------------------------------------------------------

    def check_cycles(self, block: Block, edges: Mapping[str, tuple[str, ...]]) -> None:
        """Steps of a block that wait for each other."""
        for count, cycle in enumerate(find_cycles(edges)):
            if count == _MAX_CYCLES:
                break
            place = block.index_of[cycle[0]]
            index = place if block.around is None else self._index
            shown = cycle if len(cycle) <= 20 else [*cycle[:10], f"({len(cycle) - 20} more)", *cycle[-10:]]
            message = f"these steps wait for each other: {' -> '.join(shown)}"
            path, remedy = field_path((*block.at, place)), "remove one of these dependencies or references"
            self._findings.add(index, "cycle", path, message, remedy)


def _around(block: Block) -> Iterator[Block]:
    outer = block.around
    while outer is not None:
        yield outer
        outer = outer.around


def _loop_kind(loop: Mapping[str, Any]) -> LoopKind:
    return "while" if loop.get("while") is not None else "items"
