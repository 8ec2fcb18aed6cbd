"""Which outputs of a run a rerun of it may reuse, and why it runs the rest. Pure.

A step is reused when it would do the same again: it completed, its handler and its resolved input are what they were,
and nothing that it waits for runs again (`docs/decisions/0012-what-a-rerun-reuses.md`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from definitions.block import StepProgram
from definitions.digest import canonical_json
from definitions.errors import LongpoleError
from definitions.expressions import Expression
from definitions.graph import topological_order, with_handler_edges
from definitions.nearest import did_you_mean
from definitions.program import Program
from definitions.scope import Scope
from definitions.values import Packed, pack
from engine.done_steps import DECIDED_AGAIN, Attempts, is_lost_milestone, recorded_output
from store.continuing import LastAttempt

CHOSEN = "chosen"
DEFINITION_CHANGED = "definition changed"
INPUT_CHANGED = "input changed"
NO_OUTPUT = "has no output"
REUSED = "reused"
"""The reason of a step that counts as completed because the output of another run stands for it."""
_DOWNSTREAM = "downstream of "


@dataclass(frozen=True)
class RunAsItWas:
    """A run that is over: what it went by, and what the last attempts of its steps say."""

    execution_id: str
    program: Program
    attempts: Attempts
    input: Any
    context: Mapping[str, Any]
    """The shared context at its end."""


@dataclass(frozen=True)
class RerunPlan:
    """Each step is in one of the three; step ids in the definition's order."""

    reused: Mapping[str, LastAttempt]
    """As the rerun has them: attempt 0, never started."""
    why: Mapping[str, str]
    """The steps that run, and why: `chosen`, `has no output`, `definition changed`, `downstream of X` or
    `input changed`."""
    decided_again: tuple[str, ...]
    """What was skipped and will be again, and error handlers: they run only if what they handle fails."""
    context: Mapping[str, Any]
    """What the rerun begins with in its shared context."""


def rerun_plan(before: RunAsItWas, program: Program, run_input: Any, chosen: Collection[str] = ()) -> RerunPlan:
    """What a rerun by that program and input reuses. `chosen`: steps that run again whatever their records say.

    Raises `LongpoleError` (`unknown_step`, `error_handler_chosen`)."""
    for step_id in chosen:
        _require_choosable(program, step_id)
    return _Planning(before, program, run_input, frozenset(chosen)).plan()


def _require_choosable(program: Program, step_id: str) -> None:
    if step_id not in program.steps:
        raise LongpoleError(
            f"the definition has no step {step_id[:128]!r} to run again from",
            code="unknown_step",
            remedy=did_you_mean(step_id, program.order) or "`longpole show` lists the steps",
        )
    handled = program.steps[step_id].handles
    if handled:
        raise LongpoleError(
            f"{step_id!r} is an error handler: it runs only when a step fails",
            code="error_handler_chosen",
            remedy=f"choose the step whose failure it handles: {', '.join(handled[:5])}",
        )


class _Planning:
    def __init__(self, before: RunAsItWas, program: Program, run_input: Any, chosen: frozenset[str]) -> None:
        self._before = before
        self._program = program
        self._chosen = chosen
        self._same_input = _same(before.input, run_input)
        self._same_context = before.program.definition.context == program.definition.context
        self._reused: dict[str, LastAttempt] = {}
        self._why: dict[str, str] = {}
        self._affected: set[str] = set()
        """What runs again, or may turn out otherwise than it did."""
        self._skipped: set[str] = set()
        """What is skipped as it was."""
        self._outputs: dict[str, Any] = {}
        """Of reused steps, seen by both scopes: where they differ, what reads them runs again anyway."""
        unavailable = {
            step_id for step_id, each in before.attempts.items() if each.status in ("skipped", "failed", "cancelled")
        }
        self._old = self._scope(before.program, before.input, unavailable)
        self._new = self._scope(program, run_input, self._skipped)

    def _scope(self, program: Program, run_input: Any, skipped: Collection[str]) -> Scope:
        return Scope(
            input_data=run_input,
            context=self._before.context,
            step_outputs=self._outputs,
            skipped=skipped,
            # That a rerun has an id of its own changes no input.
            workflow={"input": run_input, "id": self._before.execution_id, "name": program.definition.name},
        )

    def plan(self) -> RerunPlan:
        program = self._program
        edges = {step_id: compiled.requires for step_id, compiled in program.steps.items()}
        for step_id in topological_order(with_handler_edges(edges, program.definition.error_handlers)):
            compiled = program.steps[step_id]
            if compiled.handles:
                self._plan_error_handler(compiled)
            else:
                self._plan_step(compiled)
        return RerunPlan(
            reused={each: self._reused[each] for each in program.order if each in self._reused},
            why={each: self._why[each] for each in program.order if each in self._why},
            decided_again=tuple(each for each in program.order if each not in self._reused and each not in self._why),
            context=self._context(),
        )

    def _plan_step(self, compiled: StepProgram) -> None:
        step_id = compiled.step.id
        attempt = self._before.attempts.get(step_id)
        why = self._why_it_runs(compiled, attempt)
        if why:
            self._why[step_id] = why
            self._affected.add(step_id)
        elif attempt is not None and attempt.status == "completed":
            self._reuse(compiled, attempt)
        else:
            self._skipped.add(step_id)

    def _plan_error_handler(self, compiled: StepProgram) -> None:
        step_id = compiled.step.id
        attempt = self._before.attempts.get(step_id)
        if any(each in self._affected for each in compiled.handles):
            self._affected.add(step_id)
        elif attempt is not None and attempt.status == "completed":
            self._reuse(compiled, attempt)
        else:
            self._skipped.add(step_id)

    def _reuse(self, compiled: StepProgram, attempt: LastAttempt) -> None:
        if compiled.input is not None and is_lost_milestone(compiled, attempt):
            output, slots = pack(compiled.input.resolve(self._new))
            attempt = replace(attempt, output=output, slots=slots)
        self._outputs[compiled.step.id] = recorded_output(self._program, self._before.attempts, attempt)
        # Nothing of it ran in the rerun; when its output was made stays told.
        self._reused[compiled.step.id] = replace(
            attempt, attempt=0, starts=0, started_at=None, reason=attempt.reason or REUSED
        )

    def _why_it_runs(self, compiled: StepProgram, attempt: LastAttempt | None) -> str:
        """Empty: it does not."""
        old = self._before.program.steps.get(compiled.step.id)
        if compiled.step.id in self._chosen:
            return CHOSEN
        above = next((each for each in compiled.requires if each in self._affected), None)
        if attempt is None or old is None or attempt.status in ("failed", "cancelled"):
            return NO_OUTPUT
        if attempt.status == "skipped":
            if attempt.reason not in DECIDED_AGAIN:
                return f"{_DOWNSTREAM}{above}" if above is not None else NO_OUTPUT
        elif attempt.status != "completed" or self._is_lost(attempt):
            return NO_OUTPUT
        elif self._is_otherwise(old, compiled) or not self._is_handled_alike(old, compiled, attempt):
            return DEFINITION_CHANGED
        if above is not None:
            return f"{_DOWNSTREAM}{above}"
        if self._is_decided_otherwise(old, compiled, ran=attempt.status == "completed"):
            return INPUT_CHANGED if _text(old.condition) == _text(compiled.condition) else DEFINITION_CHANGED
        if attempt.status == "completed" and not self._has_same_input(old, compiled):
            return INPUT_CHANGED if old.step.input == compiled.step.input else DEFINITION_CHANGED
        return ""

    def _is_lost(self, attempt: LastAttempt) -> bool:
        """What an error handler gave for it is not recorded any more: it always is a mapping."""
        recovered = attempt.reason == "recovered"
        return recovered and recorded_output(self._before.program, self._before.attempts, attempt) is None

    def _is_otherwise(self, old: StepProgram, new: StepProgram) -> bool:
        """What runs is something else. Handlers may read all of the context, so its beginning counts for each."""
        return old.step.handler != new.step.handler or (new.step.handler is not None and not self._same_context)

    def _is_handled_alike(self, old: StepProgram, new: StepProgram, attempt: LastAttempt) -> bool:
        """Whether what recovered the step, if anything did, still is what handles its failure."""
        if attempt.reason != "recovered":
            return True
        if old.error_handler is None or old.error_handler != new.error_handler:
            return False
        before = self._before.program.steps[old.error_handler]
        after = self._program.steps[old.error_handler]
        alike = before.step.handler == after.step.handler and before.step.condition == after.step.condition
        return alike and self._has_same_input(before, after)

    def _is_decided_otherwise(self, old: StepProgram, new: StepProgram, *, ran: bool) -> bool:
        """Whether it runs where it was skipped, or the other way round. What the condition reads of the context may
        have changed since: where both versions of it agree now, they did then."""
        if new.reads and all(each in self._skipped for each in new.reads):
            return ran
        before, after = _holds(old.condition, self._old), _holds(new.condition, self._new)
        return False if before == after and (ran or old.condition is not None) else after is not ran

    def _has_same_input(self, old: StepProgram, new: StepProgram) -> bool:
        if old.input is None and new.input is None:
            return new.step.handler is None or self._same_input
        try:
            before = self._before.input if old.input is None else old.input.resolve(self._old)
            after = self._new.input_data if new.input is None else new.input.resolve(self._new)
        except LongpoleError:
            return False
        return _same(before, after)

    def _context(self) -> Mapping[str, Any]:
        """The definition's, and what reused steps added. Where the records don't tell who added what: as at the end."""
        attempts = self._before.attempts.values()
        completed = sorted(
            (each for each in attempts if each.status == "completed" and each.completed_at is not None),
            key=lambda each: each.completed_at.timestamp() if each.completed_at else 0.0,
        )
        told, begun = dict(self._before.program.definition.context), dict(self._program.definition.context)
        for each in completed:
            told.update(each.context or {})
            if each.step_id in self._reused:
                begun.update(each.context or {})
        return begun if told == self._before.context else self._before.context


def _text(condition: Expression | None) -> str | None:
    return condition.text if condition is not None else None


def _holds(condition: Expression | None, scope: Scope) -> bool | None:
    """None: it can't be told."""
    try:
        return condition is None or condition.test(scope)
    except LongpoleError:
        return None


def _same(one: Any, other: Any) -> bool:
    """The same JSON: 1 is neither true nor 1.0."""
    return _canonical(pack(one)) == _canonical(pack(other))


def _canonical(packed: Packed) -> bytes:
    return canonical_json(list(packed))
