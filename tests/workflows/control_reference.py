"""What a workflow of control steps must come to, by recursion over its document: nothing of the runner is in here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_REFERENCE = re.compile(r"\$\{(s\d+)\.result\}")


class BlockFails(Exception):
    """Something in a block fails."""


@dataclass
class Block:
    """The steps of an instance that have been dealt with."""

    steps: Sequence[Mapping[str, Any]]
    prefix: str = ""
    around: Block | None = None
    loop: Mapping[str, Any] | None = None
    statuses: dict[str, tuple[str, str]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def status(self, step_id: str) -> str:
        holder: Block | None = self
        while holder is not None and step_id not in holder.statuses:
            holder = holder.around
        assert holder is not None
        return holder.statuses[step_id][0]

    def output(self, step_id: str) -> Any:
        holder: Block | None = self
        while holder is not None and step_id not in holder.statuses:
            holder = holder.around
        return holder.outputs.get(step_id) if holder is not None else None


def mentioned(step: Any) -> set[str]:
    """The steps that it, or anything in it, waits for."""
    found = set(_REFERENCE.findall(json.dumps(step)))
    waiting = [step]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found |= set(each.get("depends_on", ()))
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


class ControlReference:
    """`fails`: the steps that do."""

    def __init__(self, fails: frozenset[str]) -> None:
        self._fails = fails

    def root(self, steps: Sequence[Mapping[str, Any]]) -> Block:
        """How each of the outermost steps ends."""
        block = Block(steps)
        self._go_through(block)
        return block

    def result(self, block: Block) -> Any:
        """What a block comes to."""
        needed = {each for step in block.steps for each in mentioned(step)}
        sinks = [step["id"] for step in block.steps if step["id"] not in needed]
        if len(sinks) == 1:
            return block.outputs.get(sinks[0])
        return {step_id: block.outputs.get(step_id) for step_id in sinks}

    def _go_through(self, block: Block) -> None:
        own = {step["id"] for step in block.steps}
        for step in block.steps:
            above = [block.statuses[each] for each in sorted(mentioned(step) & own) if each in block.statuses]
            read = _REFERENCE.findall(json.dumps(step.get("input", step.get("approval", {}).get("values"))))
            if any(told[0] == "failed" or told == ("skipped", "upstream_failed") for told in above):
                told = ("skipped", "upstream_failed")
            elif read and all(block.status(each) == "skipped" for each in read):
                told = ("skipped", "upstream_skipped")
            elif step.get("condition") == "2 < 1":
                told = ("skipped", "condition")
            else:
                try:
                    block.outputs[step["id"]] = self._of_step(step, block)
                    told = ("completed", "")
                except BlockFails:
                    told = ("failed", "")
            block.statuses[step["id"]] = told

    def _of_step(self, step: Mapping[str, Any], block: Block) -> Any:
        path = block.prefix + step["id"]
        if "branch" in step:
            return self._of_branch(step["branch"], block, path)
        if "parallel" in step:
            return self._inside(step["parallel"]["steps"], block, f"{path}.", block.loop)
        if "loop" in step:
            return self._of_loop(step["loop"], block, path)
        if "wait" in step:
            return {"told": True} if isinstance(step["wait"], dict) else None
        if step["id"] in self._fails and ("handler" in step or "workflow" in step or "approval" in step):
            raise BlockFails
        if "approval" in step:
            values = self._resolved(step["approval"]["values"], block)
            return {"approved": True, "by": "me", "at": None, "comment": "", "values": values}
        given = self._resolved(step["input"], block)
        return [path, given] if "handler" in step or "workflow" in step else given

    def _of_branch(self, branch: Mapping[str, Any], block: Block, path: str) -> Any:
        holds = (
            block.loop is not None and block.loop["index"] > 0 if "loop" in branch["if"] else branch["if"] == "1 < 2"
        )
        steps = branch["then"] if holds else branch.get("else", [])
        return self._inside(steps, block, f"{path}.", block.loop) if steps else None

    def _of_loop(self, loop: Mapping[str, Any], block: Block, path: str) -> list[Any]:
        items = loop.get("iterate_over")
        count = len(items) if items is not None else int(loop["while"].rpartition(" ")[2])
        if items is None and count > loop["max_iterations"]:
            count = loop["max_iterations"] + 1
        results: list[Any] = []
        for index in range(count):
            if items is None and index == loop["max_iterations"]:
                raise BlockFails
            given = (
                {"current_item": items[index]} if items is not None else {"previous": results[-1] if results else None}
            )
            values = {"index": index, "parent": block.loop, **given}
            try:
                results.append(self._inside(loop["steps"], block, f"{path}[{index}].", values))
            except BlockFails:
                if loop["on_failure"] == "fail":
                    raise
                results.append(None)
        return results

    def _inside(
        self, steps: Sequence[Mapping[str, Any]], around: Block, prefix: str, loop: Mapping[str, Any] | None
    ) -> Any:
        block = Block(steps, prefix, around, loop)
        self._go_through(block)
        if any(told[0] == "failed" for told in block.statuses.values()):
            raise BlockFails
        return self.result(block)

    def _resolved(self, given: Mapping[str, Any], block: Block) -> dict[str, Any]:
        return {key: self._value(text, block) for key, text in given.items()}

    def _value(self, text: str, block: Block) -> Any:
        match = _REFERENCE.fullmatch(text)
        if match is not None:
            return block.output(match[1])
        value: Any = {"loop": block.loop}
        for key in text.removeprefix("${").removesuffix("}").split("."):
            value = value[key]
        return value
