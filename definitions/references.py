"""`${...}` references: read once, looked up at every run, never pasted as text.

    ${workflow.input.x}  ${input_data.x}      the run's input
    ${s.result}          ${s.result.label}    the output of step s, and what is in it
    ${step_outputs.s}    ${step_outputs.s.x}  the same in the other spelling
    ${context.x}                              the run's shared context
    ${workflow.id}       ${workflow.name}     the run itself
    ${loop.current_item} ${loop.index}        inside a loop; ${loop.previous} with `while`, ${loop.parent.index}

`[0]` and `['a key']` may follow anything. `$${` stands for a plain `${`. What a looked-up value contains is never
looked at again: a result that holds `${secrets.x}` stays that text. Keys of dictionaries are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from definitions.errors import ReferenceInvalid, ReferenceUnresolved
from definitions.scope import Scope
from definitions.values import Path, Text, contains_deferred, join, look_up

Root = Literal["input_data", "context", "workflow", "loop", "step"]

_MAX_LENGTH = 1_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_INDEX = re.compile(r"\[\s*(-?[0-9]{1,9})\s*\]", re.ASCII)
_QUOTED = re.compile(r"""\[\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)")\s*\]""")
_LATER = {
    "template": "only a workflow template has parameters",
    "secrets": "secrets are read by handlers, not by references",
}
_REMEDY = "write ${step.result}, ${step.result.key}, ${input_data.key}, ${workflow.input.key} or ${context.key}"


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference, read: `text` as it was written, where it starts, the step (root `step`), the path from there."""

    text: str
    root: Root
    step_id: str | None
    path: Path

    def resolve(self, scope: Scope) -> Any:
        """The value, with its type. Raises `ReferenceUnresolved`, which names the whole path."""
        try:
            return self._value(scope)
        except ReferenceUnresolved as error:
            raise ReferenceUnresolved(f"{self.text}: {error.message}", remedy=error.remedy) from None

    def _value(self, scope: Scope) -> Any:
        root = self.root
        if root == "step":
            step_id = self.step_id or ""
            if step_id in scope.step_outputs:
                return look_up(scope.step_outputs[step_id], self.path, f"step_outputs.{step_id}")
            return absent_step(step_id, scope)
        if root == "input_data":
            return look_up(scope.input_data, self.path, root)
        if root == "context":
            return look_up(scope.context, self.path, root)
        if root == "loop":
            return look_up(loop_of(scope), self.path, root)
        return look_up(scope.workflow, self.path, root)


def absent_step(step_id: str, scope: Scope) -> None:
    """Null for a skipped step; raises `ReferenceUnresolved` for one without an output."""
    if step_id not in scope.skipped:
        raise ReferenceUnresolved(
            f"step `{step_id}` has no output: it has not completed", remedy=f"add `{step_id}` to depends_on"
        )


def loop_of(scope: Scope) -> Mapping[str, Any]:
    """The current loop; raises `ReferenceUnresolved` outside of one."""
    if scope.loop is None:
        raise ReferenceUnresolved("there is no loop around this step", remedy="use loop.* inside a loop step only")
    return scope.loop


def read_reference(text: str, start: int = 0) -> tuple[Reference, int]:
    """The reference that begins at `text[start]` with `${`, and where it ends. Raises `ReferenceInvalid`."""
    at = start + 2
    name = _NAME.match(text, at)
    if name is None:
        raise _unreadable(text, start)
    keys: list[str | int] = [name[0]]
    at = name.end()
    while at < len(text) and text[at] != "}":
        if text[at] == ".":
            match = _KEY.match(text, at + 1)
            if match is None:
                raise _unreadable(text, start)
            keys.append(match[0])
        elif match := _INDEX.match(text, at):
            keys.append(int(match[1]))
        elif match := _QUOTED.match(text, at):
            keys.append(match[1] if match[1] is not None else match[2])
        else:
            raise _unreadable(text, start)
        at = match.end()
        if at - start > _MAX_LENGTH:
            raise _unreadable(text, start, f"is longer than {_MAX_LENGTH} characters")
    if at >= len(text):
        raise _unreadable(text, start, "has no closing }")
    at += 1
    return _classified(text[start:at], keys), at


def _classified(text: str, keys: list[str | int]) -> Reference:
    root, *rest = keys
    path = tuple(rest)
    if root == "workflow":
        if not path:
            raise ReferenceInvalid(f"{text} names no field of the run", remedy="write ${workflow.input.key}")
        if path[0] == "input":
            return Reference(text, "input_data", None, path[1:])
        return Reference(text, "workflow", None, path)
    if root == "input_data":
        return Reference(text, "input_data", None, path)
    if root == "context":
        return Reference(text, "context", None, path)
    if root == "loop":
        return Reference(text, "loop", None, path)
    if root == "step_outputs":
        if not path or not isinstance(path[0], str):
            raise ReferenceInvalid(f"{text} names no step", remedy="write ${step_outputs.step_id}")
        return Reference(text, "step", path[0], path[1:])
    if root in _LATER:
        raise ReferenceInvalid(f"{text} can't be used here: {_LATER[str(root)]}")
    if not path or path[0] != "result":
        step = str(root)
        dotted = text[2 + len(step) : -1]
        raise ReferenceInvalid(
            f"{text} is not a reference", remedy=f"to read step `{step}` write ${{{step}.result{dotted}}}"
        )
    return Reference(text, "step", str(root), path[1:])


def _unreadable(text: str, start: int, why: str = "can't be read as a reference") -> ReferenceInvalid:
    end = text.find("}", start)
    shown = text[start : end + 1] if end >= 0 else text[start:]
    shown = shown if len(shown) <= 80 else f"{shown[:80]}..."
    return ReferenceInvalid(f"{shown} {why}", remedy=f"{_REMEDY}; for a plain ${{ write $${{")


class Template:
    """A value with references in it, compiled. `step_ids`: the steps it refers to, in order of appearance."""

    __slots__ = ("_resolve", "_value", "step_ids")

    def __init__(self, value: Any, resolve: Callable[[Scope], Any] | None, step_ids: tuple[str, ...]) -> None:
        self._value = value
        self._resolve = resolve
        self.step_ids = step_ids

    def resolve(self, scope: Scope) -> Any:
        """The value with every reference looked up, in one pass. Parts without references are shared, not copied.

        Raises `ReferenceUnresolved`.
        """
        return self._value if self._resolve is None else self._resolve(scope)


def compile_template(value: Any) -> Template:
    """Read every reference in a JSON value once. Raises `ReferenceInvalid` for the first that can't be read."""
    steps: dict[str, None] = {}
    constant, resolve = _compile(value, steps)
    return Template(constant, resolve, tuple(steps))


def find_references(value: Any) -> list[Reference]:
    """Every reference in a JSON value, in order. Raises `ReferenceInvalid` for the first that can't be read."""
    return [part for _, text in located_strings(value) for part in _parts(text) if isinstance(part, Reference)]


def only_reference(text: str) -> Reference | None:
    """The reference that a text is, when it is one and nothing else. Raises `ReferenceInvalid`."""
    parts = _parts(text) if text.startswith("${") else []
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else None


def located_strings(value: Any, at: Path = ()) -> Iterator[tuple[Path, str]]:
    """Where each string with a `${` is in a JSON value, and the string."""
    if isinstance(value, str):
        if "${" in value:
            yield at, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from located_strings(item, (*at, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from located_strings(item, (*at, index))


_Compiled = tuple[Any, Callable[[Scope], Any] | None]
"""A constant, or the function that makes the value."""


def _compile(value: Any, steps: dict[str, None]) -> _Compiled:
    if isinstance(value, str):
        return _compile_string(value, steps) if "${" in value else (value, None)
    if isinstance(value, Mapping):
        return _compile_mapping(value, steps)
    if isinstance(value, list | tuple):
        return _compile_list(value, steps)
    return value, None


def _compile_mapping(value: Mapping[str, Any], steps: dict[str, None]) -> _Compiled:
    compiled = {key: _compile(item, steps) for key, item in value.items()}
    constant = {key: item for key, (item, _) in compiled.items()}
    moving = [(key, resolve) for key, (_, resolve) in compiled.items() if resolve is not None]
    if not moving:
        same = all(constant[key] is item for key, item in value.items())
        return (value if same else constant), None

    def resolve_mapping(scope: Scope) -> dict[str, Any]:
        result = constant.copy()
        for key, resolve in moving:
            result[key] = resolve(scope)
        return result

    return None, resolve_mapping


def _compile_list(value: list[Any] | tuple[Any, ...], steps: dict[str, None]) -> _Compiled:
    compiled = [_compile(item, steps) for item in value]
    constant = [item for item, _ in compiled]
    moving = [(index, resolve) for index, (_, resolve) in enumerate(compiled) if resolve is not None]
    if not moving:
        same = all(new is old for new, old in zip(constant, value, strict=True))
        return (value if same else constant), None

    def resolve_list(scope: Scope) -> list[Any]:
        result = constant.copy()
        for index, resolve in moving:
            result[index] = resolve(scope)
        return result

    return None, resolve_list


def _parts(text: str) -> list[str | Reference]:
    """Plain text and references in turn."""
    parts: list[str | Reference] = []
    plain = ""
    at = 0
    while (start := text.find("${", at)) >= 0:
        if start > at and text[start - 1] == "$":
            plain += text[at : start - 1] + "${"
            at = start + 2
            continue
        plain += text[at:start]
        reference, at = read_reference(text, start)
        if plain:
            parts.append(plain)
            plain = ""
        parts.append(reference)
    plain += text[at:]
    if plain:
        parts.append(plain)
    return parts


def _compile_string(text: str, steps: dict[str, None]) -> _Compiled:
    parts = _parts(text)
    steps.update((part.step_id, None) for part in parts if isinstance(part, Reference) and part.step_id)
    if len(parts) == 1:
        only = parts[0]
        return (only, None) if isinstance(only, str) else (None, only.resolve)

    def interpolate(scope: Scope) -> str | Text:
        values = [part if isinstance(part, str) else part.resolve(scope) for part in parts]
        return Text(tuple(values)) if any(map(contains_deferred, values)) else join(values)

    return None, interpolate
