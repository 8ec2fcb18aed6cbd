"""What is done of a run that is over, by its records, and the state that it goes on from. Pure.

Done is what completed, or was recovered by an error handler. Everything else is as if it had not been, but for how
often it has begun: what runs again has a start, and so records, of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from definitions.block import StepProgram, around, step_at
from definitions.calls import StepFailure
from definitions.errors import CheckpointInvalid, Conflict
from definitions.program import Program
from definitions.run_state import RunState
from definitions.values import unpack
from store.continuing import LastAttempt
from workflows.retention import OutputRetention

DECIDED_AGAIN = ("condition", "upstream_skipped", "not_needed")
"""Reasons for which a step was skipped by a decision that may come out differently."""
_ENDED_UNTOLD = ("worker_lost", "timeout")
"""Error classes of a step that an attempt was made of though none may be recorded; others failed before there was one,
by their condition or references."""

Attempts = Mapping[str, LastAttempt]


@dataclass(frozen=True)
class DoneSteps:
    """Step ids in the definition's order."""

    state: RunState
    reused: tuple[str, ...]
    run_again: tuple[str, ...]
    decided_again: tuple[str, ...]
    needed: frozenset[str]
    """Of the steps that are done those whose outputs the run can't do without."""


def done_steps(
    program: Program, attempts: Attempts, *, run_input: Any, context: Mapping[str, Any], started_at: float
) -> DoneSteps:
    """What the last attempts of its steps say of a run. Raises `CheckpointInvalid` (`output_lost`)."""
    done = {step_id for step_id in program.order if _completed(program, attempts, step_id)}
    needed = _needed(program, attempts, done)
    state = RunState.new(program.order, run_input, dict(context))
    state.started_at = started_at
    kept = done | {each for each in attempts.keys() & program.steps.keys() if _recovered_some(program, attempts, each)}
    for step_id in program.order:
        attempt = attempts.get(step_id)
        if step_id in kept:
            _restore(state, attempts[step_id], settled=step_id in done)
        elif attempt is not None:
            step = state.own(step_id)
            step.starts = step.earlier_starts = attempt.starts
    for step_id in sorted(kept, key=lambda each: (state.steps[each].completed_at or 0.0, program.steps[each].index)):
        output = recorded_output(program, attempts, attempts[step_id])
        if output is not None or attempts[step_id].reason != "recovered":
            state.outputs[step_id] = output
        elif step_id in needed:
            raise CheckpointInvalid(
                f"what an error handler gave for step {step_id!r} is not recorded any more, and is needed to go on",
                code="output_lost",
                remedy="start a new run",
            )
    retention = OutputRetention(program.root, state.outputs)
    for step_id in program.order:
        if step_id not in done:
            retention.expect(program.steps[step_id])
    retention.trim()
    return DoneSteps(
        state=state,
        reused=tuple(step_id for step_id in program.order if step_id in done),
        run_again=tuple(
            step_id for step_id in program.order if step_id not in done and not _decided(program, attempts, step_id)
        ),
        decided_again=tuple(
            step_id for step_id in program.order if step_id not in done and _decided(program, attempts, step_id)
        ),
        needed=frozenset(needed & kept),
    )


def not_to_repeat(
    program: Program,
    attempts: Attempts,
    run_again: Collection[str],
    repeat: Collection[str] = (),
    *,
    reused: Collection[str] = (),
) -> list[str]:
    """The path ids of steps that say `at_most_once`, have begun, and are among `run_again` or in what is, but not among
    `reused`; without those that `repeat` names, or what they are in."""
    inside = [
        path
        for path in attempts
        if "." in path and path not in reused and any(each in run_again for each in around(path))
    ]
    return [
        path
        for path in dict.fromkeys([*run_again, *inside])
        if _is_once(program, path)
        and _has_begun(attempts.get(path))
        and not any(each in repeat for each in (path, *around(path)))
    ]


def refuse_repeats(
    program: Program,
    attempts: Attempts,
    run_again: Collection[str],
    repeat: Collection[str],
    *,
    reused: Collection[str] = (),
    command: str = "resume",
) -> None:
    """Raises `Conflict` (`at_most_once`) when steps would begin again that must not, unless `repeat` names them.
    `command`: which one allows it."""
    refused = not_to_repeat(program, attempts, run_again, repeat, reused=reused)
    if refused:
        names = ", ".join(refused[:5]) + (", ..." if len(refused) > 5 else "")
        raise Conflict(
            f"going on would start again what says `at_most_once` and has begun: {names}",
            code="at_most_once",
            remedy=f"find out how far it came; then allow it (`longpole {command} --repeat STEP`), or start a new run",
        )


def _is_once(program: Program, path: str) -> bool:
    compiled = step_at(program.root, path)
    return compiled is not None and compiled.step.at_most_once


def _has_begun(attempt: LastAttempt | None) -> bool:
    if attempt is None:
        return False
    if attempt.status == "completed":
        return True  # a rerun has not started what it reuses, but an earlier run did
    if not attempt.starts:
        return False
    refused = attempt.attempt == 0 and attempt.status == "failed" and attempt.error_class not in _ENDED_UNTOLD
    return attempt.starts > 1 or not refused


def _completed(program: Program, attempts: Attempts, step_id: str) -> bool:
    """An error handler is done when there is nothing left that it could be needed for."""
    attempt = attempts.get(step_id)
    if attempt is None or attempt.status != "completed":
        return False
    return all(each in attempts and attempts[each].status == "completed" for each in program.steps[step_id].handles)


def _recovered_some(program: Program, attempts: Attempts, step_id: str) -> bool:
    """Whether it is an error handler that has completed, and that some step owes its output to."""
    if attempts[step_id].status != "completed":
        return False
    return any(
        each in attempts and (attempts[each].status, attempts[each].reason) == ("completed", "recovered")
        for each in program.steps[step_id].handles
    )


def _decided(program: Program, attempts: Attempts, step_id: str) -> bool:
    attempt = attempts.get(step_id)
    skipped = attempt is not None and attempt.status == "skipped" and attempt.reason in DECIDED_AGAIN
    return skipped or bool(program.steps[step_id].handles)


def _needed(program: Program, attempts: Attempts, done: set[str]) -> set[str]:
    """Steps whose outputs are read by what is not done, or are the run's result.

    A milestone whose output is not recorded any more is taken out of `done`: to make it again costs nothing."""
    needed: set[str] = set()
    readers: list[Iterator[str]] = [iter(program.sinks)]
    readers += [iter(program.steps[step_id].sources) for step_id in program.order if step_id not in done]
    while readers:
        for step_id in readers.pop():
            if step_id in needed:
                continue
            needed.add(step_id)
            if step_id in done and is_lost_milestone(program.steps[step_id], attempts[step_id]):
                done.discard(step_id)
                readers.append(iter(program.steps[step_id].sources))
    return needed


def is_lost_milestone(compiled: StepProgram, attempt: LastAttempt) -> bool:
    """The output of a milestone is its input, a mapping: null is what is left of one that was dropped."""
    is_milestone = compiled.step.handler is None and compiled.input is not None
    return is_milestone and attempt.output is None and not attempt.slots


def _restore(state: RunState, attempt: LastAttempt, *, settled: bool) -> None:
    step = state.set_status(attempt.step_id, "completed")
    step.reason = attempt.reason
    step.started_at = attempt.started_at.timestamp() if attempt.started_at else None
    step.completed_at = attempt.completed_at.timestamp() if attempt.completed_at else None
    step.starts, step.attempts, step.settled = attempt.starts, attempt.attempt, settled
    if attempt.error_message is not None:
        step.error = StepFailure(message=attempt.error_message, error_class=attempt.error_class or "error")


def recorded_output(program: Program, attempts: Attempts, attempt: LastAttempt) -> Any:
    """What is recorded; of a step that was recovered, the error handler's own output is as good."""
    output = unpack(attempt.output, attempt.slots or [])
    if output is not None or attempt.reason != "recovered":
        return output
    handler = attempts.get(program.steps[attempt.step_id].error_handler or "")
    alone = program.steps[handler.step_id].handles == (attempt.step_id,) if handler is not None else False
    return unpack(handler.output, handler.slots or []) if handler is not None and alone else None
