"""The steps of a definition document, those in blocks included, while a change is applied to them. Pure.

A step in a block is named by its path in the definition, without iterations: `pages.sum_up`, `route.big`. A new step of
a branch says which of its two blocks it goes into: `route.then.big`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from definitions.errors import Problem
from definitions.json_values import field_path
from definitions.nearest import did_you_mean
from definitions.values import Path

BRANCHES = ("then", "else")
_ITERATION = re.compile(r"\[\d+\]")


class _Block(NamedTuple):
    """A list of step documents, where it stands, and the name that a path may call it by."""

    steps: list[dict[str, Any]]
    at: Path
    name: str = ""


class ChangedSteps:
    """A copy of a core document, changed step by step. What can't be done is told as problems."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document: dict[str, Any] = copy.deepcopy(dict(document))
        self.problems: list[Problem] = []
        self._told: dict[str, str] = {}
        self._outermost = {step["id"]: place for place, step in enumerate(self.document["steps"])}

    def edit(self, path: str, fields: Mapping[str, Any], told: str) -> None:
        """Give a step other fields, null for the default; `told`: where the change says so."""
        found = self._find(path, told)
        if found is None:
            return
        block, place = found
        if "id" in fields:
            self._refuse("id_is_fixed", f"{told}.id", "a step keeps its id", "skip it, and inject one of another id")
        given = {name: copy.deepcopy(value) for name, value in fields.items() if name != "id"}
        edited = {**block.steps[place], **given}
        block.steps[place] = {name: value for name, value in edited.items() if value is not None}
        self._told[field_path((*block.at, place))] = told

    def replace_condition(self, path: str, condition: str, told: str) -> None:
        """Let a step run under another condition."""
        found = self._find(path, told)
        if found is not None:
            block, place = found
            block.steps[place] = {**block.steps[place], "condition": condition}

    def inject(self, step: Mapping[str, Any], told: str) -> None:
        """List a step after the others of its block."""
        path = step.get("id")
        around, _, step_id = path.rpartition(".") if isinstance(path, str) else ("", "", path)
        block = self._block(around, told) if around else _Block(self.document["steps"], ("steps",))
        if block is not None:
            self._told[field_path((*block.at, len(block.steps)))] = told
            block.steps.append(copy.deepcopy({**step, "id": step_id} if around else dict(step)))

    def told(self, path: str) -> str:
        """Where the change says what stands at a path of the changed document; that path where it does not."""
        end = len(path)
        while end > 0:
            if (told := self._told.get(path[:end])) is not None:
                return told + path[end:]
            end = max(path.rfind(".", 0, end), path.rfind("[", 0, end))
        return path

    def _block(self, path: str, told: str) -> _Block | None:
        """The block that is meant by the path of its control step, or by that and `then` or `else`."""
        at = f"{told}.id"
        if (found := self._search(path)) is not None:
            step, place = found
            blocks = _blocks(step.steps[place], (*step.at, place))
            if len(blocks) == 1:
                return blocks[0]
            if blocks:
                message = f"`{path}` has two blocks"
                self._refuse("which_block", at, message, f"write `{path}.then.` or `{path}.else.` before the id")
            else:
                self._refuse("no_block", at, f"there are no steps in `{path}`", "name a branch, loop or parallel step")
            return None
        around, _, name = path.rpartition(".")
        if name in BRANCHES and (found := self._search(around)) is not None:
            step, place = found
            chosen = [each for each in _blocks(step.steps[place], (*step.at, place), whole=True) if each.name == name]
            if chosen:
                return chosen[0]
        self._unknown(path, at)
        return None

    def _find(self, path: str, told: str) -> tuple[_Block, int] | None:
        found = self._search(path)
        if found is None:
            self._unknown(path, told)
        return found

    def _search(self, path: str) -> tuple[_Block, int] | None:
        """The block that a step is in, and its place there."""
        head, *parts = path.split(".")
        if head not in self._outermost:
            return None
        block, place = _Block(self.document["steps"], ("steps",)), self._outermost[head]
        for part in parts:
            blocks = _blocks(block.steps[place], (*block.at, place))
            inside = ((each, n) for each in blocks for n, step in enumerate(each.steps) if step.get("id") == part)
            found = next(inside, None)
            if found is None:
                return None
            block, place = found
        return block, place

    def _unknown(self, path: str, told: str) -> None:
        shown = path[:128]
        if _ITERATION.search(shown):
            remedy = f"a change is of all iterations that are still to come: write `{_ITERATION.sub('', shown)}`"
        else:
            remedy = did_you_mean(path, self._paths()) or "`longpole show` lists the steps of a run"
        self._refuse("unknown_step", told, f"there is no step `{shown}`", remedy)

    def _paths(self) -> Iterator[str]:
        blocks = [("", _Block(self.document["steps"], ("steps",)))]
        while blocks:
            prefix, block = blocks.pop()
            for place, step in enumerate(block.steps):
                path = f"{prefix}{step.get('id')}"
                yield path
                blocks += ((f"{path}.", each) for each in _blocks(step, (*block.at, place)))

    def _refuse(self, code: str, path: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(code, path, message, remedy))


def _blocks(step: Mapping[str, Any], at: Path, *, whole: bool = False) -> list[_Block]:
    """The blocks in a step; with `whole` an `else` that is not there yet, too. What a change has made of the step may
    be anything: only what is listed in it is looked at."""
    branch = step.get("branch")
    if whole and isinstance(branch, dict):
        branch.setdefault("else", [])
    holders = [("branch", name, name) for name in BRANCHES] + [(key, "steps", "") for key in ("loop", "parallel")]
    found = []
    for key, name, called in holders:
        holder = step.get(key)
        steps = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(steps, list) and all(isinstance(each, dict) for each in steps):
            found.append(_Block(steps, (*at, key, name), called))
    return found
