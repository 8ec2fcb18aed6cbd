"""What a rerun reuses of one instance of a block: the outermost steps, an iteration of a loop, a branch. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import ChainMap
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from definitions.block import Block, StepProgram
from definitions.block_state import PENDING, BlockState
from definitions.errors import LongpoleError
from definitions.graph import topological_order, with_handler_edges
from definitions.open_state import OpenState
from definitions.scope import Scope
from definitions.values import pack
from engine.done_steps import DECIDED_AGAIN, is_lost_milestone, recorded_output
from engine.rerun_controls import Found, look_inside
from engine.reuse import CHOSEN, DEFINITION_CHANGED, DOWNSTREAM, INPUT_CHANGED, NO_OUTPUT, REUSED, as_reused
from engine.sameness import holds, resolves_alike, same, text_of
from store.continuing import LastAttempt

if TYPE_CHECKING:
    from engine.rerun_plan import RunAsItWas


@dataclass(frozen=True)
class Wish:
    """What is the same for all blocks of a run."""

    before: RunAsItWas
    chosen: Collection[str]
    """Path ids of steps, and of iterations (`docs[3]`)."""
    same_input: bool
    same_context: bool
    error_handlers: Mapping[str, str]
    recorded: list[str] = field(default_factory=list)
    """The path ids that have attempts, sorted."""

    def is_chosen_inside(self, path: str) -> bool:
        """Whether something in a control step or an iteration was chosen."""
        return any(each.startswith((f"{path}.", f"{path}[")) for each in self.chosen)

    def inside(self, path: str) -> list[LastAttempt]:
        """The attempts of steps in a control step, or in an iteration, that completed."""
        found = []
        for opening in (".", "["):
            place = bisect_left(self.recorded, path + opening)
            while place < len(self.recorded) and self.recorded[place].startswith(path + opening):
                attempt = self.before.attempts[self.recorded[place]]
                if attempt.status == "completed":
                    found.append(attempt)
                place += 1
        return found


class BlockPlan:
    """Plans one instance; `old` and `new` are what its steps see by the definitions and inputs then and now."""

    def __init__(
        self,
        wish: Wish,
        old_block: Block,
        new_block: Block,
        old: Scope,
        new: Scope,
        *,
        prefix: str = "",
        outputs: list[dict[str, Any]],
        skipped: set[str],
    ) -> None:
        """`outputs`: of this instance, where they are to be put, then of those around it."""
        self.wish = wish
        self.old = old
        self.new = new
        self.prefix = prefix
        self.old_block = old_block
        self.new_block = new_block
        self._all_outputs = outputs
        self.outputs = outputs[0]
        """Of what is reused, seen by both scopes: where they differ, what reads them runs again anyway."""
        self.skipped = skipped
        """What is skipped as it was."""
        self.affected: set[str] = set()
        """What runs again, or may turn out otherwise than it did."""
        self.done: dict[str, LastAttempt | None] = {}
        """What has an output, with the attempt that gave it where one is recorded."""
        self.reused: dict[str, LastAttempt] = {}
        self.why: dict[str, str] = {}
        self.begun: dict[str, OpenState] = {}

    def plan(self) -> BlockPlan:
        """Each step, after those that it waits for."""
        error_handlers = self.wish.error_handlers if not self.prefix else {}
        edges = {step_id: compiled.requires for step_id, compiled in self.new_block.steps.items()}
        for step_id in topological_order(with_handler_edges(edges, error_handlers)):
            compiled = self.new_block.steps[step_id]
            if compiled.handles:
                self._plan_error_handler(compiled)
            else:
                self._plan_step(compiled)
        return self

    def inner(self, prefix: str, old_block: Block, new_block: Block, *loops: Mapping[str, Any]) -> BlockPlan:
        """The plan of an instance of a block inside of this one; `loops`: what `loop` was and is in it."""
        outputs: list[dict[str, Any]] = [{}, *self._all_outputs]
        skipped: set[str] = set()
        old_loop, new_loop = loops or (self.old.loop, self.new.loop)
        old, new = _inside(self.old, outputs, skipped, old_loop), _inside(self.new, outputs, skipped, new_loop)
        return BlockPlan(
            self.wish, old_block, new_block, old, new, prefix=prefix, outputs=outputs, skipped=skipped
        ).plan()

    def take(self, inner: BlockPlan) -> None:
        """What an instance inside of this one reuses and runs is part of this one's plan."""
        self.reused |= inner.reused
        self.why |= inner.why
        self.begun |= inner.begun

    @property
    def has_something(self) -> bool:
        """Whether anything in it is reused."""
        return bool(self.done or self.begun)

    @property
    def state(self) -> BlockState:
        """What the instance begins with."""
        state = BlockState(dict.fromkeys(self.new_block.order, PENDING))
        for step_id, attempt in self.done.items():
            step = state.set_status(step_id, "completed")
            step.settled, step.reason = True, REUSED
            if attempt is not None:
                step.completed_at = attempt.completed_at.timestamp() if attempt.completed_at else None
            state.outputs[step_id] = self.outputs[step_id]
        return state

    # -- steps ------

    def _plan_step(self, compiled: StepProgram) -> None:
        step_id = compiled.step.id
        path = self.prefix + step_id
        old = self.old_block.steps.get(step_id)
        attempt = self.wish.before.attempts.get(path)
        ran = self._ran(old, attempt)
        why = self._why_it_runs(compiled, old, attempt, ran=ran)
        if why:
            self._run(path, step_id, why)
        elif not ran or old is None:
            self.skipped.add(step_id)
        elif compiled.control is not None:
            self._plan_control(compiled, old, attempt)
        elif attempt is not None:
            self._reuse(compiled, attempt)
        else:  # a milestone: it comes to that once more
            self.outputs[step_id] = compiled.input.resolve(self.new) if compiled.input is not None else None

    def _plan_control(self, compiled: StepProgram, old: StepProgram, attempt: LastAttempt | None) -> None:
        step_id = compiled.step.id
        path = self.prefix + step_id
        before = self.wish.before
        # What the run told of a control step while it went on has no output; what it told at the end of its block has.
        ended = attempt if attempt is not None and attempt.status == "completed" and attempt.settled else None
        recorded = recorded_output(before.program, before.attempts, ended) if ended is not None else None
        unchanged = self.wish.same_input and self.wish.same_context and old.step == compiled.step
        if recorded is not None and unchanged and not self.prefix and not self.wish.is_chosen_inside(path):
            found = Found(output=recorded)
            self.reused |= {each.step_id: as_reused(each) for each in self.wish.inside(path)}
        else:
            found = look_inside(self, compiled, old, ended, recorded)
        if found.why or (ended is None and not self.prefix):
            self._run(path, step_id, found.why or NO_OUTPUT)
            if found.begun is not None:
                self.begun[path] = found.begun
            return
        self.outputs[step_id] = recorded if recorded is not None else found.output
        self.done[step_id] = ended
        if ended is not None:
            output, slots = pack(self.outputs[step_id])
            self.reused[path] = as_reused(replace(ended, output=output, slots=slots))

    def _plan_error_handler(self, compiled: StepProgram) -> None:
        step_id = compiled.step.id
        attempt = self.wish.before.attempts.get(step_id)
        if any(each in self.affected for each in compiled.handles):
            self.affected.add(step_id)
        elif attempt is not None and attempt.status == "completed":
            self._reuse(compiled, attempt)
        else:
            self.skipped.add(step_id)

    def _run(self, path: str, step_id: str, why: str) -> None:
        self.why[path] = why
        self.affected.add(step_id)

    def _reuse(self, compiled: StepProgram, attempt: LastAttempt) -> None:
        if compiled.control is None and compiled.input is not None and is_lost_milestone(compiled, attempt):
            output, slots = pack(compiled.input.resolve(self.new))
            attempt = replace(attempt, output=output, slots=slots)
        before = self.wish.before
        self.outputs[compiled.step.id] = recorded_output(before.program, before.attempts, attempt)
        self.done[compiled.step.id] = self.reused[attempt.step_id] = as_reused(attempt)

    # -- why ------

    def _ran(self, old: StepProgram | None, attempt: LastAttempt | None) -> bool:
        """Whether it was not skipped. Inside of blocks, skips are not recorded: they are decided by what was read."""
        if attempt is not None or not self.prefix or old is None:
            return attempt is None or attempt.status != "skipped"
        if old.reads and all(each in self.skipped for each in old.reads):
            return False
        return holds(old.condition, self.old) is not False

    def _why_it_runs(
        self, compiled: StepProgram, old: StepProgram | None, attempt: LastAttempt | None, *, ran: bool
    ) -> str:
        """Empty: it does not, or its inside says."""
        if self.prefix + compiled.step.id in self.wish.chosen:
            return CHOSEN
        above = next((each for each in compiled.requires if each in self.affected), None)
        if old is None or self._has_no_output(compiled, old, attempt, ran=ran):
            return NO_OUTPUT
        if not ran:
            if attempt is not None and attempt.reason not in DECIDED_AGAIN:
                return f"{DOWNSTREAM}{self.prefix}{above}" if above is not None else NO_OUTPUT
        elif self._is_otherwise(old, compiled) or not self._is_handled_alike(old, compiled, attempt):
            return DEFINITION_CHANGED
        if above is not None:
            return f"{DOWNSTREAM}{self.prefix}{above}"
        if self._is_decided_otherwise(old, compiled, ran=ran):
            return INPUT_CHANGED if text_of(old.condition) == text_of(compiled.condition) else DEFINITION_CHANGED
        if ran and compiled.control is None and not self._has_same_input(old, compiled):
            return INPUT_CHANGED if old.step.input == compiled.step.input else DEFINITION_CHANGED
        return ""

    def _has_no_output(
        self, compiled: StepProgram, old: StepProgram, attempt: LastAttempt | None, *, ran: bool
    ) -> bool:
        if not ran or compiled.control is not None:
            return attempt is None and not self.prefix
        if attempt is None:
            return not self.prefix or old.step.handler is not None or compiled.step.handler is not None
        return attempt.status != "completed" or self._is_lost(attempt)

    def _is_lost(self, attempt: LastAttempt) -> bool:
        """What an error handler gave for it is not recorded any more: it always is a mapping."""
        before = self.wish.before
        return attempt.reason == "recovered" and recorded_output(before.program, before.attempts, attempt) is None

    def _is_otherwise(self, old: StepProgram, new: StepProgram) -> bool:
        """What runs is something else. Handlers may read all of the context, so its beginning counts for each."""
        if old.step.handler != new.step.handler or type(old.control) is not type(new.control):
            return True
        return new.step.handler is not None and not self.wish.same_context

    def _is_handled_alike(self, old: StepProgram, new: StepProgram, attempt: LastAttempt | None) -> bool:
        """Whether what recovered the step, if anything did, still is what handles its failure."""
        if attempt is None or attempt.reason != "recovered":
            return True
        if old.error_handler is None or old.error_handler != new.error_handler:
            return False
        before, after = self.old_block.steps[old.error_handler], self.new_block.steps[old.error_handler]
        alike = before.step.handler == after.step.handler and before.step.condition == after.step.condition
        return alike and self._has_same_input(before, after)

    def _is_decided_otherwise(self, old: StepProgram, new: StepProgram, *, ran: bool) -> bool:
        """Whether it runs where it was skipped, or the other way round. What the condition reads of the context may
        have changed since: where both versions of it agree now, they did then."""
        if new.reads and all(each in self.skipped for each in new.reads):
            return ran
        before, after = holds(old.condition, self.old), holds(new.condition, self.new)
        return False if before == after and (ran or old.condition is not None) else after is not ran

    def _has_same_input(self, old: StepProgram, new: StepProgram) -> bool:
        if old.input is None and new.input is None:
            return new.step.handler is None or self.wish.same_input
        if old.input is not None and new.input is not None:
            return resolves_alike(old.input, self.old, new.input, self.new)
        try:
            before = self.old.input_data if old.input is None else old.input.resolve(self.old)
            after = self.new.input_data if new.input is None else new.input.resolve(self.new)
        except LongpoleError:
            return False
        return same(before, after)


class _Either:
    def __init__(self, *containers: Container[object]) -> None:
        self._containers = containers

    def __contains__(self, step_id: object) -> bool:
        return any(step_id in each for each in self._containers)


def _inside(around: Scope, outputs: list[dict[str, Any]], skipped: set[str], loop: Mapping[str, Any] | None) -> Scope:
    return around.within_block(ChainMap(*outputs), _Either(skipped, around.skipped), loop)
