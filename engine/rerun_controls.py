"""What a rerun reuses inside of control steps. Pure.

Of a loop each iteration is looked at by itself: what it reads of earlier ones is only `loop.previous`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from definitions.block import (
    ApprovalProgram,
    Block,
    BranchProgram,
    LoopProgram,
    ParallelProgram,
    StepProgram,
    WaitProgram,
    path_prefix,
)
from definitions.errors import LongpoleError
from definitions.open_state import LoopState, OpenState
from definitions.scope import Scope
from definitions.values import BlobRef
from engine.reuse import CHOSEN, DEFINITION_CHANGED, IN_PART, INPUT_CHANGED, NO_OUTPUT, as_reused
from engine.sameness import holds, resolves_alike, same
from store.continuing import LastAttempt

if TYPE_CHECKING:
    from engine.rerun_blocks import BlockPlan


@dataclass
class Found:
    """What there is of a control step."""

    why: str = ""
    """Empty: all of it is as it was."""
    output: Any = None
    begun: OpenState | None = None
    """What it begins with where it runs in part."""


def look_inside(
    plan: BlockPlan, compiled: StepProgram, old: StepProgram, attempt: LastAttempt | None, recorded: Any
) -> Found:
    """What can be reused of a control step that would run as it did. `recorded`: its output, where there is one."""
    control, before = compiled.control, old.control
    if isinstance(control, LoopProgram) and isinstance(before, LoopProgram):
        return _Loop(plan, compiled, control, before, recorded).found()
    if isinstance(control, ParallelProgram) and isinstance(before, ParallelProgram):
        return _block(plan, compiled, "steps", before.body, control.body)
    if isinstance(control, BranchProgram) and isinstance(before, BranchProgram):
        return _branch(plan, compiled, control, before)
    return _leaf(plan, compiled, old, attempt, recorded)


def _block(plan: BlockPlan, compiled: StepProgram, name: str, before: Block, after: Block) -> Found:
    path = plan.prefix + compiled.step.id
    inner = plan.inner(path_prefix(compiled.control, path, name), before, after)
    plan.take(inner)
    begun = OpenState(blocks={name: inner.state}) if inner.done else None
    return Found(IN_PART if inner.affected else "", after.result(inner.outputs), begun)


def _branch(plan: BlockPlan, compiled: StepProgram, control: BranchProgram, before: BranchProgram) -> Found:
    was, now = holds(before.test, plan.old), holds(control.test, plan.new)
    if was is None or was != now:
        return Found(INPUT_CHANGED if before.test.text == control.test.text else DEFINITION_CHANGED)
    old_block, new_block = (before.then, control.then) if now else (before.otherwise, control.otherwise)
    if new_block is None:
        return Found() if old_block is None else Found(DEFINITION_CHANGED)
    if old_block is None:
        return Found(DEFINITION_CHANGED)
    return _block(plan, compiled, "then" if now else "else", old_block, new_block)


def _leaf(
    plan: BlockPlan, compiled: StepProgram, old: StepProgram, attempt: LastAttempt | None, recorded: Any
) -> Found:
    """Another workflow, a wait, an approval: as a whole, or not at all."""
    if old.control is None or not _says_the_same(old, compiled):
        return Found(DEFINITION_CHANGED)
    if not _is_given_the_same(plan, compiled, old):
        return Found(INPUT_CHANGED)
    if attempt is None or attempt.status != "completed" or not attempt.settled:
        return Found(NO_OUTPUT)
    # An approval always gives a mapping; of others inside of blocks null may mean that only their end was recorded.
    only_waits = compiled.step.wait is not None and compiled.step.wait.event is None
    lost = recorded is None and not only_waits and (plan.prefix or isinstance(compiled.control, ApprovalProgram))
    return Found(NO_OUTPUT) if lost else Found(output=recorded)


def _says_the_same(old: StepProgram, new: StepProgram) -> bool:
    before, after = old.step, new.step
    return (before.workflow, before.wait, before.approval) == (after.workflow, after.wait, after.approval)


def _is_given_the_same(plan: BlockPlan, compiled: StepProgram, old: StepProgram) -> bool:
    control, before = compiled.control, old.control
    if isinstance(control, WaitProgram) and isinstance(before, WaitProgram):
        return resolves_alike(before.until, plan.old, control.until, plan.new)
    if isinstance(control, ApprovalProgram) and isinstance(before, ApprovalProgram):
        return resolves_alike(before.message, plan.old, control.message, plan.new) and resolves_alike(
            before.values, plan.old, control.values, plan.new
        )
    if old.input is None and compiled.input is None:
        return plan.wish.same_input
    return resolves_alike(old.input, plan.old, compiled.input, plan.new)


class _Loop:
    def __init__(
        self, plan: BlockPlan, compiled: StepProgram, control: LoopProgram, before: LoopProgram, recorded: Any
    ) -> None:
        self._plan = plan
        self._compiled = compiled
        self._control = control
        self._before = before
        self._path = plan.prefix + compiled.step.id
        self._results = self._list(recorded)
        """Of each iteration that there was, where the loop has completed."""
        same_data = plan.wish.same_input and plan.wish.same_context
        old = plan.old_block.steps[compiled.step.id].step.loop
        new = compiled.step.loop
        self._same_body = same_data and old is not None and new is not None and old.steps == new.steps
        self._reused: dict[int, Any] = {}
        self._begun = OpenState()
        self._ran = 0

    def found(self) -> Found:
        return self._over_items() if self._control.test is None else self._while()

    # -- over a list ------

    def _over_items(self) -> Found:
        old_items, items = self._items(self._before, self._plan.old), self._items(self._control, self._plan.new)
        if old_items is None or items is None:
            return Found(INPUT_CHANGED)
        for index, item in enumerate(items):
            known = index < len(old_items)
            alike = known and same(old_items[index], item)
            loops = [
                {"index": index, "current_item": each, "parent": scope.loop}
                for each, scope in ((old_items[index] if known else None, self._plan.old), (item, self._plan.new))
            ]
            if known:
                self._iteration(index, loops, alike=alike)
            else:
                self._run_whole(index, NO_OUTPUT)
        is_whole = not self._ran and len(items) == len(old_items)
        said = f"{self._ran:,} of {len(items):,} iterations" if not is_whole else ""
        return self._found(said, LoopState(results=self._reused))

    def _items(self, control: LoopProgram, scope: Scope) -> list[Any] | None:
        try:
            return self._list(control.items(scope)) if control.items is not None else None
        except LongpoleError:
            return None

    def _list(self, value: Any) -> list[Any] | None:
        if isinstance(value, BlobRef):
            value = self._plan.wish.before.read(value)
        return list(value) if isinstance(value, list | tuple) else None

    # -- as long as something holds ------

    def _while(self) -> Found:
        """Up to the first iteration that runs again, or is not to be any more."""
        if self._before.test is None or self._control.test is None:
            return Found(DEFINITION_CHANGED)
        previous, index = None, 0
        while True:
            loops = [
                {"index": index, "previous": previous, "parent": scope.loop}
                for scope in (self._plan.old, self._plan.new)
            ]
            goes_on = bool(holds(self._control.test, self._plan.new.within_loop(loops[1])))
            if not goes_on or index >= self._control.most or not self._was_there(index, loops[0]):
                break
            self._iteration(index, loops, alike=True)
            if index not in self._reused:
                break
            previous, index = self._reused[index], index + 1
        done = LoopState(results=self._reused, previous=previous)
        if goes_on:
            if not self._ran:
                self._run_whole(index, NO_OUTPUT)
            return self._found(f"from iteration {index:,} on", done)
        is_whole = self._results is None or index == len(self._results)
        return self._found("" if is_whole else f"ends after {index:,} iterations", done)

    def _was_there(self, index: int, loop: Mapping[str, Any]) -> bool:
        if self._results is not None:
            return index < len(self._results)
        wish, at = self._plan.wish, f"{self._path}[{index}]"
        return bool(holds(self._before.test, self._plan.old.within_loop(loop)) and wish.inside(at))

    # -- one iteration ------

    def _iteration(self, index: int, loops: list[dict[str, Any]], *, alike: bool) -> None:
        wish, at = self._plan.wish, f"{self._path}[{index}]"
        if at in wish.chosen:
            self._run_whole(index, CHOSEN)
            return
        result = self._results[index] if self._results is not None and index < len(self._results) else None
        if alike and self._same_body and self._results is not None and not wish.is_chosen_inside(at):
            self._keep_all(index, result)
            return
        inner = self._plan.inner(f"{at}.", self._before.body, self._control.body, *loops)
        if not inner.affected:
            self._plan.take(inner)
            self._reused[index] = self._control.body.result(inner.outputs)
        elif inner.has_something:
            self._plan.take(inner)
            if inner.done:
                self._begun.blocks[str(index)] = inner.state
            self._ran += 1
        else:
            self._run_whole(index, next(iter(inner.why.values())))

    def _keep_all(self, index: int, result: Any) -> None:
        self._reused[index] = result
        for attempt in self._plan.wish.inside(f"{self._path}[{index}]"):
            self._plan.reused[attempt.step_id] = as_reused(attempt)

    def _run_whole(self, index: int, why: str) -> None:
        self._plan.why[f"{self._path}[{index}]"] = why
        self._ran += 1

    def _found(self, why: str, loop: LoopState) -> Found:
        output = [self._reused[index] for index in sorted(self._reused)]
        self._begun.loop = loop if loop.results else None
        return Found(why, output, self._begun if loop.results or self._begun.blocks else None)
