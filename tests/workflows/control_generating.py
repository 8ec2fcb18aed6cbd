"""Random workflows of control steps in each other, and what their steps do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from definitions.calls import ChildCall, StepCall
from definitions.model import Definition
from definitions.validation import load
from definitions.values import unpack
from tests.workflows.driving import Behaviour, Driver

KINDS = (
    "handler",
    "handler",
    "milestone",
    "branch",
    "loop",
    "while",
    "parallel",
    "workflow",
    "wait",
    "event",
    "approval",
)
BLOCKS = ("branch", "loop", "while", "parallel")
DEEPEST = 4
MOST_STEPS = 14


@dataclass(frozen=True)
class ControlCase:
    """A workflow, and which of its steps fail, or are rejected."""

    document: dict[str, Any]
    definition: Definition
    fails: frozenset[str]
    seconds: dict[str, int]

    def step(self, call: StepCall) -> Behaviour:
        """A handler returns where it is and what it was given."""
        return self._behaviour(call.step_id, [call.step_id, unpack(call.input, call.slots)])

    def child(self, call: ChildCall) -> Behaviour:
        """So does a workflow."""
        return self._behaviour(call.step_id, [call.step_id, unpack(call.input, call.slots)])

    def _behaviour(self, path: str, output: Any) -> Behaviour:
        step_id = path.rpartition(".")[2]
        error = "broken" if step_id in self.fails else None
        return Behaviour(output=output, seconds=self.seconds[step_id], error=error)


class Answering(Driver):
    """A run whose events and approvals come a second after it waits for them."""

    def __init__(self, case: ControlCase, **options: Any) -> None:
        super().__init__(case.definition, case.step, children=case.child, **options)
        self._case = case
        self._answered: set[str] = set()

    def begin(self) -> None:
        super().begin()
        self._look()

    def advance(self) -> None:
        super().advance()
        self._look()

    def _look(self) -> None:
        for path, opened in self.runner.controls.opened.items():
            waiting_for = opened.frame.state.steps[opened.step_id].waiting_for
            if path not in self._answered and waiting_for.startswith(("event:", "approval")):
                self._answered.add(path)
                self.at(self.now - 1_000 + 1, lambda path=path, what=waiting_for: self._answer(path, what))

    def _answer(self, path: str, what: str) -> None:
        if path not in self.runner.controls.opened or self.runner.controls.opened[path].closing:
            return
        if what == "approval":
            self.decide(path, path.rpartition(".")[2] not in self._case.fails, by="me")
        else:
            self.send(what.partition(":")[2], {"told": True})


class _Making:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 0
        self.ids: list[str] = []

    def block(self, depth: int, around: Sequence[str], loops: Sequence[str]) -> list[dict[str, Any]]:
        """`around`: what may be referred to outside of it; `loops`: the kinds of the loops around."""
        steps: list[dict[str, Any]] = []
        for _ in range(self.draw(st.integers(1, 3 if depth else 4))):
            if self.count >= MOST_STEPS and steps:
                break
            beside = [each["id"] for each in steps]
            steps.append(self.step(depth, beside, around, loops))
        return steps

    def step(self, depth: int, beside: Sequence[str], around: Sequence[str], loops: Sequence[str]) -> dict[str, Any]:
        draw = self.draw
        step_id = f"s{self.count}"
        self.count += 1
        self.ids.append(step_id)
        kind = draw(st.sampled_from(KINDS))
        if kind in BLOCKS and (depth >= DEEPEST or self.count >= MOST_STEPS):
            kind = "handler"
        made: dict[str, Any] = {"id": step_id}
        known = [*beside, *around]
        some = st.lists(st.sampled_from(known), max_size=2, unique=True) if known else st.just([])
        if beside:
            made["depends_on"] = draw(st.lists(st.sampled_from(beside), max_size=2, unique=True))
        if draw(st.integers(0, 6)) == 0:
            made["condition"] = draw(st.sampled_from(["1 < 2", "2 < 1"]))
        given: dict[str, Any] = {each: f"${{{each}.result}}" for each in draw(some)}
        if loops and draw(st.booleans()):
            given["i"] = "${loop.index}"
            given["x"] = "${loop.current_item}" if loops[-1] == "items" else "${loop.previous}"
            if len(loops) > 1:
                given["up"] = "${loop.parent.index}"
        inner = [*known]
        if kind in ("handler", "milestone", "workflow"):
            made["input"] = given
            if kind != "milestone":
                made[kind] = "app.work" if kind == "handler" else {"name": "other"}
        elif kind == "branch":
            test = "loop.index > 0" if loops and draw(st.booleans()) else draw(st.sampled_from(["1 < 2", "2 < 1"]))
            made["branch"] = {"if": test, "then": self.block(depth + 1, inner, loops)}
            if draw(st.booleans()):
                made["branch"]["else"] = self.block(depth + 1, inner, loops)
        elif kind in ("loop", "while"):
            made["loop"] = self._loop(kind, depth, inner, loops)
        elif kind == "parallel":
            made["parallel"] = {"steps": self.block(depth + 1, inner, loops)}
            if draw(st.booleans()):
                made["parallel"]["max_parallel"] = draw(st.integers(1, 2))
        elif kind == "wait":
            made["wait"] = draw(st.integers(1, 5))
        elif kind == "event":
            made["wait"] = {"event": step_id}
        else:
            made["approval"] = {"message": "is it?", "values": given}
        return made

    def _loop(self, kind: str, depth: int, inner: Sequence[str], loops: Sequence[str]) -> dict[str, Any]:
        draw = self.draw
        loop: dict[str, Any] = {"on_failure": draw(st.sampled_from(["fail", "continue"]))}
        count = draw(st.integers(0, 3))
        if kind == "while":
            loop |= {"while": f"loop.index < {count}", "max_iterations": draw(st.integers(1, 3))}
        else:
            loop["iterate_over"] = [{"n": number} for number in range(count)]
            if draw(st.booleans()):
                loop["parallel"] = True
                if draw(st.booleans()):
                    loop["max_parallel"] = draw(st.integers(1, 2))
        loop["steps"] = self.block(depth + 1, inner, (*loops, "items" if kind == "loop" else "while"))
        return loop


@st.composite
def control_cases(draw: st.DrawFn) -> ControlCase:
    """Workflows in which each step comes after what it waits for."""
    making = _Making(draw)
    document = {"name": "random", "steps": making.block(0, (), ())}
    if draw(st.booleans()):
        document["max_parallel_steps"] = draw(st.integers(1, 3))
    fails = draw(st.sets(st.sampled_from(making.ids), max_size=2))
    seconds = {step_id: draw(st.integers(0, 3)) for step_id in making.ids}
    return ControlCase(document, load(document), frozenset(fails), seconds)
